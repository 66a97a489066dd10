//! Turns the errors of the HTTP client into ours. It keeps none of their text, which may quote a peer.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use crate::error::OutboundError;
use crate::tls;

/// What a failed exchange means: the connector's own error, an error of HTTP, or one of the connection below.
pub(crate) fn classify(error: &legacy::Error) -> OutboundError {
    let mut http = None;
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(own) = error.downcast_ref::<OutboundError>() {
            return *own;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return of_connection(error);
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return of_http2(error);
        }
        http = http.or_else(|| error.downcast_ref::<hyper::Error>());
        next = error.source();
    }
    http.map_or(OutboundError::ConnectionClosed, of_http)
}

/// A client certificate that was asked for and not given, for one, is told only after the handshake (TLS
/// 1.3).
fn of_connection(error: &io::Error) -> OutboundError {
    if tls::rustls_error(error).is_some() { tls::failure(error) } else { OutboundError::ConnectionClosed }
}

fn of_http(error: &hyper::Error) -> OutboundError {
    if error.is_parse_too_large() {
        OutboundError::HeadersTooLarge
    } else if error.is_user() {
        // Of all that a user of hyper can do wrong, only a body that fails is left to ours.
        OutboundError::UploadBroken
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        OutboundError::ConnectionClosed
    } else {
        OutboundError::AnswerMalformed
    }
}

/// Over HTTP/2 a peer may say itself that it will not answer: by a reset, or by going away.
fn of_http2(error: &h2::Error) -> OutboundError {
    if let Some(error) = error.get_io() {
        of_connection(error)
    } else if error.is_remote() {
        OutboundError::ConnectionClosed
    } else if error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) {
        // Before the end of the headers only they can have been too much.
        OutboundError::HeadersTooLarge
    } else {
        OutboundError::AnswerMalformed
    }
}
