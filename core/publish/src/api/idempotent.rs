//! Calls that must not be executed twice, over a network that may lose the response.

use serde_json::Value;

use super::Api;
use super::call::Call;
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::http::{Backoff, RetryPolicy};
use capbundle::progress::Control;

/// Attempts while a check says that the call had no effect.
const ATTEMPTS: u32 = 3;

/// How the call is known to have succeeded.
#[derive(Debug)]
pub(super) enum CallOutcome<Found> {
    /// The server confirmed it.
    Answered(Value),
    /// The response was lost, but a check found the effect.
    Found(Found),
}

impl Api {
    /// Sends a call that is not idempotent. If its effect is unknown, `look` checks for it, and the call is repeated only if it had
    /// none.
    pub(super) fn once<Found>(
        &self,
        call: &Call<'_>,
        control: &Control,
        look: &dyn Fn() -> Result<Option<Found>>,
    ) -> Result<CallOutcome<Found>> {
        let mut backoff = Backoff::new(RetryPolicy::new(ATTEMPTS).with_first_wait(self.first_wait));
        let mut attempts = 0;
        loop {
            let error = match self.ask(call, control, &mut attempts) {
                Ok(value) => return Ok(CallOutcome::Answered(value)),
                Err(cancelled @ Error::Core(capbundle::Error::Cancelled { .. })) => return Err(cancelled),
                Err(error) => error,
            };
            let unknown = may_have_been_done(&error);
            // A refusal of the first request is final. A refusal of a later one may be caused by our own first request.
            let about_ourselves = attempts > 1 && is_refusal(&error);
            if !unknown && !about_ourselves {
                return Err(error);
            }
            match look() {
                Ok(Some(found)) => return Ok(CallOutcome::Found(found)),
                Ok(None) if unknown && backoff.wait(None, control, call.operation)? => {}
                Ok(None) => return Err(error),
                Err(cancelled @ Error::Core(capbundle::Error::Cancelled { .. })) => return Err(cancelled),
                Err(looking) if !unknown => {
                    let url = self.address(call.place, false);
                    return Err(hidden(url, &error, &looking));
                }
                Err(looking) => return Err(uncertain(error, &looking)),
            }
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Api(_) | Error::Core(capbundle::Error::Server { .. }))
}

/// A refusal that an earlier attempt may have caused. It becomes a network error, since after a refusal the caller would assume
/// that nothing was done.
fn hidden(url: String, refusal: &Error, looking: &Error) -> Error {
    let problem = format!(
        "a repeated request was refused ({refusal}); whether an earlier attempt succeeded is unknown, since \
         checking failed too: {looking}"
    );
    Error::Core(capbundle::Error::Network { url, problem })
}

/// The effect is unknown: both the call and the check failed.
fn uncertain(error: Error, looking: &Error) -> Error {
    let note = format!("; whether it succeeded nevertheless is unknown, since checking failed too: {looking}");
    match error {
        Error::Core(capbundle::Error::Network { url, problem }) => Error::Core(capbundle::Error::Network {
            url,
            problem: problem + &note,
        }),
        Error::Core(capbundle::Error::Server { url, status, problem }) => Error::Core(capbundle::Error::Server {
            url,
            status,
            problem: problem + &note,
        }),
        Error::Api(mut error) => {
            error.message.push_str(&note);
            Error::Api(error)
        }
        other => other,
    }
}
