//! The files in `~/.aws`: sections of names and values.

use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, IoContext, Result};

/// Larger than any such file is.
const MAX_SIZE: u64 = 1 << 20;

/// One section, what follows it in order. Values are secrets.
pub(super) struct Section(Vec<(String, Zeroizing<String>)>);

impl Section {
    /// The section whose header is one of `names`; `None` if the file or the section does not exist.
    pub(super) fn read(path: &Path, names: &[&str]) -> Result<Option<Self>> {
        let size = match std::fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        if size > MAX_SIZE {
            let problem = format!("it has {size} bytes, which no file of profiles has");
            return Err(Error::invalid_input(path.display().to_string(), problem));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).at("read", path)?);
        Ok(Self::find(&text, names))
    }

    fn find(text: &str, names: &[&str]) -> Option<Self> {
        let mut found: Option<Self> = None;
        let mut inside = false;
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(header) = content.strip_prefix('[') {
                let header = header.split(']').next().unwrap_or_default();
                let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
                inside = names.contains(&header.as_str());
                if inside {
                    found.get_or_insert_with(|| Self(Vec::new()));
                }
                continue;
            }
            // What is indented belongs to the value before, as the settings of one service do.
            let nested = line.starts_with([' ', '\t']);
            if let (true, false, Some(section), Some((name, value))) =
                (inside, nested, found.as_mut(), content.split_once('='))
            {
                let name = name.trim().to_ascii_lowercase();
                section.0.push((name, Zeroizing::new(value.trim().to_owned())));
            }
        }
        found
    }

    /// The last value of this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self
            .0
            .iter()
            .rev()
            .filter(|(found, value)| found == name && !value.is_empty());
        values.next().map(|(_, value)| value.as_str())
    }
}
