//! Events as a stream: from now on or from where one was, each once, in one order.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use panora::random::Random;
use reqwest::Method;
use serde_json::json;

use crate::support::{Block, EventStream, Receiver, TestServer, eventually, seed, sent, text};

/// A server that has told of so many connections.
async fn given(events: usize) -> TestServer {
    let server = TestServer::start().await;
    for number in 0..events {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    server
}

#[tokio::test]
async fn a_stream_shows_an_event_in_the_bytes_that_endpoints_receive() {
    let (server, receiver) = (given(0).await, Receiver::start().await);
    server.endpoint(&receiver, &["*"]).await;
    let mut stream = server.stream("").await;
    server.import("user-1", json!({"metadata": {"10": 1, "9": 0.1, "ö": "\u{2028}\r\n"}})).await;
    let (streamed, delivered) = (stream.next().await, receiver.next().await);
    assert_eq!(streamed.data.as_bytes(), delivered.body);
    assert_eq!((streamed.event.as_str(), streamed.position()), ("connection.created", 1));
}

#[tokio::test]
async fn a_stream_begins_with_what_comes_from_now_on() {
    let server = given(3).await;
    let mut stream = server.stream("").await;
    let connection = server.import("late", json!({})).await;
    assert_eq!(stream.next().await.envelope()["data"]["id_connection"], connection["id_connection"]);
    server.import("later", json!({})).await;
    assert_eq!(stream.next().await.position(), 5);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_id() {
    let server = given(40).await;
    let all = server.all("/events").await;
    let mut stream = server.stream_after("0").await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(stream.next().await.id_event());
    }
    ids.reverse();
    assert_eq!(ids, all.iter().map(|it| text(&it["id_event"])).collect::<Vec<_>>());
    let mut again = server.stream_after("38").await;
    assert_eq!([again.next().await.position(), again.next().await.position()], [39, 40]);
}

#[tokio::test]
async fn the_last_event_id_may_come_as_a_parameter_and_the_header_wins() {
    let server = given(5).await;
    assert_eq!(server.stream("?last_event_id=2").await.next().await.position(), 3);
    let both = server.request(Method::GET, "/events/stream?last_event_id=2").header("last-event-id", "4");
    assert_eq!(EventStream::open(both).await.next().await.position(), 5);
}

#[tokio::test]
async fn who_is_cut_off_before_the_first_event_misses_nothing() {
    let server = given(2).await;
    let stream = server.stream("").await;
    let last_id = stream.last_id.clone();
    drop(stream);
    let connection = server.import("late", json!({})).await;
    let event = server.stream_after(&last_id).await.next().await;
    assert_eq!(event.envelope()["data"]["id_connection"], connection["id_connection"]);
}

#[tokio::test]
async fn a_stream_is_narrowed_by_type_and_still_says_how_far_it_is() {
    let server = given(70).await;
    let mut stream = server.stream("?type=connection.revoked&last_event_id=0").await;
    // It says so between events only, and by then has passed the others.
    let mut far = 0;
    while far < 70 {
        server.advance(Duration::from_secs(15));
        let beat = stream.block().await.expect("the stream goes on");
        assert_eq!(beat.data, "");
        far = beat.position();
    }
    let id = text(&server.get("/connections").await.expect(200)[0]["id_connection"]);
    server.delete(&format!("/connections/{id}")).await.expect(200);
    assert_eq!(stream.next().await.event, "connection.revoked");
}

#[tokio::test]
async fn a_quiet_stream_gives_a_sign_of_life_every_fifteen_seconds() {
    let server = given(1).await;
    let mut stream = server.stream("").await;
    for _ in 0..3 {
        server.advance(Duration::from_secs(15));
        let beat = stream.block().await;
        assert_eq!(beat, Some(Block { id: "1".into(), ..Block::default() }));
    }
    // An event is a sign of life too.
    server.import("late", json!({})).await;
    assert_eq!(stream.block().await.map(|it| it.position()), Some(2));
}

#[tokio::test]
async fn a_stream_shows_no_other_project_s_events() {
    let server = given(3).await;
    let other = server.another_project("other").await;
    let mut stream = other.stream_after("0").await;
    server.import("late", json!({})).await;
    let theirs = other.import("theirs", json!({})).await;
    assert_eq!(stream.next().await.envelope()["data"]["id_connection"], theirs["id_connection"]);
}

#[tokio::test]
async fn a_last_event_id_that_cannot_be_is_refused_where_it_is() {
    let server = given(1).await;
    for id in ["x", "-1", "+1", " ", "1.0", "2", "99999999999999999999"] {
        let request = server.request(Method::GET, "/events/stream");
        sent(request.header("last-event-id", id)).await.assert_refused_at("Last-Event-ID");
        let request = server.request(Method::GET, "/events/stream").query(&[("last_event_id", id)]);
        sent(request).await.assert_refused_at("?last_event_id");
    }
}

#[tokio::test]
async fn a_stream_takes_known_parameters_of_callers_with_a_key() {
    let server = given(0).await;
    server.get("/events/stream?type=connection.*").await.assert_refused_at("?type");
    server.get("/events/stream?since=2026-01-31T09:30:00.000Z").await.assert_refused_at("?since");
    sent(server.keyless(Method::GET, "/events/stream")).await.assert_problem(401, "missing_api_key");
}

#[tokio::test]
async fn a_revoked_key_s_streams_end_within_five_seconds_and_others_go_on() {
    let server = given(0).await;
    let (revoked, project, id) = server.another_key().await;
    let (ends, mut stays) = (revoked.stream("").await, server.stream("").await);
    server.app().store.revoke_api_key(project, id).await.expect("a key can be revoked");
    let revoked_at = Instant::now();
    ends.ended().await;
    assert!(revoked_at.elapsed() < Duration::from_secs(5), "{:?}", revoked_at.elapsed());
    server.import("user-1", json!({})).await;
    assert_eq!(stays.next().await.position(), 1);
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_its_streams() {
    let server = given(0).await;
    let (quiet, busy) = (server.stream("").await, server.stream_after("0").await);
    let begun = Instant::now();
    tokio::join!(server.stop(), quiet.ended(), busy.ended());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_key_holds_a_hundred_streams_open_and_gets_a_place_back_for_each_it_closes() {
    let server = given(0).await;
    let (other_key, ..) = server.another_key().await;
    let mut streams = join_all((0..100).map(|_| server.stream(""))).await;
    let refused = server.get("/events/stream").await;
    refused.assert_problem(429, "too_many_streams");
    assert_eq!(refused.header("retry-after"), "5");
    drop(other_key.stream("").await);
    drop(streams.pop());
    eventually("the place to be given back", || async {
        let request = server.request(Method::GET, "/events/stream");
        let response = request.send().await.expect("the server answers");
        (response.status() == 200).then_some(())
    })
    .await;
}

const WRITERS: usize = 6;
/// Events of each writer.
const EACH: usize = 20;

/// Reads until so many events have come, on nodes in turn, and is cut off again and again.
async fn read_with_cuts(nodes: &[TestServer], random: &Random, events: usize) -> Vec<Block> {
    let (mut last_id, mut read) = ("0".to_owned(), Vec::new());
    for node in nodes.iter().cycle() {
        let mut stream = node.stream_after(&last_id).await;
        for _ in 0..=random.below(8) {
            read.push(stream.next().await);
            if read.len() == events {
                return read;
            }
        }
        last_id = stream.last_id;
    }
    read
}

#[tokio::test]
async fn a_reader_that_is_cut_off_sees_each_event_of_many_writers_once_and_in_one_order() {
    let seed = seed();
    println!("PANORA_SEED={seed}");
    let (nodes, random) = (TestServer::nodes().await, Random::seeded(seed));
    let writers = (0..WRITERS).map(|writer| {
        let node = &nodes[writer % nodes.len()];
        async move {
            for number in 0..EACH {
                node.import(&format!("user-{writer}-{number}"), json!({})).await;
            }
        }
    });
    let (read, _) = tokio::join!(read_with_cuts(&nodes, &random, WRITERS * EACH), join_all(writers));
    let positions: Vec<_> = read.iter().map(Block::position).collect();
    assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
    let streamed: Vec<_> = read.iter().rev().map(Block::id_event).collect();
    let listed = nodes[0].all("/events").await;
    assert_eq!(streamed, listed.iter().map(|it| text(&it["id_event"])).collect::<Vec<_>>());
    assert_eq!(streamed.iter().collect::<BTreeSet<_>>().len(), WRITERS * EACH);
}
