//! Makes connections: look-up, policy, TCP, TLS, in that order. It connects only to addresses that the policy
//! admitted in that very look-up, so a name cannot change its mind between the check and the connection.

use std::future::{Future, Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::error::{ConnectFault, OutboundError, Stage};
use crate::policy::AddressPolicy;
use crate::refusal::{Refusal, admit};
use crate::resolve::{Resolver, Unresolved};
use crate::stream::Stream;
use crate::tls;
use crate::trace::{DIAL, Dial, Facts, Trace};

/// A connection may be finished for the pool after its request has gone; it must end without a deadline, too.
const DIAL_TIME: Duration = Duration::from_secs(30);

/// Shared out among the addresses tried, so that a dead one leaves time for the next.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A name with hundreds of addresses must not turn one request into a scan.
const ADDRESSES_TRIED: usize = 8;

/// Connects for one scope of the policy. The pool clones it twice a request, so it is one pointer.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Dialer>);

impl Connector {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self(Arc::new(dialer))
    }
}

/// What connecting takes.
pub(crate) struct Dialer {
    pub(crate) policy: Arc<AddressPolicy>,
    /// The project whose networks are open here; empty where only those open to all are.
    pub(crate) project: Arc<str>,
    pub(crate) resolver: Resolver,
    pub(crate) tls: TlsConnector,
}

/// Host, port and kind of a connection.
struct Target {
    host: String,
    /// The host, where it is a literal address.
    literal: Option<IpAddr>,
    port: u16,
    secure: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().ok_or(OutboundError::Refused(Refusal::Malformed))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { literal: host.parse().ok(), host, port, secure })
    }
}

/// An admitted address.
struct Admitted {
    address: SocketAddr,
    private: bool,
}

impl Dialer {
    /// The addresses of the target that the policy admits, at least one.
    async fn admitted(&self, target: &Target) -> Result<Vec<Admitted>, OutboundError> {
        let found = match target.literal {
            Some(literal) => vec![SocketAddr::new(literal, target.port)],
            None => self.resolver.resolve(&target.host).await.map_err(|unresolved| match unresolved {
                Unresolved::NotFound => OutboundError::NameNotFound,
                Unresolved::TimedOut => OutboundError::TimedOut(Stage::NameLookup),
            })?,
        };
        let mut refusal = Refusal::AddressNotAllowed;
        let mut admitted = Vec::new();
        for mut address in found {
            if address.port() == 0 {
                address.set_port(target.port);
            }
            match admit(self.policy.check(address.ip(), &self.project), target.secure) {
                Ok(private) => admitted.push(Admitted { address, private }),
                Err(reason) => refusal = reason,
            }
        }
        admitted.truncate(ADDRESSES_TRIED);
        if admitted.is_empty() { Err(OutboundError::Refused(refusal)) } else { Ok(admitted) }
    }

    async fn dial(&self, uri: Uri, dial: &Dial) -> Result<Stream, OutboundError> {
        let target = Target::of(&uri)?;
        let mut trace = Trace::default();
        dial.set(Stage::NameLookup, trace);

        let start = Instant::now();
        let admitted = self.admitted(&target).await?;
        trace.dns = target.literal.is_none().then(|| start.elapsed());
        (trace.address, trace.private) = (Some(admitted[0].address), admitted[0].private);
        dial.set(Stage::Connect, trace);

        let start = Instant::now();
        let tcp = connect(&admitted).await?;
        trace.connect = Some(start.elapsed());
        let peer = tcp.inner().peer_addr().map_err(|_| OutboundError::ConnectionClosed)?;
        let reached = admitted.iter().find(|one| one.address == peer);
        let reached = reached.ok_or(OutboundError::Refused(Refusal::AddressNotAllowed))?;
        (trace.address, trace.private) = (Some(peer), reached.private);
        dial.set(Stage::Tls, trace);

        let io = if target.secure {
            let start = Instant::now();
            let io = self.handshake(&target, tcp).await?;
            trace.tls = Some(start.elapsed());
            io
        } else {
            MaybeHttpsStream::Http(tcp)
        };
        dial.set(Stage::Answer, trace);
        Ok(Stream::new(io, Facts::new(trace)))
    }

    async fn handshake(
        &self,
        target: &Target,
        tcp: TokioIo<TcpStream>,
    ) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, OutboundError> {
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| OutboundError::Refused(Refusal::Malformed))?;
        let tls = self.tls.connect(name, TokioIo::new(tcp)).await.map_err(|error| tls::failure(&error))?;
        Ok(tls.into())
    }
}

/// Tries the addresses as RFC 8305 has it: one family gets a head start over the other.
async fn connect(admitted: &[Admitted]) -> Result<TokioIo<TcpStream>, OutboundError> {
    let addresses = admitted.iter().map(|one| one.address).collect();
    let mut http = HttpConnector::new_with_resolver(Pinned(addresses));
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIME));
    // Not the real host: whatever it is, only the pinned addresses can be meant.
    http.call(Uri::from_static("http://pinned")).await.map_err(|error| connect_failure(&error))
}

fn connect_failure(error: &(dyn std::error::Error + 'static)) -> OutboundError {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::TimedOut => OutboundError::TimedOut(Stage::Connect),
                io::ErrorKind::ConnectionRefused => OutboundError::ConnectFailed(ConnectFault::Refused),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    OutboundError::ConnectFailed(ConnectFault::Unreachable)
                }
                _ => OutboundError::ConnectFailed(ConnectFault::Other),
            };
        }
        next = error.source();
    }
    OutboundError::ConnectFailed(ConnectFault::Other)
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, OutboundError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OutboundError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // The task-local value is read here, in the request's own task; the future may move to another.
        let dial = DIAL.try_with(Clone::clone).unwrap_or_default();
        let dialer = Arc::clone(&self.0);
        Box::pin(async move {
            timeout(DIAL_TIME, dialer.dial(uri, &dial))
                .await
                .unwrap_or_else(|_| Err(OutboundError::TimedOut(dial.get().0)))
        })
    }
}

/// Answers every name with the addresses that were admitted before.
#[derive(Clone)]
struct Pinned(Vec<SocketAddr>);

impl Service<Name> for Pinned {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}
