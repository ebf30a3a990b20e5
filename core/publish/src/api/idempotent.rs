//! Doing what must not be done twice, over a network that may lose the answer.

use serde_json::Value;

use super::Api;
use super::call::Call;
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::http::{Backoff, RetryPolicy};
use capbundle::progress::Control;

/// How often it is tried when a look says that it was not done.
const TRIES: u32 = 3;

/// How it turned out to be done.
#[derive(Debug)]
pub(super) enum CallOutcome<Found> {
    /// The server said so.
    Answered(Value),
    /// No answer said so, but a look did.
    Found(Found),
}

impl Api {
    /// Makes a call that changes something. Where it is not known whether it was carried out, `look` says so, and only if it
    /// was not is it made again.
    pub(super) fn once<Found>(
        &self,
        call: &Call<'_>,
        control: &Control,
        look: &dyn Fn() -> Result<Option<Found>>,
    ) -> Result<CallOutcome<Found>> {
        let mut backoff = Backoff::new(RetryPolicy::new(TRIES).with_first_wait(self.first_wait));
        let mut asked = 0;
        loop {
            let error = match self.ask(call, control, &mut asked) {
                Ok(value) => return Ok(CallOutcome::Answered(value)),
                Err(cancelled @ Error::Core(capbundle::Error::Cancelled { .. })) => return Err(cancelled),
                Err(error) => error,
            };
            let unknown = may_have_been_done(&error);
            // A refusal of the first request means what it says. One of a later request may be about our own first.
            let about_ourselves = asked > 1 && is_refusal(&error);
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

/// An earlier try may have done what this refusal is about. As an error of the network it is one after which nobody knows,
/// which a refusal would not be.
fn hidden(url: String, refusal: &Error, looking: &Error) -> Error {
    let problem = format!(
        "it was asked more than once and refused in the end ({refusal}); whether an earlier try did it is not known, since \
         looking failed too: {looking}"
    );
    Error::Core(capbundle::Error::Network { url, problem })
}

/// Neither the answer nor a look tells whether it was done.
fn uncertain(error: Error, looking: &Error) -> Error {
    let note = format!("; whether it was done all the same is not known, since looking failed too: {looking}");
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
