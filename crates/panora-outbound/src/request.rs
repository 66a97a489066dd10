//! What goes out and what comes back. None of it has a `Debug` that shows a URL, a header or a body: all may
//! hold secrets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode, Uri};
use url::Url;

use crate::answer_body::AnswerBody;
use crate::body::BodyEnd;
use crate::trace::Trace;
use crate::upload::Upload;

/// One request.
pub struct Request<'a> {
    /// The id of the project on whose behalf it goes out: it decides which private networks are open.
    pub project: &'a str,
    /// The method.
    pub method: Method,
    /// An http or https URL without user info.
    pub url: &'a Url,
    /// All headers but `Host` and those that say how long the body is.
    pub headers: HeaderMap,
    /// The whole body; empty for none.
    pub body: Bytes,
    /// How long it may take and how much is read.
    pub limits: Limits,
}

/// A URL judged and prepared once, for any number of messages of one project.
#[derive(Clone)]
pub struct Destination {
    pub(crate) uri: Uri,
    pub(crate) project: Arc<str>,
}

/// One request to a [`Destination`]; the fields are those of a [`Request`].
pub struct Message {
    /// The method.
    pub method: Method,
    /// All headers but `Host` and those that say how long the body is.
    pub headers: HeaderMap,
    /// The whole body; empty for none.
    pub body: Bytes,
    /// How long it may take and how much is read.
    pub limits: Limits,
}

/// One request whose bodies pass as they come, both ways and without bound.
pub struct OpenRequest<'a> {
    /// The id of the project on whose behalf it goes out: it decides which private networks are open.
    pub project: &'a str,
    /// The method.
    pub method: Method,
    /// An http or https URL without user info.
    pub url: &'a Url,
    /// All headers but `Host` and those that say how long the body is.
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
    /// The longest time in which nothing moves: between two bytes of either body, and from the end of the request
    /// to the end of the answer's headers. Connecting has bounds of its own.
    pub silence: Duration,
}

/// An answer whose body is still to come.
pub struct OpenAnswer {
    /// The status, redirects included: none is followed.
    pub status: StatusCode,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The body, to be read or dropped, and the request with it.
    pub body: AnswerBody,
    /// Address and times, up to the end of the headers.
    pub trace: Trace,
}

/// How long a request may take and how much of its answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the name look-up to the end of the answer's headers.
    pub deadline: Duration,
    /// So many bytes of the body are kept.
    pub max_body: usize,
    /// For so long the body is waited for, from the end of the headers on.
    pub body_time: Duration,
}

/// What came back. Whether the body is whole says `body_end`.
pub struct Answer {
    /// The status, redirects included: none is followed.
    pub status: StatusCode,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The body as sent (nothing is decompressed), or its beginning.
    pub body: Bytes,
    /// How the reading of the body ended.
    pub body_end: BodyEnd,
    /// Address and times.
    pub trace: Trace,
}

impl fmt::Debug for OpenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answer");
        shown.field("status", &self.status).field("body_end", &self.body_end).field("trace", &self.trace);
        shown.finish_non_exhaustive()
    }
}
