//! Rows below each other, for people.

use std::io::IsTerminal as _;

use crate::printable;

/// The width of a terminal whose width is not known, and of what is piped.
const USUAL_WIDTH: usize = 80;
const GAP: &str = "  ";
/// No column is cut to less: a few characters and the sign that there are more.
const NARROWEST: usize = 6;

/// Lines of columns as wide as their widest cell; the first row is the head. The columns named in `flexible` are cut, the
/// widest first, where the lines would be wider than the terminal; the last of them only when the others are narrow. `--json`
/// has the whole values.
pub(in crate::commands) fn table(rows: &[Vec<String>], flexible: &[usize]) -> Vec<String> {
    fitted(rows, flexible, width())
}

/// How wide a line may be.
pub(in crate::commands) fn width() -> usize {
    let terminal = if std::io::stdout().is_terminal() {
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
    } else {
        None
    };
    terminal.unwrap_or(USUAL_WIDTH)
}

fn fitted(rows: &[Vec<String>], flexible: &[usize], width: usize) -> Vec<String> {
    // What is shown of a cell is what has to fit.
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable::line(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let gaps = GAP.len() * columns.saturating_sub(1);
    let (last, first) = flexible.split_last().unzip();
    while widths.iter().sum::<usize>() + gaps > width {
        let is_wide = |at: &usize| *at < columns && widths[*at] > NARROWEST;
        let of_first = first.unwrap_or_default().iter().copied().filter(is_wide);
        let widest = of_first.max_by_key(|at| widths[*at]);
        let Some(widest) = widest.or(last.copied().filter(is_wide)) else {
            break;
        };
        widths[widest] -= 1;
    }
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", short(cell, *width)));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The first characters of something long, with a sign that there is more.
pub(in crate::commands) fn short(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// The last characters of something long, such as a path, with a sign that there is more.
pub(in crate::commands) fn short_front(text: &str, length: usize) -> String {
    let count = text.chars().count();
    if count <= length {
        return text.to_owned();
    }
    let rest = text.chars().skip(count - length.saturating_sub(1).min(count));
    std::iter::once('…').chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let cells = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(cells).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = rows(&[&["a", "bb"], &["ccc", "d"]]);
        assert_eq!(fitted(&rows, &[], 80), ["a    bb", "ccc  d"]);
    }

    #[test]
    fn columns_align_with_names_that_are_spelled_out() {
        let rows = rows(&[&["NAME", "ID"], &["a\u{202e}b", "1"], &["a\tb", "2"]]);
        assert_eq!(
            fitted(&rows, &[], 80),
            ["NAME        ID", "a\\u{202e}b  1", "a\\tb        2"]
        );
    }

    #[test]
    fn the_widest_columns_are_cut_until_lines_fit() {
        let long = "x".repeat(60);
        let rows = rows(&[&["VERSION", "WHERE", "WHO"], &["1.2.3", &long, &"y".repeat(30)]]);
        let lines = fitted(&rows, &[1, 2], 80);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(
            lines[1].starts_with("1.2.3    xxx") && lines[1].contains('…'),
            "{lines:?}"
        );
        // What does not fit at all is shown nevertheless.
        assert!(fitted(&rows, &[], 20)[1].contains(&long));
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("abcd", 4), "abcd");
        assert_eq!(short_front("abcdef", 4), "…def");
        assert_eq!(short_front("abcd", 4), "abcd");
    }
}
