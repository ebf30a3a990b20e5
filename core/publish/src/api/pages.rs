//! Paginated lists.

use std::collections::{HashSet, VecDeque};

use super::answer::{malformed, rows};
use super::call::{Call, Place};
use super::client::Api;
use super::row::{RemoteBundle, RemoteChannel, Row};
use super::version::check_version_name;
use crate::error::{Error, Result};
use capbundle::AppId;
use capbundle::http::Idempotency;
use capbundle::http::Method;
use capbundle::progress::Control;

/// Half a million bundles. A server with more pages is broken.
const MAX_PAGES: u32 = 10_000;

impl Api {
    /// All bundles of an app, the newest first, without duplicates. Pages are requested lazily.
    ///
    /// If a bundle is deleted while the list is read, another may be skipped; read again if that matters.
    ///
    /// If a request fails, the error, as for [`Api::bundle`], is the last item. For an app without bundles,
    /// Capgo's server returns an [`ApiError`](super::ApiError) with code `cannot_get_bundle`, as it does for a key without access.
    #[must_use]
    pub fn bundles<'a>(&'a self, app: &AppId, control: &'a Control) -> Bundles<'a> {
        Bundles::new(self, app, control)
    }

    /// The bundle of this version, unless it is deleted. Reads the list until it is found.
    ///
    /// # Errors
    /// [`Server`](capbundle::ErrorKind::Server) for a refusal (an [`ApiError`](super::ApiError)) or an invalid response,
    /// [`Network`](capbundle::ErrorKind::Network), [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a connection that is not
    /// secure, [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an invalid version,
    /// [`Cancelled`](capbundle::ErrorKind::Cancelled).
    pub fn bundle(&self, app: &AppId, version: &str, control: &Control) -> Result<Option<RemoteBundle>> {
        check_version_name(version)?;
        for bundle in self.bundles(app, control) {
            let bundle = bundle?;
            if bundle.version == version {
                return Ok(Some(bundle));
            }
        }
        Ok(None)
    }

    /// All channels of an app.
    ///
    /// If a request fails, the error, as for [`Api::bundle`], is the last item.
    #[must_use]
    pub fn channels<'a>(&'a self, app: &AppId, control: &'a Control) -> Channels<'a> {
        Channels::new(self, app, control)
    }
}

/// All bundles of an app, see [`Api::bundles`].
#[derive(Debug)]
pub struct Bundles<'a>(Pages<'a, RemoteBundle>);

impl<'a> Bundles<'a> {
    pub(super) fn new(api: &'a Api, app: &AppId, control: &'a Control) -> Self {
        // Servers send this error for an empty page, and for a list without access.
        let is_end = |code: &str| code == "cannot_get_bundle";
        Self(Pages::new(api, app, control, Place::Bundle, is_end))
    }
}

impl Iterator for Bundles<'_> {
    type Item = Result<RemoteBundle>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// All channels of an app, see [`Api::channels`].
#[derive(Debug)]
pub struct Channels<'a>(Pages<'a, RemoteChannel>);

impl<'a> Channels<'a> {
    pub(super) fn new(api: &'a Api, app: &AppId, control: &'a Control) -> Self {
        // `cannot_find_channels` and the like: the code has changed from one server's version to the next.
        let is_end = |code: &str| code.starts_with("cannot_") && code.contains("channel");
        Self(Pages::new(api, app, control, Place::Channel, is_end))
    }
}

impl Iterator for Channels<'_> {
    type Item = Result<RemoteChannel>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// A list that is fetched lazily, page by page. Ends after the first error.
#[derive(Debug)]
struct Pages<'a, T> {
    api: &'a Api,
    app: AppId,
    control: &'a Control,
    place: Place<'a>,
    /// Whether an error with this code after a good page is the end of the list.
    is_end: fn(&str) -> bool,
    waiting: VecDeque<T>,
    /// IDs of received rows. Pages of real servers overlap: the second has rows 50 to 549.
    seen: HashSet<u64>,
    page: u32,
    ended: bool,
}

impl<'a, T: Row> Pages<'a, T> {
    fn new(api: &'a Api, app: &AppId, control: &'a Control, place: Place<'a>, is_end: fn(&str) -> bool) -> Self {
        Self {
            api,
            app: app.clone(),
            control,
            place,
            is_end,
            waiting: VecDeque::new(),
            seen: HashSet::new(),
            page: 0,
            ended: false,
        }
    }

    fn next(&mut self) -> Option<Result<T>> {
        while self.waiting.is_empty() && !self.ended {
            match self.fetch() {
                // A page without new rows is the end, also if a server sends the same page again and again.
                Ok(news) => self.ended = !news,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        self.waiting.pop_front().map(Ok)
    }

    /// Fetches the next page. Returns whether it has new rows.
    fn fetch(&mut self) -> Result<bool> {
        let page = self.page.to_string();
        // The first page is requested without a number, since some servers count from one.
        let all = [("app_id", self.app.as_str()), ("page", &page)];
        let query = if self.page == 0 { &all[..1] } else { &all[..] };
        let call = Call {
            method: Method::Get,
            place: self.place,
            query,
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "list",
        };
        let body = match self.api.ask(&call, self.control, &mut 0) {
            Err(Error::Api(error)) if self.page > 0 && error.code.as_deref().is_some_and(self.is_end) => {
                return Ok(false);
            }
            body => body?,
        };
        let wrong = |problem: String| malformed(&self.api.address(self.place, false), &problem);
        let rows = rows(body).map_err(wrong)?;
        let before = self.seen.len();
        for row in &rows {
            let row = T::from_json(row).map_err(wrong)?;
            if self.seen.insert(row.id()) {
                self.waiting.push_back(row);
            }
        }
        self.page += 1;
        if self.page > MAX_PAGES {
            return Err(wrong(format!("the list has more than {MAX_PAGES} pages")));
        }
        Ok(self.seen.len() > before)
    }
}
