//! Prepared destinations: judged as any URL, and then sent to as any URL.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use http::{HeaderMap, Method};
use panora_outbound::{AddressPolicy, Message, Refusal, Resolver};
use support::{LIMITS, OK, PROJECT, answering, get, local, resolving};

fn message() -> Message {
    Message { method: Method::GET, headers: HeaderMap::new(), body: bytes::Bytes::new(), limits: LIMITS }
}

#[tokio::test]
async fn a_destination_takes_any_number_of_messages_over_one_connection() {
    let receiver = answering(OK).await;
    let client = local();
    let destination = client.destination(&receiver.url("/"), PROJECT).unwrap();
    for _ in 0..3 {
        assert_eq!(&client.send_to(&destination, message()).await.unwrap().body[..], b"ok");
    }
    client.send(get(&receiver.url("/"))).await.unwrap();
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn a_forbidden_url_makes_no_destination() {
    for (url, refusal) in [
        ("https://169.254.169.254/", Refusal::AddressNotAllowed),
        ("http://8.8.8.8/", Refusal::HttpsRequired),
        ("https://user@example.com/", Refusal::UserInfo),
    ] {
        let made = local().destination(&url.parse().unwrap(), PROJECT).map(|_| ());
        assert_eq!(made, Err(refusal), "{url}");
    }
}

#[tokio::test]
async fn a_destination_is_judged_again_at_every_look_up() {
    let inside = answering(OK).await;
    let moved = Resolver::given(|_| vec!["127.0.0.1".parse().unwrap()]);
    let client = resolving(AddressPolicy::default(), moved);
    let url = format!("https://moved.example:{}/", inside.address.port()).parse().unwrap();
    let destination = client.destination(&url, PROJECT).unwrap();

    let failure = client.send_to(&destination, message()).await.unwrap_err();

    assert_eq!((failure.error.code(), inside.connections()), ("address_not_allowed", 0));
}

#[tokio::test]
async fn a_destination_opens_its_own_projects_networks_only() {
    let receiver = answering(OK).await;
    let policy = AddressPolicy { networks: vec!["127.0.0.0/8@0190".parse().unwrap()], local_allowed: false };
    let client = resolving(policy, Resolver::given(|_| vec!["127.0.0.1".parse().unwrap()]));
    let url = receiver.named("shared.example");

    let own = client.destination(&url, "0190").unwrap();
    let foreign = client.destination(&url, "0191").unwrap();

    assert!(client.send_to(&own, message()).await.is_ok());
    let failure = client.send_to(&foreign, message()).await.unwrap_err();
    assert_eq!((failure.error.code(), receiver.connections()), ("address_not_allowed", 1));
}
