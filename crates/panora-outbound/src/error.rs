//! Why a request got no usable answer: stable codes and a likely cause in words. Nothing here ever holds a
//! URL, a header or any text a peer sent.

use crate::refusal::Refusal;
use crate::trace::Trace;

/// A request that got no answer, and how far it came.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What went wrong.
    #[source]
    pub error: OutboundError,
    /// The address tried and the times of the steps that were finished.
    pub trace: Trace,
}

/// What went wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL or every address of its name is refused; nothing was sent.
    #[error(transparent)]
    Refused(Refusal),
    /// The name has no address.
    #[error("the host name was not found")]
    NameNotFound,
    /// No TCP connection came about.
    #[error("no connection could be made")]
    ConnectFailed(ConnectFault),
    /// TCP connected, TLS did not.
    #[error("no secure connection could be made")]
    TlsFailed(TlsFault),
    /// The deadline passed at this step.
    #[error("timed out {}", .0.words())]
    TimedOut(Stage),
    /// The peer closed the connection before its answer was complete.
    #[error("the connection was closed before an answer")]
    ConnectionClosed,
    /// What came back is not HTTP.
    #[error("the answer is not valid HTTP")]
    AnswerMalformed,
    /// More or longer headers than are accepted.
    #[error("the answer's headers are too large")]
    HeadersTooLarge,
    /// A body longer than the caller takes.
    #[error("the answer's body is too large")]
    BodyTooLarge,
    /// A body that did not end in the time given to it.
    #[error("the answer's body took too long")]
    BodyTooSlow,
    /// A body that ended before its announced end.
    #[error("the answer's body is incomplete")]
    BodyBroken,
    /// The request's own body stopped coming.
    #[error("the request's body took too long")]
    UploadTooSlow,
    /// The request's own body ended before its end.
    #[error("the request's body is incomplete")]
    UploadBroken,
}

/// Why a TCP connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectFault {
    /// Nothing listens on that port.
    Refused,
    /// No route to the host or network.
    Unreachable,
    /// Anything else.
    Other,
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate is past its date, or not valid yet.
    Expired,
    /// The certificate is for another name.
    WrongName,
    /// No trusted authority signed the certificate.
    Untrusted,
    /// The peer does not speak TLS on that port.
    NotTls,
    /// Anything else: no common version, a client certificate asked for, a broken handshake.
    Other,
}

/// The steps a deadline can interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking up the name.
    NameLookup,
    /// Connecting by TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the request's first byte to the end of the answer's headers.
    Answer,
}

impl Stage {
    fn words(self) -> &'static str {
        match self {
            Self::NameLookup => "looking up the host name",
            Self::Connect => "connecting",
            Self::Tls => "during the TLS handshake",
            Self::Answer => "waiting for the answer",
        }
    }
}

impl OutboundError {
    /// A stable name for API answers and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NameNotFound => "name_not_found",
            Self::ConnectFailed(_) => "connect_failed",
            Self::TlsFailed(_) => "tls_failed",
            Self::TimedOut(_) => "timed_out",
            Self::ConnectionClosed => "connection_closed",
            Self::AnswerMalformed => "answer_malformed",
            Self::HeadersTooLarge => "headers_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBroken => "body_broken",
            Self::UploadTooSlow => "request_too_slow",
            Self::UploadBroken => "request_broken",
        }
    }

    /// What most likely lies behind it, in a sentence for the person who runs the other side.
    pub fn likely_cause(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refused(refusal),
            Self::NameNotFound => {
                "The host name has no address in DNS: a typing error, or a record not published yet."
            }
            Self::ConnectFailed(fault) => unconnected(fault),
            Self::TlsFailed(fault) => insecure(fault),
            Self::TimedOut(stage) => late(stage),
            Self::ConnectionClosed => {
                "The server or a proxy before it closed the connection without an answer: it may \
                 have crashed, restarted or refused the request."
            }
            Self::AnswerMalformed => {
                "The answer breaks the rules of HTTP: something else may be listening on that port."
            }
            Self::HeadersTooLarge => "The answer has more than 100 headers or 64 KiB of them.",
            Self::BodyTooLarge => "The answer is larger than is accepted here.",
            Self::BodyTooSlow => "The server sent its headers and then took too long over the body.",
            Self::BodyBroken => "The server closed the connection in the middle of the body.",
            Self::UploadTooSlow => "Whoever sends the request's body has paused for too long.",
            Self::UploadBroken => "Whoever sends the request's body has broken off.",
        }
    }
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::AddressNotAllowed => {
            "The host is a private or reserved address, or its name resolves to one; the operator of \
             this installation can open networks."
        }
        Refusal::HttpsRequired => "Plain http is allowed for private addresses only: use https.",
        Refusal::Scheme | Refusal::UserInfo | Refusal::Malformed => {
            "The URL itself cannot be called: correct it."
        }
    }
}

fn unconnected(fault: ConnectFault) -> &'static str {
    match fault {
        ConnectFault::Refused => "Nothing listens on that port, or a firewall rejects the connection.",
        ConnectFault::Unreachable => "There is no route to the host: it is down, or the network between is.",
        ConnectFault::Other => "The network connection could not be made or was cut at once.",
    }
}

fn insecure(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Expired => "The server's certificate has expired or is not valid yet.",
        TlsFault::WrongName => "The server's certificate is for another host name.",
        TlsFault::Untrusted => {
            "The server's certificate is self-signed, its chain is incomplete, or its \
             authority is not trusted."
        }
        TlsFault::NotTls => "The server does not speak TLS on that port: plain http may be configured there.",
        TlsFault::Other => {
            "The TLS handshake failed: the server may be too old, or ask for a client certificate."
        }
    }
}

fn late(stage: Stage) -> &'static str {
    match stage {
        Stage::NameLookup => "The name servers of the host did not answer in time.",
        Stage::Connect => "The host did not answer at all: it is down, or a firewall drops the packets.",
        Stage::Tls => "The server accepted the connection and then did not finish the TLS handshake.",
        Stage::Answer => "The handler did its work before answering: answer first, then work.",
    }
}
