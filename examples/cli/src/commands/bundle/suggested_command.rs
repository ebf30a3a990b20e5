//! The current command line with a corrected file name, for an error message.

use std::path::Path;

/// Options whose values are secrets and must not be printed.
const SECRETS: [&str; 8] = [
    "--key-data",
    "--key-data-v2",
    "--apikey",
    "-a",
    "--s3-apikey",
    "--s3-apisecret",
    "--s3-session-token",
    "--header",
];
/// Replaces a secret.
const HIDDEN: &str = "***";

/// The current command line with `from` replaced by `to`.
pub(super) fn with_file(from: &Path, to: &Path) -> String {
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> = arguments.map(|one| one.to_string_lossy().into_owned()).collect();
    line(&arguments, &from.to_string_lossy(), &to.to_string_lossy())
}

fn line(arguments: &[String], from: &str, to: &str) -> String {
    let mut words = vec!["capbundle".to_owned()];
    let mut is_secret = false;
    for argument in arguments {
        let option = argument.split_once('=').filter(|(name, _)| name.starts_with('-'));
        words.push(match option {
            _ if is_secret => HIDDEN.to_owned(),
            Some((name, _)) if SECRETS.contains(&name) => format!("{name}={HIDDEN}"),
            Some((name, value)) if value == from => format!("{name}={}", quoted(to)),
            _ if argument.starts_with("-a") && !argument.starts_with("--") && argument.len() > 2 => {
                format!("-a{HIDDEN}")
            }
            _ if argument == from => quoted(to),
            _ => quoted(argument),
        });
        is_secret = !is_secret && SECRETS.contains(&argument.as_str());
    }
    words.join(" ")
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::line;

    fn of(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        line(&words, "./a.zip", "./b c.zip")
    }

    #[test]
    fn the_file_is_replaced_and_words_are_quoted() {
        let typed = ["bundle", "encrypt", "./a.zip", "ab12", "--key", "it's"];
        assert_eq!(of(&typed), "capbundle bundle encrypt './b c.zip' ab12 --key 'it'\\''s'");
        assert_eq!(
            of(&["bundle", "upload", "--zip=./a.zip"]),
            "capbundle bundle upload --zip='./b c.zip'"
        );
    }

    #[test]
    fn secrets_are_hidden() {
        for secret in ["--key-data", "--apikey", "-a", "--s3-apisecret"] {
            for words in [vec![secret, "s3cret"], vec![&*format!("{secret}=s3cret")]] {
                let line = of(&words);
                assert!(!line.contains("s3cret") && line.contains("***"), "{line}");
            }
        }
        assert!(!of(&["-as3cret"]).contains("s3cret"));
    }
}
