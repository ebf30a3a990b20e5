//! Decrypting the sealed archive of a release while it downloads.

use std::fmt;
use std::path::Path;

use super::policy::TrustedRelease;
use crate::error::{Error, Result};
use crate::keys::ContentKey;
use crate::progress::Control;
use crate::sealed::{self, ExpectedSealed, PartialOpening};
use crate::verified::{Proof, VerifiedArchive};

/// A sealed archive that is decrypted segment by segment while it downloads.
///
/// The plain bytes are in a private file that is removed when this is dropped. They cannot be read before
/// [`finish`](Self::finish) verifies the whole archive. An error consumes the value, so that nothing follows a bad segment.
/// After a restart, decrypt the partial download from its start, which takes as long as hashing it.
pub struct StreamingOpen {
    opening: PartialOpening,
    expected: ExpectedSealed,
    proof: Proof,
}

impl TrustedRelease {
    /// Starts with the partial download `part` of this release's sealed archive; `None` if its header is incomplete. The plain
    /// bytes go into a private file in `staging`.
    ///
    /// # Errors
    /// As [`open`](Self::open), for errors in the header; [`InvalidInput`](crate::ErrorKind::InvalidInput) if the release has no
    /// sealed archive.
    pub fn begin_opening(
        &self,
        part: &Path,
        staging: &Path,
        content_keys: &[&ContentKey],
    ) -> Result<Option<StreamingOpen>> {
        let Some(expected) = self.expected_sealed() else {
            self.require_bundle()?;
            let problem = "expected the part of a sealed archive; the release has a plain one, which is not decrypted";
            return Err(Error::invalid_input(part.display().to_string(), problem));
        };
        let opening = PartialOpening::begin(part, staging, content_keys, Some(&expected))?;
        Ok(opening.map(|opening| StreamingOpen {
            opening,
            expected,
            proof: self.proof(),
        }))
    }
}

impl TrustedRelease {
    /// The header in `start`, the first bytes of this release's sealed archive; `None` if it is incomplete or the release has a
    /// plain archive. Errors name the archive `name`.
    ///
    /// # Errors
    /// As [`open`](Self::open), for errors in the header that need no key to detect.
    pub(crate) fn header_in(&self, start: &[u8], name: &Path) -> Result<Option<sealed::Header>> {
        match self.expected_sealed() {
            Some(expected) => sealed::named_header(start, name, &expected),
            None => Ok(None),
        }
    }
}

impl StreamingOpen {
    /// Plain bytes decrypted so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opening.opened()
    }

    /// Decrypts the complete segments that arrived since the last call.
    ///
    /// # Errors
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) at the first modified segment, or if data follows
    /// the last segment; [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn advance(self, control: &Control) -> Result<Self> {
        let opening = self.opening.advance(control)?;
        Ok(Self { opening, ..self })
    }

    /// Decrypts the rest of a complete archive and verifies the whole.
    ///
    /// # Errors
    /// As [`TrustedRelease::open`].
    pub fn finish(self, control: &Control) -> Result<VerifiedArchive> {
        self.opening.finish(&self.expected, self.proof, control)
    }
}

impl fmt::Debug for StreamingOpen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamingOpen")
            .field("opened", &self.opened())
            .finish_non_exhaustive()
    }
}
