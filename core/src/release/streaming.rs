//! The sealed archive of a release, opened while it arrives.

use std::fmt;
use std::path::Path;

use super::policy::TrustedRelease;
use crate::error::{Error, Result};
use crate::keys::ContentKey;
use crate::progress::Control;
use crate::sealed;
use crate::sealed::{ExpectedSealed, PartialOpening};
use crate::verified::{Proof, VerifiedArchive};

/// What has arrived of a sealed archive, opened segment by segment: whoever downloads need not wait for the end, nor begin
/// anew where a download was gone on with.
///
/// The plain bytes lie in a private file that is removed when this is dropped. Nobody reads them before
/// [`finish`](Self::finish) proves the whole. An error consumes it, so that nothing follows on a bad segment. Another process
/// begins anew from the part that is there, which takes no longer than hashing it.
pub struct Arriving {
    opening: PartialOpening,
    expected: ExpectedSealed,
    proof: Proof,
}

impl TrustedRelease {
    /// Begins with what the file `part` holds of this release's sealed archive; `None` if its header has not arrived in full.
    /// The plain bytes go into a private file in `staging`.
    ///
    /// # Errors
    /// As [`open`](Self::open), as far as the header tells; [`InvalidInput`](crate::ErrorKind::InvalidInput) if the release
    /// names a plain archive or none.
    pub fn begin_opening(&self, part: &Path, staging: &Path, content_keys: &[&ContentKey]) -> Result<Option<Arriving>> {
        let Some(expected) = self.expected_sealed() else {
            self.require_bundle()?;
            let problem = "the release names a plain archive, of which nothing is opened";
            return Err(Error::invalid_input(part.display().to_string(), problem));
        };
        let opening = PartialOpening::begin(part, staging, content_keys, Some(&expected))?;
        Ok(opening.map(|opening| Arriving {
            opening,
            expected,
            proof: self.proof(),
        }))
    }
}

impl TrustedRelease {
    /// The header in `start`, the first bytes of this release's sealed archive, which errors call `name`; `None` if it has not
    /// arrived in full, or the release names a plain archive.
    ///
    /// # Errors
    /// As [`open`](Self::open), as far as the header tells without a key.
    pub(crate) fn header_in(&self, start: &[u8], name: &Path) -> Result<Option<sealed::Header>> {
        match self.expected_sealed() {
            Some(expected) => sealed::named_header(start, name, &expected),
            None => Ok(None),
        }
    }
}

impl Arriving {
    /// Plain bytes opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opening.opened()
    }

    /// Opens what has arrived in whole segments since the last time.
    ///
    /// # Errors
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) at the first segment that was changed, or if the file goes on
    /// behind the last; [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn advance(self, control: &Control) -> Result<Self> {
        let opening = self.opening.advance(control)?;
        Ok(Self { opening, ..self })
    }

    /// Opens the rest of an archive that has arrived in full, and proves it.
    ///
    /// # Errors
    /// As [`TrustedRelease::open`].
    pub fn finish(self, control: &Control) -> Result<VerifiedArchive> {
        self.opening.finish(&self.expected, self.proof, control)
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Arriving")
            .field("opened", &self.opened())
            .finish_non_exhaustive()
    }
}
