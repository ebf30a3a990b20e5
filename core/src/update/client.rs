//! The client of Capgo's update protocol, for a device.

mod connection;
mod report;
mod user_agent;

use std::time::Duration;

use serde_json::Value;

use self::connection::{Answer, Connection};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Body, Cleartext, Idempotency, Method, RedirectPolicy, Request, RetryPolicy, Transport, Url};
use crate::json::compact;
use crate::progress::Control;
use crate::update::protocol::{
    ChannelInfo, ChannelResponse, ChannelSet, CurrentChannel, FromResponse, StatsEvent, UpdateRequest, UpdateResponse,
};

pub use report::{EventOutcome, Report};

/// Asks an update server for an update, with the defaults of [`UpdateClient`].
///
/// # Errors
/// As [`UpdateClient::ask`].
pub fn ask(transport: &dyn Transport, url: &Url, request: &UpdateRequest, control: &Control) -> Result<UpdateResponse> {
    UpdateClient::new(transport, control).ask(url, request)
}

/// Sends the requests of a device to an update server: updates, reports, channels.
///
/// Every call blocks, for at most five times the [timeout](Self::with_timeout). A request that may be repeated is
/// attempted up to three times, with growing, random waits, and no attempt begins after the timeout. If the server
/// requests a wait of at most five seconds, the call includes it. A longer wait is returned to the caller. Nothing is
/// stored on the device.
///
/// Requests use https, plain HTTP only to this machine unless [allowed](Self::with_cleartext). At most five redirects
/// are followed, never from https to plain HTTP; a `POST` or `PUT` is sent again only after 307 and 308.
///
/// A response has at most 8 MiB. It is untrusted: what a device installs is decided by its own keys.
#[derive(Debug, Clone)]
pub struct UpdateClient<'a> {
    connection: Connection<'a>,
    user_agent: Option<String>,
}

