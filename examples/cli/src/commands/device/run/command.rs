//! The commands that drive the app.

use std::time::Duration;

pub(super) const HELP: &str = "\
ready             the page calls notifyAppReady()
hang              the page does not call it; `wait` lets its time pass
crash             the process that renders the page ends
background        the app is no longer visible
foreground        the app is visible again
online            the network returns
check             check for an update
wait SECONDS      let time pass
call METHOD JSON  a call of JavaScript, such as: call setChannel {\"channel\":\"beta\"}
status            the served, current, next, fallback and failed bundles
log               the log of the device
restart           end the process and start the app again
kill              end the process in the middle of anything; the next `device run` starts the app again
quit              finish, as the end of the input does
help              this list";

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Ready,
    Hang,
    Crash,
    Background,
    Foreground,
    Online,
    Check,
    Wait(Duration),
    Call { method: String, arguments: String },
    Status,
    Log,
    Restart,
    Kill,
    Quit,
    Help,
}

impl Command {
    /// The command in a line; `None` for an empty line or a comment.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let command = match name {
            "wait" => return wait(rest).map(Some),
            "call" => return call(rest).map(Some),
            "ready" => Self::Ready,
            "hang" => Self::Hang,
            "crash" => Self::Crash,
            "background" => Self::Background,
            "foreground" => Self::Foreground,
            "online" => Self::Online,
            "check" => Self::Check,
            "status" => Self::Status,
            "log" => Self::Log,
            "restart" => Self::Restart,
            "kill" => Self::Kill,
            "quit" => Self::Quit,
            "help" => Self::Help,
            _ => return Err(format!("unknown command {name:?}; `help` lists the commands")),
        };
        if rest.is_empty() {
            Ok(Some(command))
        } else {
            Err(format!("{name} takes no argument, found {rest:?}"))
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::Background => "background",
            Self::Foreground => "foreground",
            Self::Online => "online",
            Self::Check => "check",
            Self::Wait(_) => "wait",
            Self::Call { .. } => "call",
            Self::Status => "status",
            Self::Log => "log",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Quit => "quit",
            Self::Help => "help",
        }
    }
}

fn wait(seconds: &str) -> Result<Command, String> {
    let parsed = seconds
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    parsed
        .map(Command::Wait)
        .ok_or_else(|| format!("wait: expected a number of seconds, found {seconds:?}"))
}

fn call(rest: &str) -> Result<Command, String> {
    let (method, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if method.is_empty() {
        return Err("call: expected the name of a method and its arguments as a JSON object".to_owned());
    }
    Ok(Command::Call {
        method: method.to_owned(),
        arguments: arguments.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_the_arguments_that_help_shows() {
        let parsed = |line: &str| Command::parse(line).ok().flatten();
        assert_eq!(parsed("  ready "), Some(Command::Ready));
        assert_eq!(parsed("wait 1.5"), Some(Command::Wait(Duration::from_millis(1500))));
        let method = "setChannel".to_owned();
        let arguments = r#"{"channel": "beta"}"#.to_owned();
        let line = r#"call setChannel  {"channel": "beta"}"#;
        assert_eq!(parsed(line), Some(Command::Call { method, arguments }));
        let (method, arguments) = ("current".to_owned(), String::new());
        assert_eq!(parsed("call current"), Some(Command::Call { method, arguments }));
    }

    #[test]
    fn empty_lines_and_comments_are_no_command() {
        for line in ["", "  ", "# a comment", "\t#"] {
            assert_eq!(Command::parse(line), Ok(None), "{line:?}");
        }
    }

    #[test]
    fn a_wrong_line_is_refused() {
        for line in ["dance", "ready now", "wait", "wait long", "wait -1", "wait nan", "call"] {
            assert!(Command::parse(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn help_lists_every_command() {
        for line in HELP.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            let parsed = Command::parse(&match name {
                "wait" => "wait 1".to_owned(),
                "call" => "call current".to_owned(),
                name => name.to_owned(),
            });
            let found = parsed.ok().flatten();
            assert_eq!(found.as_ref().map(Command::name), Some(name));
        }
        assert_eq!(HELP.lines().count(), 15);
    }
}
