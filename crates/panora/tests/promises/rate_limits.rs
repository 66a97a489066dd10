//! An endpoint's own rate is kept to.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Receiver, TestServer};

#[tokio::test]
async fn an_endpoint_is_sent_no_more_a_second_than_it_takes() {
    let nodes = TestServer::nodes().await;
    let receiver = Receiver::start().await;
    nodes[0].endpoint_with(&receiver, json!({"rate_limit": 20, "scope": ["connection.created"]})).await;
    let begun = Instant::now();
    for number in 0..30 {
        nodes[number % nodes.len()].import(&format!("user-{number}"), json!({})).await;
    }
    receiver.wait_for(30).await;
    let took = begun.elapsed();
    // 29 gaps of 50 ms; a little less for the clocks' grain.
    assert!(took >= Duration::from_millis(1400), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}
