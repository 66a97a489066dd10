//! Names to addresses. It judges nothing: its answers always pass the policy before use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::lookup::Lookups;

/// How long the system may take for one name.
const LOOKUP_TIME: Duration = Duration::from_secs(10);

type Answers = dyn Fn(&str) -> Vec<SocketAddr> + Send + Sync;

/// Where names are looked up.
#[derive(Clone)]
pub struct Resolver(Source);

#[derive(Clone)]
enum Source {
    System(Arc<Lookups>),
    Given(Arc<Answers>),
}

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unresolved {
    NotFound,
    TimedOut,
}

impl Resolver {
    /// The operating system's resolver.
    pub fn system() -> Self {
        Self(Source::System(Lookups::by_system()))
    }

    /// Asks `answers` instead of any name server; no addresses means that the name does not resolve.
    pub fn given(answers: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        Self::given_at(move |host| answers(host).into_iter().map(at_any_port).collect())
    }

    /// The same with ports, which replace those of URLs; 0 keeps the URL's. For tests, where one server stands for many
    /// hosts: the addresses pass the policy as any others do.
    pub fn given_at(answers: impl Fn(&str) -> Vec<SocketAddr> + Send + Sync + 'static) -> Self {
        Self(Source::Given(Arc::new(answers)))
    }

    /// The addresses of `host`, at least one; port 0 stands for the URL's.
    pub(crate) async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = match &self.0 {
            Source::Given(answers) => answers(host),
            Source::System(_) if is_localhost(host) => {
                vec![at_any_port(Ipv4Addr::LOCALHOST.into()), at_any_port(Ipv6Addr::LOCALHOST.into())]
            }
            Source::System(lookups) => {
                timeout(LOOKUP_TIME, lookups.addresses(host)).await.map_err(|_| Unresolved::TimedOut)?
            }
        };
        if found.is_empty() { Err(Unresolved::NotFound) } else { Ok(found) }
    }
}

fn at_any_port(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, 0)
}

/// RFC 6761 section 6.3: these names are loopback, whatever a name server says; containers often lack an
/// entry.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::{AddressPolicy, Failure, Limits, Outbound, OutboundError, Request, Settings, Stage};

    /// Sends to a name whose look-up never ends.
    async fn send(deadline: Duration) -> Failure {
        let resolver = Resolver(Source::System(Lookups::by(|_| Box::pin(std::future::pending()))));
        let settings = Settings { resolver, ..Settings::new(HeaderValue::from_static("Panora/test")) };
        let request = Request {
            project: "0190",
            method: Method::POST,
            url: &"https://slow.example/".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            limits: Limits { deadline, max_body: 0, body_time: Duration::ZERO },
        };
        Outbound::new(AddressPolicy::default(), settings).send(request).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn the_look_up_counts_towards_the_deadline() {
        let failure = send(Duration::from_secs(3)).await;
        assert_eq!(failure.error, OutboundError::TimedOut(Stage::NameLookup));
        assert_eq!((failure.trace.total.as_secs(), failure.trace.address), (3, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_up_ends_without_a_deadline() {
        let failure = send(Duration::from_hours(1)).await;
        assert_eq!(failure.error, OutboundError::TimedOut(Stage::NameLookup));
        assert_eq!(failure.trace.total.as_secs(), LOOKUP_TIME.as_secs());
    }
}
