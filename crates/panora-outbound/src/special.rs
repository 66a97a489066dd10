//! Which addresses are not the public internet, from the IANA special-purpose registries (RFC 6890 and its
//! successors). It knows addresses only: who may be reached is decided in `policy`, never here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Globally reachable unicast.
    Public,
    /// Loopback or a private network: the installation's own surroundings.
    Local,
    /// Special, yet some networks run services there; only an explicit listing opens it.
    Reserved,
    /// An IPv6 address that a translator turns into this IPv4 address (NAT64, RFC 6052).
    Translated(Ipv4Addr),
    /// Metadata services, link-local, multicast and forms that only disguise another address.
    Never,
}

use Kind::{Local, Never, Public, Reserved};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], tail: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(head[0], head[1], head[2], head[3], 0, 0, 0, tail), prefix)
}

/// The first network that holds an address decides, so single addresses stand before their network.
const V4: &[(Ipv4Net, Kind)] = &[
    (v4(100, 100, 100, 200, 32), Never), // Alibaba Cloud metadata
    (v4(168, 63, 129, 16, 32), Never),   // Azure's host agent, a public address
    (v4(192, 0, 0, 192, 32), Never),     // Oracle Cloud metadata
    (v4(169, 254, 0, 0, 16), Never),     // link-local, where most metadata services are
    (v4(0, 0, 0, 0, 8), Never),          // "this network"; 0.0.0.0 reaches loopback on Linux
    (v4(224, 0, 0, 0, 4), Never),        // multicast
    (v4(240, 0, 0, 0, 4), Never),        // reserved, and the broadcast address
    (v4(10, 0, 0, 0, 8), Local),
    (v4(127, 0, 0, 0, 8), Local),
    (v4(172, 16, 0, 0, 12), Local),
    (v4(192, 168, 0, 0, 16), Local),
    (v4(100, 64, 0, 0, 10), Reserved),   // shared by carriers' NAT (RFC 6598)
    (v4(192, 0, 0, 0, 24), Reserved),    // protocol assignments
    (v4(192, 0, 2, 0, 24), Reserved),    // documentation
    (v4(198, 51, 100, 0, 24), Reserved), // documentation
    (v4(203, 0, 113, 0, 24), Reserved),  // documentation
    (v4(192, 88, 99, 0, 24), Reserved),  // 6to4 relays (RFC 7526)
    (v4(198, 18, 0, 0, 15), Reserved),   // benchmarks (RFC 2544)
];

/// The same for IPv6; what no line names is public only inside 2000::/3.
const V6: &[(Ipv6Net, Kind)] = &[
    (v6([0xfd00, 0xec2, 0, 0], 0, 32), Never), // AWS: metadata (::254) and pod credentials (::23)
    (v6([0xfd00, 0x42, 0, 0], 0x42, 128), Never), // Scaleway metadata
    (v6([0xfd20, 0xce, 0, 0], 0x254, 128), Never), // Google Cloud metadata
    (v6([0, 0, 0, 0], 1, 128), Local),         // loopback
    (v6([0xfc00, 0, 0, 0], 0, 7), Local),      // unique local (RFC 4193)
    (v6([0x2001, 0xdb8, 0, 0], 0, 32), Reserved), // documentation
    (v6([0x3fff, 0, 0, 0], 0, 20), Reserved),  // documentation (RFC 9637)
    (v6([0x2001, 0, 0, 0], 0, 23), Never),     // protocol assignments, Teredo among them
    (v6([0x2002, 0, 0, 0], 0, 16), Never),     // 6to4: carries any IPv4 address
    (v6([0x2000, 0, 0, 0], 0, 3), Public),     // global unicast
    (v6([0, 0, 0, 0], 0, 0), Never),           // mapped, compatible, discard, site-local, multicast ...
];

/// The well-known NAT64 prefix. 64:ff9b:1::/48 is not here: where it carries the IPv4 address differs by
/// network (RFC 8215), so that it cannot be judged.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 0, 96);

/// The kind of `ip`.
pub fn kind(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => V4.iter().find(|(net, _)| net.contains(&ip)).map_or(Public, |(_, kind)| *kind),
        IpAddr::V6(ip) if NAT64.contains(&ip) => {
            let [.., a, b, c, d] = ip.octets();
            Kind::Translated(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(ip) => V6.iter().find(|(net, _)| net.contains(&ip)).map_or(Never, |(_, kind)| *kind),
    }
}
