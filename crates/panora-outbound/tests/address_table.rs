//! One table of addresses, and what every way to them answers under every policy: the address itself, a URL
//! that spells it, a name that resolves to it, and the request.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::net::IpAddr;

use Place::{Local, Never, Public, Reserved};
use panora_outbound::{AddressPolicy, Outbound, OutboundError, Refusal, Request, Resolver, Verdict};
use support::{PROJECT, get, local_policy, resolving};
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The internet.
    Public,
    /// Opened by a local installation, or by a listing.
    Local,
    /// Opened by a listing.
    Reserved,
    /// Opened by nothing.
    Never,
}

const TABLE: &[(&str, Place)] = &[
    ("8.8.8.8", Public),
    ("2606:4700::1111", Public),
    ("10.0.0.0", Local),
    ("10.255.255.255", Local),
    ("172.16.0.0", Local),
    ("172.31.255.255", Local),
    ("192.168.0.0", Local),
    ("192.168.255.255", Local),
    ("127.0.0.0", Local),
    ("127.0.0.1", Local),
    ("127.255.255.255", Local),
    ("::1", Local),
    ("fc00::", Local),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Local),
    ("100.64.0.0", Reserved),
    ("100.127.255.255", Reserved),
    ("192.0.0.0", Reserved),
    ("192.0.0.255", Reserved),
    ("192.0.2.1", Reserved),
    ("198.51.100.1", Reserved),
    ("203.0.113.1", Reserved),
    ("2001:db8::1", Reserved),
    ("3fff::1", Reserved),
    ("198.18.0.0", Reserved),
    ("198.19.255.255", Reserved),
    ("192.88.99.1", Reserved),
    ("0.0.0.0", Never),
    ("0.255.255.255", Never),
    ("169.254.0.0", Never),
    ("169.254.169.254", Never),
    ("169.254.170.2", Never),
    ("169.254.255.255", Never),
    ("100.100.100.200", Never),
    ("168.63.129.16", Never),
    ("192.0.0.192", Never),
    ("224.0.0.0", Never),
    ("239.255.255.255", Never),
    ("240.0.0.0", Never),
    ("255.255.255.254", Never),
    ("255.255.255.255", Never),
    ("::", Never),
    ("fd00:ec2::254", Never),
    ("fd00:ec2::23", Never),
    ("fd00:42::42", Never),
    ("fd20:ce::254", Never),
    ("fe80::", Never),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Never),
    ("fec0::1", Never),
    ("ff00::", Never),
    ("ff02::1", Never),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Never),
    ("::ffff:8.8.8.8", Never),
    ("::ffff:10.0.0.1", Never),
    ("::ffff:169.254.169.254", Never),
    ("::10.0.0.1", Never),
    ("::8.8.8.8", Never),
    ("2002:a00:1::1", Never),
    ("2002:808:808::1", Never),
    ("2001::1", Never),
    ("2001:0:4136:e378:8000:63bf:f5ff:fffe", Never),
    ("64:ff9b::169.254.169.254", Never),
    ("64:ff9b::0.0.0.0", Never),
    ("64:ff9b:1::10.0.0.1", Never),
    ("64:ff9b:1:ffff::1", Never),
    ("100::1", Never),
    ("5f00::1", Never),
    ("4000::1", Never),
];

/// Every policy with the project that asks, and what it opens.
fn policies() -> Vec<(AddressPolicy, &'static str, &'static [Place])> {
    let listing = |networks: &[&str]| AddressPolicy {
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        local_allowed: false,
    };
    let (everything, own) = (listing(&["0.0.0.0/0", "::/0"]), listing(&["0.0.0.0/0@0190", "::/0@0190"]));
    vec![
        (AddressPolicy::default(), PROJECT, &[]),
        (local_policy(), PROJECT, &[Local]),
        (everything, PROJECT, &[Public, Local, Reserved]),
        (own.clone(), PROJECT, &[Public, Local, Reserved]),
        (own, "0191", &[]),
    ]
}

fn expected(place: Place, opened: &[Place]) -> Verdict {
    match place {
        _ if opened.contains(&place) => Verdict::AllowedPrivate,
        Public => Verdict::Public,
        _ => Verdict::Forbidden,
    }
}

