//! One patch from the bytes of both sides.

use capbundle::patch::{HEADER_BYTES, PatchHeader, Side};
use capbundle::progress::Control;
use capbundle::{Error, Result, patch};

use super::matches::PADDING;
use super::parse;

/// The most bytes of both sides together: places are numbers of 32 bits.
pub const MAX_BYTES: u64 = 1 << 31;

/// Makes the patch that writes `new` from `old`: header and body. Applies it before returning it.
///
/// Holds both sides in memory and about eight bytes more for each byte of the old one: 33 MB against 18 MB take 420 MiB and
/// 4 s of one processor core. `header` says the sizes of both sides.
///
/// # Errors
/// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if a side has another size than the header says, or both together
/// have more than [`MAX_BYTES`]; those of reading.
pub fn make(header: &PatchHeader, old: &mut dyn Side, new: &mut dyn Side) -> Result<Vec<u8>> {
    let total = header.old_size.saturating_add(header.new_size);
    if total > MAX_BYTES {
        let problem =
            format!("expected at most {MAX_BYTES} bytes of both bundles together, found {total}; publish without");
        return Err(Error::invalid_input("patch", problem));
    }
    let base = usize::try_from(header.old_size).unwrap_or(usize::MAX);
    let end = usize::try_from(total).unwrap_or(usize::MAX);
    let mut text = vec![0; end + PADDING];
    read_side(old, &mut text[..base])?;
    read_side(new, &mut text[base..end])?;
    let mut made = header.to_bytes().to_vec();
    made.extend(parse::encode(&text, base));
    require_same(header, &made, &text[..base], &text[base..end])?;
    Ok(made)
}

/// A device takes the archive where a patch is wrong, but it has fetched the patch by then.
fn require_same(header: &PatchHeader, made: &[u8], mut old: &[u8], new: &[u8]) -> Result<()> {
    let mut rest = new;
    let mut compare = |bytes: &[u8]| match rest.strip_prefix(bytes) {
        Some(left) => {
            rest = left;
            Ok(())
        }
        None => Err(Error::invalid_input("patch", "writes other bytes")),
    };
    let applied = patch::apply(
        header,
        &mut &made[HEADER_BYTES..],
        &mut old,
        &mut compare,
        &Control::new(),
    );
    applied.map_err(|error| {
        let problem = format!("this program made one that does not apply ({error}); publish without, and report it");
        Error::invalid_input("patch", problem)
    })
}

fn read_side(side: &mut dyn Side, target: &mut [u8]) -> Result<()> {
    if side.size() != target.len() as u64 || side.read_at(0, target)? < target.len() {
        return Err(Error::invalid_input(
            "patch",
            "a side has another size than its file list says",
        ));
    }
    Ok(())
}
