//! No spelling of an address is judged otherwise than the address.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use panora_outbound::{AddressPolicy, Refusal, check_url};
use proptest::prelude::*;
use url::Url;

fn judge(host: &str) -> Result<(), Refusal> {
    let url: Url = format!("https://{host}/hook").parse().unwrap();
    check_url(&url, &AddressPolicy::default(), "0190")
}

/// An IPv4 address as inet_aton(3) reads it: one to four numbers, the last of which fills what is left, each
/// in one of three bases.
fn spelt(ip: Ipv4Addr, parts: usize, bases: [u8; 4], dot: bool) -> String {
    let octets = ip.octets();
    let last = octets[parts - 1..].iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet));
    let numbers = octets[..parts - 1].iter().map(|octet| u32::from(*octet)).chain([last]);
    let spelt: Vec<_> = numbers
        .zip(bases)
        .map(|(number, base)| match base {
            0 => format!("{number}"),
            1 => format!("0{number:o}"),
            2 => format!("0x{number:x}"),
            _ => format!("0X{number:X}"),
        })
        .collect();
    spelt.join(".") + if dot { "." } else { "" }
}

proptest! {
    #[test]
    fn every_number_form_of_an_ipv4_address_is_that_address(
        bits: u32, parts in 1_usize..=4, bases in prop::array::uniform4(0_u8..4), dot: bool,
    ) {
        let ip = Ipv4Addr::from(bits);
        let spelt = spelt(ip, parts, bases, dot);
        prop_assert_eq!(judge(&spelt), judge(&ip.to_string()), "{}", spelt);
    }

    #[test]
    fn every_form_of_an_ipv6_address_is_that_address(bits: u128) {
        let ip = Ipv6Addr::from(bits);
        let full = ip.segments().map(|part| format!("{part:04X}")).join(":");
        let [.., a, b, c, d] = ip.octets();
        let [head @ .., _, _] = ip.segments().map(|part| format!("{part:x}"));
        let quad = format!("{}:{a}.{b}.{c}.{d}", head.join(":"));
        for spelt in [full, quad] {
            prop_assert_eq!(judge(&format!("[{spelt}]")), judge(&format!("[{ip}]")), "{}", spelt);
        }
    }

    #[test]
    fn what_an_admitted_url_becomes_on_the_wire_names_the_host_that_was_judged(host in "[0-9a-fA-Fx.%~{}^`]{1,20}") {
        let Ok(url) = format!("https://{host}/").parse::<Url>() else { return Ok(()) };
        if check_url(&url, &AddressPolicy::default(), "0190").is_err() { return Ok(()) }
        let uri: http::Uri = url.as_str().parse().unwrap();
        prop_assert_eq!(uri.host(), url.host_str());
        let literal = uri.host().and_then(|host| host.parse::<IpAddr>().ok());
        prop_assert_eq!(literal.is_some(), url.domain().is_none());
    }
}

#[test]
fn a_host_that_http_cannot_carry_is_refused_at_once() {
    for host in ["a%60b.example", "a`b.example", "a{b.example", "a%22b.example"] {
        assert_eq!(judge(host), Err(Refusal::Malformed), "{host}");
    }
}

#[test]
fn an_address_with_a_zone_is_no_url() {
    for host in ["[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%lo]"] {
        assert!(format!("https://{host}/").parse::<Url>().is_err(), "{host}");
    }
}
