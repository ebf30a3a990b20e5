//! The sections of one profile in the two files of `~/.aws`.

use super::super::profile::{ProfileFile, Section};
use crate::error::{Error, Result};

/// The sections of one profile. Values in `~/.aws/credentials` take precedence over those in `~/.aws/config`.
pub(super) struct Sections<'a> {
    pub(super) name: &'a str,
    pub(super) secrets: Option<&'a Section>,
    pub(super) config: Option<&'a Section>,
}

impl Sections<'_> {
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>> {
        for section in [self.secrets, self.config].into_iter().flatten() {
            if let Some(value) = section.get(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let mut sections = [self.secrets, self.config].into_iter().flatten();
        sections.any(|section| section.has(name))
    }

    /// The endpoint of S3: from the section `[services …]` that the profile names, otherwise from the profile itself.
    pub(super) fn endpoint(&self, config: Option<&ProfileFile>) -> Result<Option<String>> {
        if let Some(services) = self.get("services")? {
            let section = config.and_then(|file| file.services(services)).ok_or_else(|| {
                let problem = format!("`services` names {services:?}, but there is no section [services {services}]");
                Error::invalid_input(format!("profile {}", self.name), problem)
            })?;
            if let Some(endpoint) = section.nested("s3", "endpoint_url")? {
                return Ok(Some(endpoint.to_owned()));
            }
        }
        if let Some(endpoint) = self.get("endpoint_url")? {
            return Ok(Some(endpoint.to_owned()));
        }
        // A plugin of the AWS command line reads it here; Amazon's own tools do not. In either case another store is meant.
        for section in [self.secrets, self.config].into_iter().flatten() {
            if section.nested("s3", "endpoint_url")?.is_some() {
                let problem = "endpoint_url below `s3 =`, where Amazon's tools do not read it: move it to the profile itself or to \
                               `s3` in a section [services …], or pass the endpoint (`--s3-endpoint`)";
                return Err(Error::invalid_input(format!("profile {}", self.name), problem));
            }
        }
        Ok(None)
    }
}
