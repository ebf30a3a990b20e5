//! Tables for terminals.

use std::io::IsTerminal as _;

use crate::printable;

/// The width if standard output is not a terminal or its width is unknown.
const USUAL_WIDTH: usize = 80;
const GAP: &str = "  ";
/// The minimum width of a truncated column, including the ellipsis.
const NARROWEST: usize = 6;

/// Formats rows as lines with aligned columns; the first row is the header. If the lines are wider than the terminal,
/// the columns in `flexible` are truncated, widest first, the last of them only when the others have the minimum
/// width. `--json` has the full values.
pub(in crate::commands) fn table(rows: &[Vec<String>], flexible: &[usize]) -> Vec<String> {
    fitted(rows, flexible, width())
}

/// The maximum width of a line.
pub(in crate::commands) fn width() -> usize {
    let terminal = if std::io::stdout().is_terminal() {
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
    } else {
        None
    };
    terminal.unwrap_or(USUAL_WIDTH)
}

fn fitted(rows: &[Vec<String>], flexible: &[usize], width: usize) -> Vec<String> {
    // The escaped text of a cell has to fit.
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

/// The first characters of a text, followed by an ellipsis if it is longer.
pub(in crate::commands) fn short(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// The last characters of a text such as a path, after an ellipsis if it is longer.
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
    fn columns_align_with_escaped_names() {
        let rows = rows(&[&["NAME", "ID"], &["a\u{202e}b", "1"], &["a\tb", "2"]]);
        assert_eq!(
            fitted(&rows, &[], 80),
            ["NAME        ID", "a\\u{202e}b  1", "a\\tb        2"]
        );
    }

    #[test]
    fn the_widest_columns_are_truncated_until_lines_fit() {
        let long = "x".repeat(60);
        let rows = rows(&[&["VERSION", "WHERE", "WHO"], &["1.2.3", &long, &"y".repeat(30)]]);
        let lines = fitted(&rows, &[1, 2], 80);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(
            lines[1].starts_with("1.2.3    xxx") && lines[1].contains('…'),
            "{lines:?}"
        );
        // A table that cannot fit is not truncated.
        assert!(fitted(&rows, &[], 20)[1].contains(&long));
    }

    #[test]
    fn truncated_text_has_an_ellipsis() {
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("abcd", 4), "abcd");
        assert_eq!(short_front("abcdef", 4), "…def");
        assert_eq!(short_front("abcd", 4), "abcd");
    }
}
