//! An endpoint that is dead for three days, under steady events: asked by probes only, told everything once it is
//! alive again, at a rising rate, and nobody has to do anything.

use std::time::{Duration, Instant};

use crate::support::{
    Delivery, Endpoint, Receiver, Reply, Settings, TestServer, acceptances, all_delivered, eventually,
    is_full,
};

/// Longer than the longest gap between probes, of which each step then sees one.
const STEP: Duration = Duration::from_mins(75);
const THREE_DAYS: Duration = Duration::from_hours(72);

async fn number(server: &TestServer, what: &str, endpoint: &Endpoint) -> i64 {
    server.database().number(&what.replace("{id}", &endpoint.id)).await
}

async fn attempts(server: &TestServer, endpoint: &Endpoint, kind: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.id_delivery \
               WHERE d.id_endpoint = '{id}' AND a.kind = '{kind}'";
    number(server, &sql.replace("{kind}", kind), endpoint).await
}

/// Waits until so many attempts of a kind are recorded.
async fn attempted(server: &TestServer, endpoint: &Endpoint, kind: &str, count: i64) {
    eventually(&format!("{count} attempts"), || async {
        (attempts(server, endpoint, kind).await >= count).then_some(())
    })
    .await;
}

/// Waits for all, as long as something comes.
async fn all_arrived(receiver: &Receiver, count: usize) -> Vec<Delivery> {
    let mut next = receiver.arrived().len();
    while next < count {
        next = receiver.wait_for(count.min(next + 100)).await.len();
    }
    receiver.arrived()
}

#[tokio::test]
async fn an_endpoint_that_was_dead_for_three_days_gets_everything_by_itself() {
    // Fewer steps, of which each sees one probe still, where time is short.
    let (events, step) = if is_full() { (10_000, STEP) } else { (500, 2 * STEP) };
    let steps = usize::try_from(THREE_DAYS.as_secs().div_ceil(step.as_secs())).expect("a few");
    let server = Settings::default().flag("--api-rate-limit", "0").start().await;
    let (dead, other) = (Receiver::start().await, Receiver::start().await);
    server.endpoint(&other, &["webhook.*"]).await;
    let endpoint = server.endpoint(&dead, &["connection.created"]).await;
    dead.always(Reply::Status(500));
    // Ten failures in a row, spread over more than a minute.
    server.import_many("early", 5).await;
    attempted(&server, &endpoint, "try", 5).await;
    server.advance(Duration::from_secs(70));
    other.first("webhook.held").await;
    for number in 1..=steps {
        server.import_many(&format!("user-{number}"), events / steps).await;
        server.advance(step);
        attempted(&server, &endpoint, "probe", i64::try_from(number).expect("a few")).await;
    }
    let sent = 5 + steps * (events / steps);
    assert_eq!(attempts(&server, &endpoint, "try").await, 10, "no tries while it is held");
    assert_eq!(attempts(&server, &endpoint, "probe").await, i64::try_from(steps).expect("a few"));
    let open = "SELECT COUNT(*) FROM deliveries WHERE id_endpoint = '{id}' AND state = 'open'";
    assert_eq!(number(&server, open, &endpoint).await, i64::try_from(sent).expect("some thousands"));
    let before = dead.arrived().len();
    dead.always(Reply::Status(200));
    server.advance(STEP);
    let arrived = all_arrived(&dead, before + sent).await;
    check_rate(&arrived[before..]);
    other.first("webhook.recovered").await;
    all_delivered(&server).await;
    let (arrived, told) = (dead.arrived(), other.arrived());
    assert_eq!(arrived.len(), before + sent, "nothing came twice");
    let accepted = acceptances(&arrived);
    assert!(accepted.len() == sent && accepted.values().all(|count| *count == 1));
    let types: Vec<_> = told.iter().map(Delivery::event_type).collect();
    assert_eq!(types, ["webhook.held", "webhook.recovered"]);
}

/// One a second at first, doubled after each second; the probe itself comes before the first.
fn check_rate(arrived: &[Delivery]) {
    let begin: Instant = arrived[0].at;
    let within = |from: u64, to: u64| {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        arrived.iter().filter(|it| span.contains(&(it.at - begin))).count()
    };
    let seconds: Vec<_> = (0..10).map(|second| within(second, second + 1)).collect();
    println!("deliveries in each second after the first 2xx: {seconds:?}");
    assert!(within(0, 1) <= 6 && within(0, 2) <= 14 && within(0, 3) <= 30, "{seconds:?}");
    assert!(within(4, 7) > 2 * within(0, 3), "{seconds:?}");
}
