//! A small web app that covers the usual difficulties of archive formats.

use std::fs;
use std::path::Path;

/// The size of the largest file, which exceeds all buffers.
const LARGE: usize = 3 << 20;

/// Writes the sample into `folder`: a valid bundle with names in several scripts, spaces, empty files and folders, a
/// deep path, a file that compresses well and one that does not.
///
/// # Panics
/// If a file cannot be written.
pub fn write_sample(folder: &Path) {
    let script = "import { CapacitorUpdater } from '@capgo/capacitor-updater'\nCapacitorUpdater.notifyAppReady()\n";
    let files: [(&str, Vec<u8>); 11] = [
        (
            "index.html",
            b"<!doctype html><script type=module src=app.js></script>\n".to_vec(),
        ),
        ("app.js", script.as_bytes().to_vec()),
        ("empty.txt", Vec::new()),
        ("one.txt", b"1".to_vec()),
        ("assets/with space/a b c.css", b"body { color: red }\n".repeat(100)),
        ("assets/gr\u{fc}\u{df}e.txt", "Gr\u{fc}\u{df}e\n".into()),
        ("assets/\u{65e5}\u{672c}\u{8a9e}/\u{1f680}.json", b"{}".to_vec()),
        ("assets/e\u{301}.txt", b"a decomposed accent".to_vec()),
        ("assets/a/b/c/d/e/f/g/h/i/j/deep.txt", b"deep".to_vec()),
        (
            "assets/text.js",
            b"console.log('the same line again')\n".repeat(LARGE / 35),
        ),
        ("assets/noise.bin", noise(LARGE, 1)),
    ];
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("every file has a folder")).expect("a folder can be created");
        fs::write(path, content).expect("a file can be written");
    }
    fs::create_dir_all(folder.join("assets/empty folder/inner")).expect("a folder can be created");
}

/// Incompressible bytes that depend only on the seed (xorshift64*).
#[must_use]
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()
    });
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}
