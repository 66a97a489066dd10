use super::*;
use crate::clock::Clock;
use crate::random::Random;

fn scope(patterns: &[&str]) -> EventScope {
    EventScope::from_stored(patterns.iter().map(ToString::to_string).collect())
}

fn recovery(statuses: &[Recoverable]) -> Recovery {
    let (clock, random) = (Clock::system(), Random::seeded(7));
    Recovery {
        id: RecoveryId::new(&clock, &random),
        id_project: ProjectId::new(&clock, &random),
        id_endpoint: EndpointId::new(&clock, &random),
        since: Time::from_millis(0),
        until: None,
        types: scope(&["connection.*"]),
        statuses: statuses.to_vec(),
        rate: Recovery::DEFAULT_RATE,
        status: RecoveryStatus::Running,
        position: 0,
        last_position: 10,
        recovered: 0,
        created_at: Time::from_millis(0),
        ended_at: None,
    }
}

fn found(state: Option<DeliveryState>) -> Found {
    let (clock, random) = (Clock::system(), Random::seeded(8));
    Found {
        id_event: EventId::new(&clock, &random),
        position: 1,
        kind: Some(EventType::ConnectionCreated),
        erased: false,
        about_endpoint: None,
        delivery: state.map(|state| (DeliveryId::new(&clock, &random), state)),
    }
}

#[test]
fn each_state_is_recovered_when_it_is_named_and_open_ones_never() {
    use DeliveryState::{Cancelled, Delivered, Failed, Open, Test};
    for (state, named) in [
        (Some(Failed), Some(Recoverable::Failed)),
        (Some(Cancelled), Some(Recoverable::Cancelled)),
        (Some(Delivered), Some(Recoverable::Delivered)),
        (None, Some(Recoverable::Missing)),
        (Some(Open), None),
        (Some(Test), None),
    ] {
        let found = found(state);
        for status in Recoverable::ALL {
            let remedy = recovery(&[*status]).remedy(&scope(&["*"]), &found);
            assert_eq!(remedy.is_some(), named == Some(*status), "{state:?} by {status}");
        }
        assert_eq!(recovery(Recoverable::ALL).remedy(&scope(&["*"]), &found).is_some(), named.is_some());
    }
}

#[test]
fn what_is_sent_again_is_the_delivery_and_what_is_missing_is_made() {
    let (all, of) = (recovery(Recoverable::ALL), |state| found(Some(state)));
    let id = of(DeliveryState::Failed).delivery.unwrap().0;
    for (found, remedy) in [
        (of(DeliveryState::Failed), Remedy::Restart(id)),
        (of(DeliveryState::Cancelled), Remedy::Restart(id)),
        (of(DeliveryState::Delivered), Remedy::Resend(id)),
        (found(None), Remedy::Add(found(None).id_event)),
    ] {
        assert_eq!(all.remedy(&scope(&["*"]), &found), Some(remedy));
    }
}

#[test]
fn what_is_erased_of_another_type_or_of_an_unknown_one_is_left_alone() {
    let all = recovery(Recoverable::ALL);
    for state in [None, Some(DeliveryState::Failed)] {
        let erased = Found { erased: true, ..found(state) };
        let other = Found { kind: Some(EventType::WebhookHeld), ..found(state) };
        let unknown = Found { kind: None, ..found(state) };
        for found in [erased, other, unknown] {
            assert_eq!(all.remedy(&scope(&["*"]), &found), None, "{found:?}");
        }
    }
}

#[test]
fn only_what_is_in_the_present_scope_is_missing() {
    let all = recovery(Recoverable::ALL);
    assert_eq!(all.remedy(&scope(&["connection.revoked"]), &found(None)), None);
    // What was sent once was in scope then.
    assert!(all.remedy(&scope(&["connection.revoked"]), &found(Some(DeliveryState::Failed))).is_some());
}

#[test]
fn an_event_about_the_endpoint_itself_is_not_missing_there() {
    let mut all = recovery(Recoverable::ALL);
    all.types = scope(&["*"]);
    let about =
        |endpoint| Found { kind: Some(EventType::WebhookHeld), about_endpoint: endpoint, ..found(None) };
    let other = EndpointId::new(&Clock::system(), &Random::seeded(9));
    assert_eq!(all.remedy(&scope(&["*"]), &about(Some(all.id_endpoint))), None);
    assert!(all.remedy(&scope(&["*"]), &about(Some(other))).is_some());
}

#[test]
fn no_more_than_the_rate_in_any_second() {
    let mut it = recovery(&[]);
    for (rate, limit, pace, step) in [(1, None, 1, 1), (100, Some(20), 20, 20), (10_000, None, 10_000, 500)] {
        it.rate = rate;
        assert_eq!((it.pace(limit), Recovery::step(pace)), (pace, step));
        let rest = Recovery::rest(pace, step);
        assert!(rest.as_secs_f64() * f64::from(pace) >= f64::from(u32::try_from(step).unwrap()) - 1e-6);
    }
    assert_eq!(Recovery::rest(100, 0), Duration::ZERO);
}
