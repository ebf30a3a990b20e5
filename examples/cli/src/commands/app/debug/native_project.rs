//! The version of the native app, from the native project that Capacitor creates beside the web app.

use std::fs;
use std::io;
use std::path::Path;

use crate::args::DevicePlatform;
use crate::error::{Failure, Result};

const ANDROID: [&str; 2] = ["android/app/build.gradle", "android/app/build.gradle.kts"];
const IOS: [&str; 1] = ["ios/App/App.xcodeproj/project.pbxproj"];

/// The version and its source; `None` if there is no version or it is computed.
pub(super) fn version(platform: DevicePlatform) -> Result<Option<(String, String)>> {
    let (files, name): (&[&str], _) = match platform {
        DevicePlatform::Android => (&ANDROID, "versionName"),
        DevicePlatform::Ios => (&IOS, "MARKETING_VERSION"),
        DevicePlatform::Electron => return Ok(None),
    };
    for file in files {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::io("read", Path::new(file), &error)),
        };
        if let Some(version) = stated(&text, name) {
            return Ok(Some((version, format!("{name} of {file}"))));
        }
    }
    Ok(None)
}

/// `versionName "1.2.3"`, `versionName = "1.2.3"`, `MARKETING_VERSION = 1.2.3;`, in a line of its own.
fn stated(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let value = line.trim().strip_prefix(name)?;
        let value = value
            .trim_start_matches([' ', '\t', '=', ':'])
            .trim_end_matches([';', ' ', '\t']);
        let value = value.trim_matches(['"', '\'']);
        let is_version = value.starts_with(|first: char| first.is_ascii_digit())
            && value
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || ".-+".contains(character));
        is_version.then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn literal_versions_are_read_from_native_projects() {
        for (text, name) in [
            (
                "  defaultConfig {\n    versionCode 7\n    versionName \"1.2.3\"\n",
                "versionName",
            ),
            ("        versionName = \"1.2.3\"\n", "versionName"),
            ("\t\t\t\tMARKETING_VERSION = 1.2.3;\n", "MARKETING_VERSION"),
        ] {
            assert_eq!(stated(text, name).as_deref(), Some("1.2.3"), "{text}");
        }
        for text in [
            "versionName project.version",
            "versionNameSuffix \"-beta\"",
            "// versionName \"1.2.3\"",
            "versionName \"${v}\"",
        ] {
            assert_eq!(stated(text, "versionName"), None, "{text}");
        }
    }
}
