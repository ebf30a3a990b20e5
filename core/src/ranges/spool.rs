//! Received bytes that are not yet complete: in memory while they are few, then in a file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use crate::error::{IoContext, Result};
use crate::io::vfs::{Files, is_not_a_file};

/// Larger contents go to the file.
const IN_MEMORY: usize = 1 << 20;
const BUFFER: usize = 64 << 10;

pub(super) struct Spool<'a> {
    disk: &'a dyn Files,
    path: PathBuf,
    memory: Vec<u8>,
    file: Option<Box<dyn Write + Send>>,
}

impl<'a> Spool<'a> {
    /// An empty spool. The file at `path` is created when it is needed, and replaces what an interrupted call left.
    pub(super) fn new(disk: &'a dyn Files, path: PathBuf) -> Self {
        Self {
            disk,
            path,
            memory: Vec::new(),
            file: None,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.file.is_none() && self.memory.len() + bytes.len() > IN_MEMORY {
            self.remove()?;
            let mut file = self.disk.create(&self.path).with_path("create", &self.path)?;
            let written = file.write_all(&self.memory);
            self.file = Some(file);
            written.with_path("write", &self.path)?;
            self.memory = Vec::new();
        }
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).with_path("write", &self.path);
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads the contents from the start.
    pub(super) fn reader(&mut self) -> Result<Box<dyn BufRead + '_>> {
        let Some(file) = &mut self.file else {
            return Ok(Box::new(self.memory.as_slice()));
        };
        file.flush().with_path("write", &self.path)?;
        let file = self.disk.open(&self.path).with_path("open", &self.path)?;
        Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
    }

    /// Empties the spool, and removes its file.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.memory.clear();
        match self.file.take() {
            Some(_) => self.remove(),
            None => Ok(()),
        }
    }

    fn remove(&self) -> Result<()> {
        match self.disk.remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if is_not_a_file(&error) => self.disk.remove_folder(&self.path).with_path("remove", &self.path),
            result => result.with_path("remove", &self.path),
        }
    }
}

/// Reads `count` bytes.
pub(super) fn skip(source: &mut dyn Read, count: u64) -> io::Result<()> {
    io::copy(&mut source.take(count), &mut io::sink()).map(|_| ())
}
