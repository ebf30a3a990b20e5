//! Selects the devices that get the rollout bundle of a channel.

use sha2::{Digest as _, Sha256};

/// Separates this use of the hash from all others.
const DOMAIN: &str = "capbundle rollout v1";

/// Whether the rollout of `bundle` to `share` hundredths of a percent of the devices includes this device.
///
/// The position of a device depends on the bundle, so that different devices go first each time, and on nothing that changes, so
/// that raising the share never removes a device.
pub(super) fn includes(share: u16, app_id: &str, bundle: &str, device_id: &str) -> bool {
    let mut hash = Sha256::new();
    for part in [DOMAIN, app_id, bundle, device_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let first_eight = hash.finalize().into_iter().take(8);
    let number = first_eight.fold(0, |number: u64, byte| number << 8 | u64::from(byte));
    number % 10_000 < u64::from(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included(share: u16, bundle: &str) -> Vec<u32> {
        (0..2000)
            .filter(|device| includes(share, "com.example.app", bundle, &format!("device {device}")))
            .collect()
    }

    #[test]
    fn raising_the_share_keeps_all_devices() {
        let (few, more) = (included(1000, "1"), included(3000, "1"));
        assert!(few.iter().all(|device| more.contains(device)));
        assert!(
            (150..250).contains(&few.len()) && (540..660).contains(&more.len()),
            "{} {}",
            few.len(),
            more.len()
        );
        assert!(included(0, "1").is_empty());
        assert_eq!(included(10_000, "1").len(), 2000);
    }

    #[test]
    fn another_bundle_goes_to_other_devices_first() {
        assert_ne!(included(1000, "1"), included(1000, "2"));
    }
}
