use super::*;

fn at(seconds: i64) -> Time {
    Time::from_millis(1_000_000_000 + seconds * 1000)
}

fn random() -> Random {
    Random::seeded(7)
}

fn held() -> EndpointState {
    let mut state = EndpointState::new(true);
    for second in [0, 10, 20, 30, 40, 50, 51, 52, 53] {
        assert_eq!(state.failed(None, at(second), &random()), None);
    }
    assert_eq!(state.failed(None, at(60), &random()), Some(Notice::Held(HoldReason::FailuresInARow)));
    state
}

fn wait_seconds(state: &EndpointState, now: i64) -> i64 {
    state.not_before.millis_since(at(now)) / 1000
}

#[test]
fn ten_failures_in_a_row_hold_only_when_spread_over_a_minute() {
    let mut state = EndpointState::new(true);
    for _ in 0..50 {
        assert_eq!(state.failed(None, at(0), &random()), None);
    }
    assert_eq!(state.failed(None, at(59), &random()), None);
    assert!(matches!(state.failed(None, at(60), &random()), Some(Notice::Held(_))));
}

#[test]
fn a_success_ends_the_row_of_failures() {
    let mut state = EndpointState::new(true);
    for second in 0..9 {
        state.failed(None, at(second), &random());
    }
    state.accepted(at(9));
    assert_eq!(state.failed(None, at(100), &random()), None);
    assert_eq!(state.status, EndpointStatus::Ok);
}

#[test]
fn probes_follow_at_doubling_gaps_up_to_an_hour_and_never_early() {
    let mut state = held();
    let (mut now, mut gap) = (60, 30);
    for _ in 0..20 {
        let wait = wait_seconds(&state, now);
        assert!((gap..=gap + gap / 5).contains(&wait), "waits {wait} s for {gap}");
        assert!(matches!(state.plan(None, at(now)).0, Plan::Wait(_)));
        now += wait + 1;
        assert_eq!(state.plan(None, at(now)).0, Plan::Probe);
        assert_eq!(state.probe_failed(None, None, at(now), &random()), None);
        gap = (gap * 2).min(3600);
    }
}

#[test]
fn a_probe_that_is_asked_to_wait_waits_at_least_that_long() {
    let mut state = held();
    state.probe_failed(Some(Duration::from_hours(2)), None, at(100), &random());
    assert!((7200..=8640).contains(&wait_seconds(&state, 100)));
}

#[test]
fn any_2xx_releases_a_held_endpoint_at_one_a_second_doubling() {
    let mut state = held();
    state.accepted(at(1000));
    assert_eq!((state.status, state.release), (EndpointStatus::Draining, 1));
    for (second, rate) in [(1000, 1), (1001, 2), (1002, 4), (1005, 32), (1007, 128)] {
        assert_eq!(state.plan(None, at(second)).0, Plan::Send(Some(rate)), "after {second}");
    }
    let (plan, notice) = state.plan(None, at(1008));
    assert_eq!(plan, Plan::Send(None));
    assert!(matches!(notice, Some(Notice::Recovered { held_since: Some(_) })));
    assert_eq!(state.status, EndpointStatus::Ok);
}

#[test]
fn a_drain_rises_to_the_endpoint_s_own_limit_only() {
    let mut state = held();
    state.accepted(at(1000));
    assert_eq!(state.plan(Some(5), at(1002)).0, Plan::Send(Some(4)));
    assert_eq!(state.plan(Some(5), at(1003)), (Plan::Send(Some(5)), Some(recovered())));
}

fn recovered() -> Notice {
    Notice::Recovered { held_since: Some(at(60)) }
}

