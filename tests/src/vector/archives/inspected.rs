//! The results of inspecting archives that only unpacking rejects. Inspection rejects all others.

use super::Vector;

/// Archives in which only the contents are invalid.
const BETRAYED_BY_CONTENTS: [&str; 17] = [
    "crc-deflated",
    "crc-empty-file",
    "crc-stored",
    "crc-streamed",
    "crc-zero",
    "deflate-cut",
    "deflate-empty",
    "deflate-far-distance",
    "deflate-is-stored",
    "deflate-no-last-block",
    "deflate-reserved-block",
    "deflate-stored-length",
    "deflate-trailing-bytes",
    "size-declared-large",
    "size-declared-small",
    "size-declared-small-megabytes",
    "size-declared-zero",
];

/// Bombs by their declared sizes, whose ratio only unpacking checks.
const RATIO: [&str; 4] = ["bomb-ratio", "bomb-ratio-index", "bomb-ratio-spread", "bomb-streamed"];

/// Limits on declared sizes. These are findings, since the limits of a device may differ.
const OVER_LIMITS: [&str; 4] = [
    "bomb-file-size",
    "bomb-file-size-stored",
    "bomb-total-size",
    "size-declared-huge",
];

/// Adds the field `inspect` if inspecting the archive has another result than unpacking it.
pub(super) fn marked(vector: Vector) -> Vector {
    let name = vector.field("name");
    if BETRAYED_BY_CONTENTS.contains(&name) || RATIO.contains(&name) {
        vector.with("inspect", "ok")
    } else if OVER_LIMITS.contains(&name) {
        vector.with("inspect", "over_device_limit")
    } else if vector.field("expect") == "not_a_bundle" {
        vector.with("inspect", "index_html_not_found")
    } else {
        vector
    }
}
