//! Invalid recipients and wrapped keys.

use num_bigint::BigUint;
use sha2::{Sha256, Sha512};

use super::{ContentKeys, SealedArchive, Vector, one_segment, opens, refused};
use crate::forge::rsa::{oaep_padded, padded};
use crate::forge::sealed::Recipient;

pub(super) fn all(keys: &ContentKeys) -> Vec<Vector> {
    [lists(keys), wrapped(keys), blocks(keys)].concat()
}

fn changed(keys: &ContentKeys, name: &str, why: &str, change: impl FnOnce(&mut SealedArchive)) -> Vector {
    let mut archive = one_segment(keys);
    change(&mut archive);
    refused(&format!("recipients-{name}"), why, archive.bytes())
}

fn lists(keys: &ContentKeys) -> Vec<Vector> {
    let key = one_segment(keys).key;
    let other = Recipient::of(&keys.other, &key);
    let crowd = |count: u8| {
        move |archive: &mut SealedArchive| {
            // Unknown ids around the matching one.
            let own = archive.recipients[0].clone();
            let with_id = |number: u8| Recipient {
                id: [number; 32],
                ..own.clone()
            };
            archive.recipients.extend((1..count).map(with_id));
            archive.recipients.sort_by_key(|recipient| recipient.id);
            archive.recipient_count = u16::from(count);
        }
    };
    let mut full = one_segment(keys);
    crowd(16)(&mut full);
    vec![
        opens("recipients-16", "as many as there may be", 100, &full),
        changed(keys, "17", "one more than there may be", crowd(17)),
        changed(keys, "none", "nobody", |archive| {
            archive.recipients.clear();
            archive.recipient_count = 0;
        }),
        changed(keys, "65535", "a count that is a lie", |archive| {
            archive.recipient_count = u16::MAX;
        }),
        changed(keys, "twice", "the same one twice", |archive| {
            archive.recipients.push(archive.recipients[0].clone());
            archive.recipient_count = 2;
        }),
        changed(keys, "descending", "two in the wrong order", |archive| {
            archive.recipients.push(other.clone());
            archive
                .recipients
                .sort_by_key(|recipient| std::cmp::Reverse(recipient.id));
            archive.recipient_count = 2;
        }),
        changed(keys, "other", "sealed for another app", |archive| {
            archive.recipients = vec![other.clone()];
        }),
        changed(
            keys,
            "relabelled",
            "sealed for another app, under this one's id",
            |archive| {
                archive.recipients[0].wrapped.clone_from(&other.wrapped);
            },
        ),
    ]
}

fn wrapped(keys: &ContentKeys) -> Vec<Vector> {
    let of_length = |name: &str, why: &str, length: usize| {
        changed(keys, name, why, |archive| {
            let mut wrapped = archive.recipients[0].wrapped.clone();
            wrapped.resize(length, 0);
            archive.recipients[0] = Recipient::with_wrapped(&keys.own, wrapped);
        })
    };
    // In addition to the valid one, so that only the limit is violated.
    let beside = |length: usize| {
        let mut archive = one_segment(keys);
        let stranger = Recipient::with_wrapped(&keys.other, vec![7; length]);
        archive.recipients.push(stranger);
        archive.recipients.sort_by_key(|recipient| recipient.id);
        archive.recipient_count = 2;
        archive
    };
    let refused_beside =
        |name: &str, why: &str, length: usize| refused(&format!("recipients-{name}"), why, beside(length).bytes());
    vec![
        refused_beside("stranger-255", "shorter than any, for somebody else", 255),
        refused_beside("stranger-513", "longer than any, for somebody else", 513),
        opens(
            "recipients-stranger-512",
            "the longest there is, for somebody else",
            100,
            &beside(512),
        ),
        of_length("wrapped-255", "a wrapped key shorter than any", 255),
        of_length("wrapped-257", "a wrapped key with a byte behind it", 257),
        of_length("wrapped-513", "a wrapped key longer than any", 513),
        changed(
            keys,
            "wrapped-for-a-larger-key",
            "the length that another size of key makes",
            |archive| {
                let wrapped = Recipient::of(&keys.own_3072, &archive.key).wrapped;
                archive.recipients[0] = Recipient::with_wrapped(&keys.own, wrapped);
            },
        ),
        changed(
            keys,
            "wrapped-length-lies",
            "a length of less than is there",
            |archive| {
                archive.recipients[0].length = 128;
            },
        ),
        changed(keys, "wrapped-zero", "a wrapped key of zeros", |archive| {
            archive.recipients[0].wrapped.fill(0);
        }),
        changed(
            keys,
            "wrapped-above-modulus",
            "a number that is not below the modulus",
            |archive| {
                archive.recipients[0].wrapped.fill(0xff);
            },
        ),
        changed(keys, "wrapped-is-modulus", "the modulus itself", |archive| {
            archive.recipients[0].wrapped = keys.own.to_block(&keys.own.modulus);
        }),
        changed(
            keys,
            "wrapped-negated",
            "the modulus less the right number",
            |archive| {
                let right = BigUint::from_bytes_be(&archive.recipients[0].wrapped);
                archive.recipients[0].wrapped = keys.own.to_block(&(&keys.own.modulus - right));
            },
        ),
        changed(keys, "wrapped-flipped", "one bit of the wrapped key", |archive| {
            archive.recipients[0].wrapped[128] ^= 1;
        }),
    ]
}

/// Wrapped with the public key, but not as the format requires.
fn blocks(keys: &ContentKeys) -> Vec<Vector> {
    let size = keys.own.size();
    let with_block = |name: &str, why: &str, block: &dyn Fn(&[u8]) -> Vec<u8>| {
        changed(keys, name, why, |archive| {
            archive.recipients[0] = Recipient::with_block(&keys.own, &block(&archive.key));
        })
    };
    let oaep = |message: &[u8]| oaep_padded::<Sha256, Sha256>(size, b"", message);
    vec![
        with_block("hash-sha512", "OAEP with SHA-512", &|key| {
            oaep_padded::<Sha512, Sha512>(size, b"", key)
        }),
        with_block("mgf-sha512", "a mask with SHA-512", &|key| {
            oaep_padded::<Sha256, Sha512>(size, b"", key)
        }),
        with_block("label", "a label that is not empty", &|key| {
            oaep_padded::<Sha256, Sha256>(size, b"capbundle", key)
        }),
        with_block("pkcs1-padding", "the padding of signatures", &|key| padded(size, key)),
        with_block("no-padding", "no padding", &|key| {
            [vec![0; size - key.len()], key.to_vec()].concat()
        }),
        with_block("first-byte", "a first byte other than zero", &|key| {
            let mut block = oaep(key);
            block[0] = 1;
            block
        }),
        with_block("key-of-16-bytes", "a key for AES-128", &|key| oaep(&key[..16])),
        with_block("key-of-33-bytes", "a key with a byte behind it", &|key| {
            oaep(&[key, &[0]].concat())
        }),
        with_block("key-of-0-bytes", "no key", &|_| oaep(&[])),
    ]
}
