//! Rollout buckets: which devices take a candidate. Each device computes its own, always the same (docs/format.md, "Which release
//! a device takes").

use crate::app_id::AppId;
use crate::digest::Sha256Digest;

/// Domain separation from other hashes of the same input.
const DOMAIN: &[u8] = b"capbundle-rollout-v1";
/// The number of buckets: a rollout is in hundredths of a percent.
pub const BUCKETS: u16 = 10_000;

/// The bucket of a device for the bundle whose plain archive has this digest, 0 to 9,999.
///
/// A device takes a candidate if its bucket is below `rollout_bps`, so raising the rollout only adds devices. A device has a
/// different bucket for each bundle.
#[must_use]
pub fn bucket(app: &AppId, archive: &Sha256Digest, device_id: &str) -> u16 {
    let mut bytes = DOMAIN.to_vec();
    bytes.push(0);
    bytes.extend_from_slice(app.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(archive.as_bytes());
    bytes.extend_from_slice(device_id.as_bytes());
    let hash = Sha256Digest::of(&bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    let scaled = (u128::from(u64::from_be_bytes(first)) * u128::from(BUCKETS)) >> 64;
    // The value is below BUCKETS, so it fits.
    u16::try_from(scaled).unwrap_or(BUCKETS - 1)
}

#[cfg(test)]
mod tests;