fn refusal(verdict: Verdict, scheme: &str) -> Result<(), Refusal> {
    match verdict {
        Verdict::Forbidden => Err(Refusal::AddressNotAllowed),
        Verdict::Public if scheme == "http" => Err(Refusal::HttpsRequired),
        _ => Ok(()),
    }
}

fn literal(scheme: &str, ip: IpAddr) -> Url {
    match ip {
        IpAddr::V4(ip) => format!("{scheme}://{ip}/hook"),
        IpAddr::V6(ip) => format!("{scheme}://[{ip}]/hook"),
    }
    .parse()
    .unwrap()
}

/// One client a policy, for which the name `<row>.<alone|first|amid|last>.example` resolves to the row's
/// address, alone or at that place among public ones.
fn clients() -> impl Iterator<Item = (Outbound, &'static str, Vec<(usize, IpAddr, Verdict)>)> {
    policies().into_iter().map(|(policy, project, opened)| {
        let client = resolving(policy, Resolver::given(answer));
        let rows = TABLE.iter().enumerate();
        let rows = rows.map(|(row, (ip, place))| (row, ip.parse().unwrap(), expected(*place, opened)));
        (client, project, rows.collect())
    })
}

fn answer(name: &str) -> Vec<IpAddr> {
    let mut labels = name.split('.');
    let row: usize = labels.next().unwrap().parse().unwrap();
    let ip = TABLE[row].0;
    let answer = match labels.next().unwrap() {
        "alone" => vec![ip],
        "first" => vec![ip, "8.8.8.8"],
        "amid" => vec!["2606:4700::1111", ip, "8.8.8.8"],
        _ => vec!["8.8.8.8", "2606:4700::1111", ip],
    };
    answer.into_iter().map(|ip| ip.parse().unwrap()).collect()
}

/// Each row under each policy.
fn cases() -> impl Iterator<Item = (AddressPolicy, &'static str, IpAddr, Verdict)> {
    policies().into_iter().flat_map(|(policy, project, opened)| {
        TABLE
            .iter()
            .map(move |(ip, place)| (policy.clone(), project, ip.parse().unwrap(), expected(*place, opened)))
    })
}

#[test]
fn an_address_is_judged_by_the_table() {
    for (policy, project, ip, verdict) in cases() {
        assert_eq!(policy.check(ip, project), verdict, "{ip} for {project} under {policy:?}");
    }
}

#[test]
fn a_url_that_spells_an_address_is_judged_by_the_table() {
    for (policy, project, ip, verdict) in cases() {
        for scheme in ["https", "http"] {
            let judged = panora_outbound::check_url(&literal(scheme, ip), &policy, project);
            assert_eq!(judged, refusal(verdict, scheme), "{scheme} {ip} for {project} under {policy:?}");
        }
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    for (client, project, rows) in clients() {
        for (row, ip, verdict) in rows {
            for (scheme, dot) in [("https", ""), ("https", "."), ("http", "")] {
                let url: Url = format!("{scheme}://{row}.alone.example{dot}/").parse().unwrap();
                let judged = client.check_endpoint(&url, project).await;
                assert_eq!(judged, refusal(verdict, scheme), "{url} is {ip} for {project}");
            }
        }
    }
}

#[tokio::test]
async fn one_forbidden_address_among_public_ones_spoils_a_name() {
    for (client, project, rows) in clients() {
        for (row, ip, verdict) in rows {
            for place in ["first", "amid", "last"] {
                let url = format!("https://{row}.{place}.example/").parse().unwrap();
                let judged = client.check_endpoint(&url, project).await;
                assert_eq!(judged, refusal(verdict, "https"), "{url} is {ip} for {project}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_to_a_forbidden_address_is_refused_however_it_is_named() {
    for (client, project, rows) in clients() {
        for (row, ip, _) in rows.into_iter().filter(|(.., verdict)| *verdict == Verdict::Forbidden) {
            let name = |dot| format!("https://{row}.alone.example{dot}/").parse().unwrap();
            for url in [literal("https", ip), name(""), name(".")] {
                let failure = client.send(Request { project, ..get(&url) }).await.unwrap_err();
                let refused = OutboundError::Refused(Refusal::AddressNotAllowed);
                assert_eq!(failure.error, refused, "{url} is {ip} for {project}");
            }
        }
    }
}
