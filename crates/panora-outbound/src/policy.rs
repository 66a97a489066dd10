//! Decides which addresses a project may reach. Pure: it resolves nothing and connects to nothing.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::special::{Kind, kind};

/// A network that the operator opened, for everybody or for one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedNetwork {
    /// The network.
    pub net: IpNet,
    /// The only project that may reach it; `None` for all.
    pub project: Option<String>,
}

/// The text is neither `CIDR` nor `CIDR@id_project`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: write CIDR or CIDR@id_project, such as 10.1.0.0/16")]
pub struct NotANetwork(String);

impl FromStr for AllowedNetwork {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let refused = || NotANetwork(text.to_owned());
        let (net, project) = match text.split_once('@') {
            Some((net, project)) => (net, Some(project.trim().to_owned())),
            None => (text, None),
        };
        // A project that no id can equal would open nothing and tell nobody.
        if project.as_deref().is_some_and(|project| project.is_empty() || project.contains(['@', ' '])) {
            return Err(refused());
        }
        let net: IpNet = net.trim().parse().map_err(|_| refused())?;
        Ok(Self { net: net.trunc(), project })
    }
}

/// What the policy says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// On the public internet: reachable, by https only.
    Public,
    /// Opened by the operator or by a local installation: plain http may be used, and answers from there are
    /// logged by status only.
    AllowedPrivate,
    /// Never connected to.
    Forbidden,
}

/// Which addresses may be reached. The default is the public internet and nothing else.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// The installation itself is local, so loopback and private networks are open. Link-local addresses and
    /// metadata services stay closed.
    pub local_allowed: bool,
    /// What the operator opened besides. No listing opens link-local, multicast or metadata addresses.
    pub networks: Vec<AllowedNetwork>,
}

impl AddressPolicy {
    /// Judges `ip` for `project` (its id).
    pub fn check(&self, ip: IpAddr, project: &str) -> Verdict {
        let listed = self.lists(ip, project);
        match kind(ip) {
            Kind::Never => Verdict::Forbidden,
            // A listed translator reaches what its own IPv4 addresses may be, and nothing more.
            Kind::Translated(carried) if listed => self.check(carried.into(), project),
            _ if listed => Verdict::AllowedPrivate,
            Kind::Public => Verdict::Public,
            Kind::Local if self.local_allowed => Verdict::AllowedPrivate,
            Kind::Local | Kind::Reserved | Kind::Translated(_) => Verdict::Forbidden,
        }
    }

    fn lists(&self, ip: IpAddr, project: &str) -> bool {
        let open = |network: &AllowedNetwork| network.project.as_deref().is_none_or(|only| only == project);
        self.networks.iter().any(|network| network.net.contains(&ip) && open(network))
    }
}