impl<'a> UpdateClient<'a> {
    /// A client with the default settings. `control` cancels its calls.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, control: &'a Control) -> Self {
        Self {
            connection: Connection::new(transport, control),
            user_agent: None,
        }
    }

    /// Sets which addresses may be requested without TLS. By default only this machine.
    #[must_use]
    pub fn with_cleartext(mut self, cleartext: Cleartext) -> Self {
        self.connection.cleartext = cleartext;
        self
    }

    /// Sets how long the server may take to accept a connection, to respond, and to send the next bytes; 20 s. Capgo
    /// calls it `responseTimeout` and takes zero for the default, as this does.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.connection.timeout = if timeout.is_zero() {
            connection::DEFAULT_TIMEOUT
        } else {
            timeout
        };
        self
    }

    /// Sets the `User-Agent`. By default that of Capgo's plugin, from the members of each request:
    /// `CapacitorUpdater/8.51.14 (com.example.app) android/16`.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Sets whether redirects are followed. By default [`RedirectPolicy::Resend`].
    #[must_use]
    pub fn with_redirects(mut self, redirects: RedirectPolicy) -> Self {
        self.connection.redirects = redirects;
        self
    }

    /// Sets how often a request is attempted. By default three times.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.connection.retry = retry;
        self
    }

    /// Asks for an update.
    ///
    /// A server that limits requests, or is overloaded and says for how long, is not an error but
    /// [`UpdateResponse::Limited`]: do not ask again before its `retry_after`.
    ///
    /// # Errors
    /// [`Network`](ErrorKind::Network) if no complete response arrived in time; [`Server`](ErrorKind::Server) for a
    /// response that is not one of an update server, such as the page of a captive portal, a redirect of a `POST` with
    /// another status than 307 and 308, or a body of more than 8 MiB; [`NotTrusted`](ErrorKind::NotTrusted) for plain
    /// HTTP and an invalid certificate; [`Unsupported`](ErrorKind::Unsupported) for a bundle that is offered as single
    /// files only; [`InvalidInput`](ErrorKind::InvalidInput) for a user agent that is not printable ASCII;
    /// [`Cancelled`](ErrorKind::Cancelled).
    pub fn ask(&self, url: &Url, request: &UpdateRequest) -> Result<UpdateResponse> {
        self.ask_with_status(url, request).map(|(_, response)| response)
    }

    /// As [`ask`](Self::ask), with the HTTP status of the response.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn ask_with_status(&self, url: &Url, request: &UpdateRequest) -> Result<(u16, UpdateResponse)> {
        let request = self.with_body(Method::Post, url, request, body_of(request, &[])?)?;
        let answer = self.connection.send(&request, Idempotency::Idempotent)?;
        let response =
            UpdateResponse::parse_with_retry_after(&answer.url, answer.status, &answer.body, answer.retry_after)?;
        Ok((answer.status, response))
    }

    /// Reports events: one event as an object, several as an array. Without events, nothing is sent.
    ///
    /// Sending an event twice counts it twice, so only a refusal with a short wait is retried here. Keep the events
    /// whose outcome is [`EventOutcome::Later`], a bounded number of them, and report them again.
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled), [`InvalidInput`](ErrorKind::InvalidInput): some events may have arrived.
    /// Every other failure is part of the [`Report`].
    pub fn report(&self, url: &Url, events: &[StatsEvent]) -> Result<Report> {
        let request = match events {
            [] => return Ok(Report::of_nothing()),
            [event] => self.with_body(Method::Post, url, &event.device, body_of_event(event)?)?,
            [first, ..] => {
                let mut body = b"[".to_vec();
                for event in events {
                    body.extend(body_of_event(event)?);
                    body.push(b',');
                }
                body.pop();
                body.push(b']');
                self.with_body(Method::Post, url, &first.device, body)?
            }
        };
        match self.connection.send(&request, Idempotency::NonIdempotent) {
            Ok(answer) => Ok(Report::of_answer(&answer, events.len())),
            Err(error) => match error.kind() {
                ErrorKind::Network | ErrorKind::Server | ErrorKind::NotTrusted => {
                    Ok(Report::later(events.len(), error))
                }
                _ => Err(error),
            },
        }
    }

    /// Puts the device into a channel.
    ///
    /// # Errors
    /// As [`ask`](Self::ask). Also [`Server`](ErrorKind::Server) for an overloaded server or too many requests, unless
    /// the server explains it: then the response is [`ChannelResponse::Refused`], with the wait in `more_info`.
    pub fn set_channel(&self, url: &Url, device: &UpdateRequest, channel: &str) -> Result<ChannelResponse<ChannelSet>> {
        let body = body_of(device, &[("channel", channel)])?;
        self.ask_about_channels(&self.with_body(Method::Post, url, device, body)?)
    }

    /// Returns the device to its default channel.
    ///
    /// # Errors
    /// As [`set_channel`](Self::set_channel).
    pub fn unset_channel(&self, url: &Url, device: &UpdateRequest) -> Result<ChannelResponse<ChannelSet>> {
        self.ask_about_channels(&self.with_query(Method::Delete, url, device)?)
    }

    /// The channel of the device.
    ///
    /// # Errors
    /// As [`set_channel`](Self::set_channel).
    pub fn channel(&self, url: &Url, device: &UpdateRequest) -> Result<ChannelResponse<CurrentChannel>> {
        self.ask_about_channels(&self.with_body(Method::Put, url, device, body_of(device, &[])?)?)
    }

    /// The channels that the device may choose.
    ///
    /// # Errors
    /// As [`set_channel`](Self::set_channel).
    pub fn channels(&self, url: &Url, device: &UpdateRequest) -> Result<ChannelResponse<Vec<ChannelInfo>>> {
        self.ask_about_channels(&self.with_query(Method::Get, url, device)?)
    }

    fn ask_about_channels<T: FromResponse>(&self, request: &Request) -> Result<ChannelResponse<T>> {
        let answer = self.answer_about_channels(request)?;
        let mut response = ChannelResponse::parse(&answer.url, answer.status, &answer.body)?;
        if let (ChannelResponse::Refused(notice), Some(wait)) = (&mut response, answer.retry_after) {
            notice.more_info.get_or_insert_default().retry_after_seconds = Some(wait.as_secs());
        }
        Ok(response)
    }

    /// Not generic, so that the types of responses share it.
    #[inline(never)]
    fn answer_about_channels(&self, request: &Request) -> Result<Answer> {
        let answer = self.connection.send(request, Idempotency::Idempotent)?;
        match answer.overload() {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    fn with_body(&self, method: Method, url: &Url, device: &UpdateRequest, body: Vec<u8>) -> Result<Request> {
        let mut request = self.request(method, url.clone(), device)?;
        request.headers.add("Content-Type", "application/json")?;
        request.body = Some(Body::Bytes(body));
        Ok(request)
    }

    fn with_query(&self, method: Method, url: &Url, device: &UpdateRequest) -> Result<Request> {
        let Value::Object(members) = serde_json::from_slice(&body_of(device, &[])?).map_err(unserializable)? else {
            return Err(Error::invalid_input("update request", "expected an object"));
        };
        let pairs: Vec<(String, String)> = members
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, compact(&other)),
            })
            .collect();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.request(method, url.with_query(pairs)?, device)
    }

    fn request(&self, method: Method, url: Url, device: &UpdateRequest) -> Result<Request> {
        let user_agent = match &self.user_agent {
            Some(user_agent) => user_agent::checked(user_agent)?.to_owned(),
            None => user_agent::of_plugin(device),
        };
        let mut request = Request::new(method, url);
        request.headers.add("Accept", "application/json")?;
        request.headers.add("User-Agent", user_agent)?;
        Ok(request)
    }
}

/// A device as JSON, followed by these members: one serializer for every request, which is smaller than one for each.
fn body_of(device: &UpdateRequest, members: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut body = serde_json::to_vec(device).map_err(unserializable)?;
    body.pop();
    for (name, text) in members {
        body.push(b',');
        serde_json::to_writer(&mut body, name).map_err(unserializable)?;
        body.push(b':');
        serde_json::to_writer(&mut body, text).map_err(unserializable)?;
    }
    body.push(b'}');
    Ok(body)
}

fn body_of_event(event: &StatsEvent) -> Result<Vec<u8>> {
    let members = [
        ("action", event.action.as_str()),
        ("old_version_name", &event.old_version_name),
    ];
    body_of(&event.device, &members)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unserializable(error: serde_json::Error) -> Error {
    Error::invalid_input("update request", error.to_string())
}

#[cfg(test)]
mod tests;
