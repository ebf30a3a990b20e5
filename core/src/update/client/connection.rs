//! One request to an update server: its attempts, waits, and limits on size and time.

use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result};
use crate::http::client::{AttemptOutcome, Client, Response, Retryable};
use crate::http::download::is_markup;
use crate::http::{Cleartext, Exchange, Head, Idempotency, Receiver, RedirectPolicy, Request, RetryPolicy, Transport};
use crate::http::{Collected, Collector, Deadline, is_retryable, retry_after};
use crate::progress::Control;
use crate::update::protocol::{MAX_RETRY_AFTER, Notice, read, wait_in_body};

const OPERATION: &str = "ask the update server";
/// Capgo's `responseTimeout`.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
/// Few, since every device asks again later, and a server that fails is likely to be overloaded.
const ATTEMPTS: u32 = 3;
/// The longest wait requested by a server that is part of a call. An app waits for a call; it schedules a longer wait
/// itself.
const MAX_WAIT_INSIDE: Duration = Duration::from_secs(5);
/// Capgo allows 10,000 files in a bundle, which are about 4.3 MB in a response.
const MAX_RESPONSE_LEN: usize = 8 << 20;

/// How requests are sent.
#[derive(Debug, Clone)]
pub(super) struct Connection<'a> {
    transport: &'a dyn Transport,
    control: &'a Control,
    pub(super) cleartext: Cleartext,
    pub(super) redirects: RedirectPolicy,
    pub(super) retry: RetryPolicy,
    pub(super) timeout: Duration,
}

/// A complete response.
#[derive(Debug)]
pub(super) struct Answer {
    /// Of the request, without its query.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The wait that the server requests, in a header or in the body; at most a day.
    pub(super) retry_after: Option<Duration>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(transport: &'a dyn Transport, control: &'a Control) -> Self {
        Self {
            transport,
            control,
            cleartext: Cleartext::default(),
            redirects: RedirectPolicy::Resend,
            retry: RetryPolicy::new(ATTEMPTS),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Sends the request until a complete response arrives that is not a transient failure, or no attempt is left.
    pub(super) fn send(&self, request: &Request, idempotency: Idempotency) -> Result<Answer> {
        let client = Client::new(self.transport, self.control, OPERATION)
            .with_cleartext(self.cleartext)
            .with_redirects(self.redirects)
            .with_retry(self.retry);
        let mut request = request.clone();
        request.connect_timeout = self.timeout;
        request.stall_timeout = self.timeout;
        client.run(&mut Attempts {
            url: request.url.without_query().to_owned(),
            request,
            idempotency,
            collector: Collector::new(self.control, OPERATION, MAX_RESPONSE_LEN),
            started: Instant::now(),
            timeout: self.timeout,
            total: Deadline::new(self.timeout),
        })
    }
}

struct Attempts<'a> {
    url: String,
    request: Request,
    idempotency: Idempotency,
    collector: Collector<'a>,
    started: Instant,
    /// No attempt begins after this time.
    timeout: Duration,
    /// A response that is still arriving then is not completed.
    total: Deadline,
}

impl Attempts<'_> {
    /// Whether another attempt may begin after this wait.
    fn allows(&self, wait: Duration) -> bool {
        self.started.elapsed().saturating_add(wait) < self.timeout
    }

    fn decide(&self, response: Response) -> Result<AttemptOutcome<Answer>> {
        let status = response.head.status;
        if let Some(error) = self.refused_redirect(&response.head) {
            return Err(error);
        }
        let answer = Answer {
            url: self.url.clone(),
            status,
            retry_after: requested_wait(&response),
            body: response.body,
        };
        let is_worth_it = match answer.retry_after {
            Some(wait) => wait <= MAX_WAIT_INSIDE && self.allows(wait),
            // Without a wait, 429 may mean that this server is not for this app: another attempt makes it worse.
            None => status != 429 && self.allows(Duration::ZERO),
        };
        if !is_worth_it || !is_retryable(status, self.idempotency) {
            return Ok(AttemptOutcome::Done(answer));
        }
        Ok(AttemptOutcome::Retry {
            retry_after: answer.retry_after,
            last: Ok(answer),
            progressed: false,
        })
    }

    fn refused_redirect(&self, head: &Head) -> Option<Error> {
        let to = head
            .headers
            .get("location")
            .filter(|_| (300..400).contains(&head.status))?;
        let problem = match self.request.url.join(to) {
            Ok(to) => format!("redirects to {to}, which was not followed: use that address if it is an update server"),
            Err(_) => "redirects to an invalid address".to_owned(),
        };
        Some(self.server(head.status, problem))
    }

    fn server(&self, status: u16, problem: String) -> Error {
        let url = self.url.clone();
        Error::Server { url, status, problem }
    }
}

impl Retryable for Attempts<'_> {
    type Output = Answer;
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        self.collector.start(&self.request);
        Ok(self.request.clone())
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Answer>> {
        let problem = match self.collector.finish(exchange)? {
            Collected::Complete(response) => return self.decide(response),
            Collected::TooLong(response) => {
                let status = response.head.status;
                if (200..300).contains(&status) && !is_markup(&response.body) {
                    return Err(self.server(status, format!("expected at most {MAX_RESPONSE_LEN} bytes")));
                }
                // The beginning of a web page or of an error suffices.
                return self.decide(response);
            }
            Collected::Stopped(problem) | Collected::Broken(problem) => problem,
        };
        let url = self.url.clone();
        let error = Error::Network { url, problem };
        if self.idempotency == Idempotency::Idempotent && self.allows(Duration::ZERO) {
            return Ok(AttemptOutcome::retry(Err(error)));
        }
        Err(error)
    }
}

impl Receiver for Attempts<'_> {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.collector.sent(count)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        self.collector.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.total.is_over() {
            let seconds = self.started.elapsed().as_secs_f32();
            return Err(self
                .collector
                .stop(format!("the response is not complete after {seconds} s")));
        }
        self.collector.write(bytes)
    }
}

impl Answer {
    /// The error of a response that does not answer the request: the server is overloaded or failed.
    pub(super) fn overload(&self) -> Option<Error> {
        let notice = read::<Notice>(&self.body).ok();
        if self.status < 500 && (self.status != 429 || notice.is_some()) {
            return None;
        }
        let mut problem: Vec<String> = notice.iter().map(ToString::to_string).collect();
        problem.extend(self.retry_after.map(|wait| format!("retry after {} s", wait.as_secs())));
        Some(self.server(problem.join("; ")))
    }

    pub(super) fn server(&self, problem: impl Into<String>) -> Error {
        Error::Server {
            url: self.url.clone(),
            status: self.status,
            problem: problem.into(),
        }
    }
}

/// The header takes precedence over the body, as in Capgo's plugin. A date is relative to the server's own clock, since
/// that of the device may be wrong.
fn requested_wait(response: &Response) -> Option<Duration> {
    let headers = &response.head.headers;
    if !is_retryable(response.head.status, Idempotency::Idempotent) {
        return None;
    }
    let date = headers
        .get("date")
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let in_header = retry_after(headers, date.unwrap_or_else(SystemTime::now));
    let wait = in_header.or_else(|| wait_in_body(&response.body))?;
    Some(wait.min(MAX_RETRY_AFTER))
}
