//! Which addresses are reachable, in whatever spelling.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use panora_outbound::{AddressPolicy, AllowedNetwork, Refusal, Verdict, check_url};
use proptest::prelude::*;
use url::Url;

const PROJECT: &str = "0190";

fn judge(policy: &AddressPolicy, ip: &str) -> Verdict {
    policy.check(ip.parse().unwrap(), PROJECT)
}

fn opening(networks: &[&str]) -> AddressPolicy {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    AddressPolicy { local_allowed: false, networks }
}

fn local() -> AddressPolicy {
    AddressPolicy { local_allowed: true, networks: Vec::new() }
}

const LOCAL: &[&str] = &["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"];
const LOCAL_V6: &[&str] = &["::1", "fc00::1", "fd12:3456::1"];
const RESERVED: &[&str] = &[
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
];
const RESERVED_TOO: &[&str] = &["198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "64:ff9b::808:808"];
const NEVER: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "5f00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];
const PUBLIC: &[&str] = &[
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:200::1",
];

#[test]
fn only_the_public_internet_is_reachable_by_default() {
    let policy = AddressPolicy::default();
    for ip in PUBLIC {
        assert_eq!(judge(&policy, ip), Verdict::Public, "{ip}");
    }
    for ip in [LOCAL, LOCAL_V6, RESERVED, RESERVED_TOO, NEVER].concat() {
        assert_eq!(judge(&policy, ip), Verdict::Forbidden, "{ip}");
    }
}

#[test]
fn a_local_installation_reaches_loopback_and_private_networks_and_nothing_else() {
    for ip in [LOCAL, LOCAL_V6].concat() {
        assert_eq!(judge(&local(), ip), Verdict::AllowedPrivate, "{ip}");
    }
    for ip in [RESERVED, RESERVED_TOO, NEVER].concat() {
        assert_eq!(judge(&local(), ip), Verdict::Forbidden, "{ip}");
    }
}

#[test]
fn a_listing_opens_its_network_and_no_other() {
    let policy = opening(&["10.1.2.3/16", "100.64.0.0/10", "fd12::/16"]);
    for ip in ["10.1.255.1", "100.70.0.1", "fd12::9"] {
        assert_eq!(judge(&policy, ip), Verdict::AllowedPrivate, "{ip}");
    }
    assert_eq!(judge(&policy, "10.2.0.1"), Verdict::Forbidden);
}

#[test]
fn a_listing_for_one_project_opens_nothing_for_another() {
    let policy = opening(&["10.0.0.0/8@0190"]);
    let ip = "10.0.0.1".parse().unwrap();
    assert_eq!(policy.check(ip, "0190"), Verdict::AllowedPrivate);
    assert_eq!(policy.check(ip, "0191"), Verdict::Forbidden);
}

#[test]
fn no_listing_opens_metadata_link_local_or_disguised_addresses() {
    let policy = opening(&["0.0.0.0/0", "::/0"]);
    for ip in NEVER {
        assert_eq!(judge(&policy, ip), Verdict::Forbidden, "{ip}");
    }
}

#[test]
fn a_listed_translator_reaches_what_its_ipv4_addresses_may_be() {
    let policy = opening(&["64:ff9b::/96", "10.0.0.0/8"]);
    assert_eq!(judge(&policy, "64:ff9b::8.8.8.8"), Verdict::Public);
    assert_eq!(judge(&policy, "64:ff9b::10.0.0.1"), Verdict::AllowedPrivate);
    assert_eq!(judge(&policy, "64:ff9b::127.0.0.1"), Verdict::Forbidden);
    assert_eq!(judge(&policy, "64:ff9b::169.254.169.254"), Verdict::Forbidden);
}

#[test]
fn a_network_is_a_cidr_with_or_without_a_project() {
    for text in ["10.1.2.3/8@0190", " 10.0.0.0/8 @ 0190 "] {
        let network: AllowedNetwork = text.parse().unwrap();
        let read = (network.net.to_string(), network.project.as_deref());
        assert_eq!(read, ("10.0.0.0/8".to_owned(), Some("0190")), "{text}");
    }
    for wrong in [
        "",
        "10.0.0.1",
        "10.0.0.0/33",
        "10.0.0.0/8@",
        "10.0.0.0/8@ ",
        "10.0.0.0/8@a@b",
        "@0190",
        "example.com",
    ] {
        assert!(wrong.parse::<AllowedNetwork>().is_err(), "{wrong}");
    }
}

#[test]
fn every_spelling_of_a_forbidden_address_is_refused() {
    let hosts = [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.01",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
    ];
    for host in hosts {
        let url: Url = format!("https://{host}/hook").parse().unwrap();
        let refused = check_url(&url, &AddressPolicy::default(), PROJECT);
        assert_eq!(refused, Err(Refusal::AddressNotAllowed), "{host} is {url}");
    }
}

#[test]
fn a_url_is_http_or_https_without_user_info() {
    for (url, refusal) in [
        ("ftp://8.8.8.8/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://8.8.8.8/", Refusal::Scheme),
        ("https://user@example.com/", Refusal::UserInfo),
        ("https://:secret@example.com/", Refusal::UserInfo),
        ("https://example.com:0/", Refusal::Malformed),
        ("http://8.8.8.8/", Refusal::HttpsRequired),
        ("http://127.0.0.1/", Refusal::AddressNotAllowed),
    ] {
        assert_eq!(
            check_url(&url.parse().unwrap(), &AddressPolicy::default(), PROJECT),
            Err(refusal),
            "{url}"
        );
    }
}

#[test]
fn plain_http_is_for_opened_addresses_only() {
    assert_eq!(check_url(&"http://127.0.0.1:8000/".parse().unwrap(), &local(), PROJECT), Ok(()));
    assert_eq!(
        check_url(&"http://8.8.8.8/".parse().unwrap(), &local(), PROJECT),
        Err(Refusal::HttpsRequired)
    );
}

proptest! {
    #[test]
    fn no_ipv4_address_can_be_smuggled_in_an_ipv6_form(bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        for form in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
        ] {
            let verdict = AddressPolicy::default().check(form.into(), PROJECT);
            prop_assert_eq!(verdict, Verdict::Forbidden, "{}", form);
        }
    }

    #[test]
    fn what_is_public_is_global_by_the_standard_library_too(bits: u32) {
        let ip = Ipv4Addr::from(bits);
        let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_broadcast()
            || ip.is_documentation() || ip.is_multicast() || ip.is_unspecified();
        let public = AddressPolicy::default().check(IpAddr::V4(ip), PROJECT) == Verdict::Public;
        prop_assert!(!(public && special), "{}", ip);
    }

    #[test]
    fn a_listing_never_closes_what_was_open(bits: u32) {
        let ip = IpAddr::V4(bits.into());
        let before = AddressPolicy::default().check(ip, PROJECT);
        let after = opening(&["0.0.0.0/0"]).check(ip, PROJECT);
        prop_assert!(before == Verdict::Forbidden || after != Verdict::Forbidden);
    }
}