#[test]
fn a_failure_halves_the_rate_and_three_in_a_row_hold_again_without_a_word() {
    let mut state = held();
    state.probe_failed(None, None, at(100), &random());
    state.accepted(at(1000));
    assert_eq!(state.failed(None, at(1005), &random()), None);
    assert_eq!(state.plan(None, at(1005)).0, Plan::Send(Some(16)));
    assert_eq!(state.failed(None, at(1005), &random()), None);
    assert_eq!(state.plan(None, at(1005)).0, Plan::Send(Some(8)));
    assert_eq!(state.failed(None, at(1005), &random()), None);
    assert_eq!(state.status, EndpointStatus::Held);
    // The gap goes on where it was: one probe had failed.
    assert!((60..=72).contains(&wait_seconds(&state, 1005)));
}

#[test]
fn answers_that_ask_to_wait_pause_and_the_tenth_in_a_row_is_a_failure() {
    let mut state = EndpointState::new(true);
    let mut now = 0;
    for _ in 0..9 {
        assert!(state.asked_to_wait(Duration::from_secs(10), at(now), &random()));
        let wait = wait_seconds(&state, now);
        assert!((10..=12).contains(&wait), "{wait}");
        assert!(matches!(state.plan(None, at(now)).0, Plan::Wait(_)));
        now += 20;
    }
    assert!(!state.asked_to_wait(Duration::from_secs(10), at(now), &random()));
    assert!(!state.asked_to_wait(Duration::from_secs(10), at(now + 1), &random()));
}

#[test]
fn what_was_under_way_when_a_pause_began_is_not_a_pause_of_its_own() {
    let mut state = EndpointState::new(true);
    for _ in 0..50 {
        assert!(state.asked_to_wait(Duration::from_secs(10), at(0), &random()));
    }
    assert_eq!(state.pauses, 1);
}

#[test]
fn a_pause_lasts_a_day_at_most() {
    let mut state = EndpointState::new(true);
    state.asked_to_wait(Duration::from_hours(24 * 365), at(0), &random());
    assert!((86_400..=103_680).contains(&wait_seconds(&state, 0)));
}

#[test]
fn only_activation_moves_an_inactive_endpoint() {
    let mut state = EndpointState::new(true);
    assert_eq!(state.gone(), Some(Notice::Disabled));
    state.accepted(at(1));
    state.failed(None, at(2), &random());
    assert_eq!((state.status, state.plan(None, at(3)).0), (EndpointStatus::Inactive, Plan::Rest));
    assert_eq!(state.gone(), None);
    state.activate(at(4));
    assert_eq!(state.status, EndpointStatus::Draining);
}

#[test]
fn a_reset_probes_at_once_and_forgets_the_gap() {
    let mut state = held();
    for _ in 0..8 {
        state.probe_failed(None, None, at(100), &random());
    }
    state.reset(at(200));
    assert_eq!(state.plan(None, at(200)).0, Plan::Probe);
    state.probe_failed(None, None, at(200), &random());
    assert!((60..=72).contains(&wait_seconds(&state, 200)));
}

#[test]
fn every_state_can_be_reached_and_left() {
    for status in EndpointStatus::ALL {
        assert!(MOVES.iter().any(|(from, _, _)| from == status), "{status} cannot be left");
        assert!(MOVES.iter().any(|(_, _, to)| to == status), "{status} cannot be reached");
    }
}

#[test]
fn a_pause_does_not_speed_a_drain_up() {
    let mut state = held();
    state.accepted(at(1000));
    assert_eq!(state.plan(None, at(1001)).0, Plan::Send(Some(2)));
    assert!(state.asked_to_wait(Duration::from_secs(30), at(1001), &random()));
    let resumed = 1001 + wait_seconds(&state, 1001) + 1;
    assert!(matches!(state.plan(None, at(resumed)).0, Plan::Send(Some(2 | 4))), "{state:?}");
}

#[test]
fn the_tenth_probe_in_a_row_that_is_asked_to_wait_waits_no_longer_than_others() {
    let mut state = held();
    for _ in 0..9 {
        state.probe_failed(Some(Duration::from_hours(10)), None, at(100), &random());
        assert!(wait_seconds(&state, 100) >= 36_000);
    }
    state.probe_failed(Some(Duration::from_hours(10)), None, at(100), &random());
    assert!(wait_seconds(&state, 100) <= 4320);
}
