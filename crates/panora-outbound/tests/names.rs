//! Names: whatever a name server answers, only admitted addresses are connected to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use panora_outbound::{AddressPolicy, OutboundError, Refusal, Request, Resolver};
use support::{OK, PROJECT, answering, get, local_policy, resolving};
use url::Url;

fn answers(ips: &'static [&'static str]) -> Resolver {
    Resolver::given(move |_| ips.iter().map(|ip| ip.parse().unwrap()).collect())
}

fn https(host: &str) -> Url {
    format!("https://{host}/hook").parse().unwrap()
}

#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_refused() {
    for ip in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
        let ip: IpAddr = ip.parse().unwrap();
        let client = resolving(AddressPolicy::default(), Resolver::given(move |_| vec![ip]));
        let url = https("inside.example");
        assert_eq!(client.check_endpoint(&url, PROJECT).await, Err(Refusal::AddressNotAllowed), "{ip}");
        let failure = client.send(get(&url)).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::Refused(Refusal::AddressNotAllowed), "{ip}");
    }
}

#[tokio::test]
async fn an_endpoint_with_one_forbidden_address_among_public_ones_is_refused() {
    let client = resolving(AddressPolicy::default(), answers(&["8.8.8.8", "10.0.0.1"]));
    let checked = client.check_endpoint(&https("mixed.example"), PROJECT).await;
    assert_eq!(checked, Err(Refusal::AddressNotAllowed));
}

#[tokio::test]
async fn an_endpoint_whose_name_does_not_resolve_is_accepted() {
    let client = resolving(AddressPolicy::default(), answers(&[]));
    assert_eq!(client.check_endpoint(&https("later.example"), PROJECT).await, Ok(()));
    let failure = client.send(get(&https("later.example"))).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::NameNotFound);
}

#[tokio::test]
async fn plain_http_needs_a_name_of_opened_addresses() {
    let plain: Url = "http://name.example/".parse().unwrap();
    for (ips, expected) in [
        (&[][..], Err(Refusal::HttpsRequired)),
        (&["8.8.8.8"][..], Err(Refusal::HttpsRequired)),
        (&["127.0.0.1", "8.8.8.8"][..], Err(Refusal::HttpsRequired)),
        (&["127.0.0.1"][..], Ok(())),
    ] {
        let client = resolving(local_policy(), answers(ips));
        assert_eq!(client.check_endpoint(&plain, PROJECT).await, expected, "{ips:?}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_after_the_check_reaches_nothing() {
    let inside = answering(OK).await;
    let lookups = AtomicUsize::new(0);
    let rebinding = Resolver::given(move |_| match lookups.fetch_add(1, Ordering::SeqCst) {
        0 => vec!["8.8.8.8".parse().unwrap()],
        _ => vec!["127.0.0.1".parse().unwrap()],
    });
    let client = resolving(AddressPolicy::default(), rebinding);
    let url: Url = format!("https://rebind.example:{}/", inside.address.port()).parse().unwrap();

    assert_eq!(client.check_endpoint(&url, PROJECT).await, Ok(()));
    let failure = client.send(get(&url)).await.unwrap_err();

    assert_eq!(failure.error.code(), "address_not_allowed");
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn one_request_looks_a_name_up_once() {
    let receiver = answering(OK).await;
    let lookups = AtomicUsize::new(0);
    let changing = Resolver::given(move |_| match lookups.fetch_add(1, Ordering::SeqCst) {
        0 => vec!["127.0.0.1".parse().unwrap()],
        _ => Vec::new(),
    });
    let client = resolving(local_policy(), changing);
    assert!(client.send(get(&receiver.named("once.example"))).await.is_ok());
}

#[tokio::test]
async fn forbidden_addresses_of_a_mixed_answer_are_passed_over() {
    let receiver = answering(OK).await;
    let client = resolving(local_policy(), answers(&["169.254.169.254", "0.0.0.0", "127.0.0.1"]));
    let answer = client.send(get(&receiver.named("mixed.example"))).await.unwrap();
    assert_eq!(answer.trace.address, Some(receiver.address));
    assert!(answer.trace.private && answer.trace.dns.is_some());
}

#[tokio::test]
async fn localhost_is_loopback_without_a_name_server() {
    let receiver = answering(OK).await;
    let client = resolving(local_policy(), Resolver::system());
    for name in ["localhost", "app.localhost", "LOCALHOST."] {
        let answer = client.send(get(&receiver.named(name))).await.unwrap();
        assert_eq!(answer.trace.address, Some(receiver.address), "{name}");
    }
}

#[tokio::test]
async fn loopback_names_are_forbidden_where_loopback_is() {
    let client = resolving(AddressPolicy::default(), Resolver::system());
    for name in ["localhost", "LOCALHOST.", "app.localhost", "app.localhost."] {
        assert_eq!(
            client.check_endpoint(&https(name), PROJECT).await,
            Err(Refusal::AddressNotAllowed),
            "{name}"
        );
        let failure = client.send(get(&https(name))).await.unwrap_err();
        assert_eq!(failure.error, OutboundError::Refused(Refusal::AddressNotAllowed), "{name}");
    }
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_admitted_addresses_are_tried() {
    let inside = answering(OK).await;
    let policy = AddressPolicy { networks: vec!["127.0.0.2/32".parse().unwrap()], local_allowed: false };
    let client = resolving(policy, answers(&["127.0.0.1", "127.0.0.2", "::1"]));

    let failure = client.send(get(&inside.named("mixed.example"))).await.unwrap_err();

    assert_eq!(failure.error.code(), "connect_failed");
    assert_eq!(failure.trace.address.unwrap().ip(), IpAddr::from([127, 0, 0, 2]));
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_project_never_uses_a_connection_of_another_with_wider_rules() {
    let receiver = answering(OK).await;
    let policy = AddressPolicy { networks: vec!["127.0.0.0/8@0190".parse().unwrap()], local_allowed: false };
    let client = resolving(policy, answers(&["127.0.0.1"]));
    let url = receiver.named("shared.example");

    assert!(client.send(get(&url)).await.is_ok());
    let other = Request { project: "0191", ..get(&url) };
    let failure = client.send(other).await.unwrap_err();

    assert_eq!(failure.error.code(), "address_not_allowed");
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_given_port_replaces_the_url_s_and_no_address_is_reached_that_is_not_admitted() {
    let receiver = answering(OK).await;
    let (address, url) = (receiver.address, Url::parse("http://far.example/hook").unwrap());
    let resolver = Resolver::given_at(move |_| vec![address]);
    let answer = resolving(local_policy(), resolver.clone()).send(get(&url)).await.unwrap();
    assert_eq!(answer.trace.address, Some(address));
    let failure = resolving(AddressPolicy::default(), resolver).send(get(&url)).await.unwrap_err();
    assert_eq!(failure.error, OutboundError::Refused(Refusal::AddressNotAllowed));
}
