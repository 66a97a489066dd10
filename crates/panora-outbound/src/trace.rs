//! What one request has been through: address and times. It records; it decides nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Stage;

/// Where a request went and how long each step took. A step that was not taken (a literal address, plain
/// http, a connection used again) or not finished has no time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// The address connected to, or tried first.
    pub address: Option<SocketAddr>,
    /// It is one that only the operator's policy opens: log answers from there by status only.
    pub private: bool,
    /// The name look-up.
    pub dns: Option<Duration>,
    /// The TCP connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the start to the end of the answer's headers.
    pub first_byte: Option<Duration>,
    /// From the start to the end of everything, body included.
    pub total: Duration,
}

/// Facts of a connection, kept with it in the pool.
#[derive(Debug)]
pub(crate) struct Facts {
    made: Trace,
    used: AtomicBool,
}

impl Facts {
    pub(crate) fn new(made: Trace) -> Arc<Self> {
        Arc::new(Self { made, used: AtomicBool::new(false) })
    }

    /// The trace of a request on this connection: only the first one paid for making it.
    pub(crate) fn trace(&self) -> Trace {
        if self.used.swap(true, Ordering::Relaxed) {
            Trace { address: self.made.address, private: self.made.private, ..Trace::default() }
        } else {
            self.made
        }
    }
}

/// The making of a connection as seen from the request that asked for it, for the case that it never
/// succeeds.
#[derive(Debug, Clone)]
pub(crate) struct Dial(Arc<Mutex<(Stage, Trace)>>);

impl Default for Dial {
    fn default() -> Self {
        Self::new(Stage::Connect)
    }
}

impl Dial {
    /// `until`: where the request is as long as nobody dials for it.
    pub(crate) fn new(until: Stage) -> Self {
        Self(Arc::new(Mutex::new((until, Trace::default()))))
    }

    pub(crate) fn set(&self, stage: Stage, trace: Trace) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (stage, trace);
    }

    pub(crate) fn get(&self) -> (Stage, Trace) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The dial of the request being sent: the pool hands a connector nothing but the URL.
    pub(crate) static DIAL: Dial;
}
