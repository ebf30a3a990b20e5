//! The outcome of a report, event by event.

use std::time::Duration;

use super::connection::Answer;
use crate::error::Error;
use crate::http::download::{WEB_PAGE, is_markup};
use crate::update::protocol::{Notice, StatsResponse, read};

/// The outcome of a report.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The outcome of each event, in the order of the events.
    pub events: Vec<EventOutcome>,
    /// How long to wait before the next report, if the server says so; at most a day.
    pub retry_after: Option<Duration>,
    /// Why events are to be sent later, if the whole request failed.
    pub problem: Option<Error>,
}

/// The outcome of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventOutcome {
    /// The server counted the event.
    Accepted,
    /// The server will never accept the event, for this reason: its action is unknown, or it is invalid.
    Refused(String),
    /// The event may not have arrived: report it again.
    Later,
}

impl Report {
    pub(super) fn of_nothing() -> Self {
        Self::new(Vec::new())
    }

    /// All events are to be sent later, because of this problem.
    pub(super) fn later(events: usize, problem: Error) -> Self {
        let mut report = Self::new(vec![EventOutcome::Later; events]);
        report.problem = Some(problem);
        report
    }

    pub(super) fn of_answer(answer: &Answer, events: usize) -> Self {
        let is_transient = matches!(answer.status, 408 | 429 | 500..);
        let refused = |notice: String| Self::new(vec![EventOutcome::Refused(notice); events]);
        let response = read::<StatsResponse>(&answer.body);
        let notice = read::<Notice>(&answer.body);
        let mut report = match (answer.status, response, notice) {
            _ if is_transient => Self::later(events, answer.server("")),
            (_, _, Ok(notice)) => refused(notice.to_string()),
            (200..300, Ok(response), _) => Self::of_response(response, events),
            // Not from an update server: a proxy or a login page may be in between.
            _ => {
                let problem = if is_markup(&answer.body) {
                    WEB_PAGE
                } else {
                    "the body is not a response of an update server"
                };
                Self::later(events, answer.server(problem))
            }
        };
        report.retry_after = answer.retry_after;
        report
    }

    fn of_response(response: StatsResponse, events: usize) -> Self {
        let outcome = |status: String, error: Option<String>| match status.as_str() {
            "ok" => EventOutcome::Accepted,
            _ => EventOutcome::Refused(error.unwrap_or(status)),
        };
        let Some(results) = response.results else {
            return Self::new(vec![outcome(response.status, None); events]);
        };
        // An event without a result may not have been counted.
        let mut report = Self::new(vec![EventOutcome::Later; events]);
        for result in results {
            if let Some(event) = report.events.get_mut(result.index) {
                *event = outcome(result.status, result.error);
            }
        }
        report
    }

    fn new(events: Vec<EventOutcome>) -> Self {
        Self {
            events,
            retry_after: None,
            problem: None,
        }
    }
}
