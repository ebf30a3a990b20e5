//! Generates the test vectors in `tests/vectors`: `cargo run -p capbundle-tests --bin make-vectors`.
//!
//! The output is reproducible; a test compares it with the committed files.

use std::path::Path;

use capbundle_tests::vector;

fn main() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for folder in vector::FOLDERS.iter().chain([&vector::TRUSTED]) {
        let folder = root.join(folder);
        // Removes vectors that are no longer generated.
        std::fs::remove_dir_all(&folder)
            .or_else(ignore_missing)
            .map_err(|error| at(&folder, &error))?;
        std::fs::create_dir_all(&folder).map_err(|error| at(&folder, &error))?;
    }
    for (path, text) in vector::generated(&root)? {
        let path = root.join(path);
        std::fs::write(&path, text).map_err(|error| at(&path, &error))?;
    }
    Ok(())
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}
