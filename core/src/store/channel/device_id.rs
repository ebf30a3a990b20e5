//! The id of a device: a UUID, created on first use.
//!
//! Stores of earlier versions contain 32 hexadecimal digits of the same 128 random bits, which are not a UUID. That
//! string is kept, since it decides which rollouts include the device; [`Store::device_id`] returns the UUID of its
//! bits.

use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::store::open::Store;

/// RFC 9562 §5.4: version 4, random.
const VERSION: u128 = 4 << 76;
const VERSION_MASK: u128 = 0xf << 76;
/// RFC 9562 §4.1: the variant of all its UUIDs.
const VARIANT: u128 = 0b10 << 62;
const VARIANT_MASK: u128 = 0b11 << 62;
const HEX_DIGITS: usize = 32;

impl Store {
    /// The id of this device: a UUID of version 4 (RFC 9562) in lower case. It is created on first use, durable when
    /// this returns, and stays the same until the store is removed.
    ///
    /// It decides rollouts if [`ChannelSource::device_id`](crate::store::ChannelSource) is `None`. A store created by
    /// an earlier version decides by the string which that version wrote, so that no device changes its bucket; the
    /// UUID has the same bits except for version and variant.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace).
    pub fn device_id(&self) -> Result<String> {
        Ok(uuid_of(&self.stored_device_id()?))
    }

    /// The string that decides rollouts: `id` if the host provides one, otherwise the id of this device.
    pub(in crate::store) fn rollout_id(&self, id: Option<&str>) -> Result<String> {
        let Some(id) = id else { return self.stored_device_id() };
        // A host that passes the id returned by the store stays in the same bucket, even if an earlier version decided
        // by another string.
        let stored = self.state()?.trust.device_id.filter(|stored| uuid_of(stored) == id);
        Ok(stored.unwrap_or_else(|| id.to_owned()))
    }

    fn stored_device_id(&self) -> Result<String> {
        if let Some(id) = self.state()?.trust.device_id {
            return Ok(id);
        }
        let new = random_uuid()?;
        self.change(|state| Ok(state.trust.device_id.get_or_insert(new).clone()))
    }
}

fn random_uuid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::random)?;
    Ok(uuid(u128::from_be_bytes(bytes)))
}

/// The UUID of a stored string. A UUID is returned unchanged.
fn uuid_of(stored: &str) -> String {
    let digits = stored.replace('-', "");
    let is_hex = digits.len() == HEX_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    // No version writes any other string.
    let digits = if is_hex {
        digits
    } else {
        Sha256Digest::of(stored.as_bytes()).to_string()
    };
    uuid(u128::from_str_radix(&digits[..HEX_DIGITS], 16).unwrap_or_default())
}

fn uuid(bits: u128) -> String {
    let bits = bits & !VERSION_MASK & !VARIANT_MASK | VERSION | VARIANT;
    let digits = format!("{bits:0HEX_DIGITS$x}");
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_string_becomes_the_uuid_of_its_bits_and_a_uuid_is_unchanged() {
        let uuid = uuid_of("0123456789abcdef0123456789abcdef");
        assert_eq!(uuid, "01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(uuid_of(&uuid), uuid);
        assert_eq!(
            uuid_of("ffffffffffffffffffffffffffffffff"),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(uuid_of("another string").len(), 36);
    }
}
