use super::*;
use crate::clock::Clock;
use crate::model::{AttemptKind, Endpoint, EndpointState, EventId, EventScope, RetrySchedule, Time};
use crate::random::Random;
use crate::webhooks::recipient::Recipient;

/// Makes work for endpoints of one project.
struct Desk {
    lanes: Lanes,
    clock: Clock,
    random: Random,
    project: ProjectId,
}

impl Desk {
    fn new() -> Self {
        let (clock, random) = (Clock::system(), Random::seeded(7));
        let project = ProjectId::new(&clock, &random);
        Self { lanes: Lanes::default(), clock, random, project }
    }

    fn recipient(&self) -> Arc<Recipient> {
        let at = Time::from_millis(0);
        let endpoint = Endpoint {
            id: EndpointId::new(&self.clock, &self.random),
            id_project: self.project,
            url: String::new(),
            description: String::new(),
            scope: EventScope::from_stored(Vec::new()),
            rate_limit: None,
            retry_schedule: RetrySchedule::default(),
            created_at: at,
            updated_at: at,
            state: EndpointState::new(true),
            withdrawals: 0,
        };
        Arc::new(Recipient { endpoint, opened: None })
    }

    fn place(&self, to: &Recipient, bytes: usize) -> Option<(DeliveryId, Place)> {
        let id = DeliveryId::new(&self.clock, &self.random);
        let place = self.lanes.reserve((self.project, to.endpoint.id), id, bytes)?;
        Some((id, place))
    }

    fn begin(&self, to: &Arc<Recipient>) -> Option<Work> {
        let (id, place) = self.place(to, 1).expect("a place");
        self.lanes.begin(Work {
            id,
            id_project: self.project,
            id_event: EventId::new(&self.clock, &self.random),
            is_about_webhooks: false,
            kind: AttemptKind::Try,
            resend: None,
            tries: 0,
            first_try_at: None,
            body: None,
            recipient: to.clone(),
            leased: Instant::now(),
            not_before: None,
            place,
        })
    }

    /// Has so many attempts begun, of as many endpoints as that takes.
    fn busy(&self, attempts: usize) -> Vec<Work> {
        let mut begun = Vec::new();
        while begun.len() < attempts {
            let to = self.recipient();
            let most = self.lanes.state().most_of_lane().min(attempts - begun.len());
            begun.extend((0..most).map(|_| self.begin(&to).expect("an attempt to spare")));
        }
        begun
    }

    fn end(&self, work: Work) -> Vec<EndpointId> {
        let endpoint = work.endpoint_id();
        let begun = self.lanes.end(endpoint);
        drop(work);
        begun.into_iter().map(|next| next.endpoint_id()).collect()
    }
}

#[test]
fn endpoints_that_wait_for_an_attempt_take_turns() {
    let desk = Desk::new();
    let mut busy = desk.busy(ATTEMPTS);
    let (one, other) = (desk.recipient(), desk.recipient());
    for to in [&one, &one, &other, &other] {
        assert!(desk.begin(to).is_none());
    }
    let ended: Vec<_> = (0..4).flat_map(|_| desk.end(busy.pop().expect("busy"))).collect();
    let (one, other) = (one.endpoint.id, other.endpoint.id);
    assert_eq!(ended, [one, other, one, other]);
}

#[test]
fn an_endpoint_that_got_few_attempts_gets_all_once_there_are_some_to_spare() {
    let desk = Desk::new();
    let mut busy = desk.busy(ATTEMPTS / 4 * 3);
    let to = desk.recipient();
    let own: Vec<_> = (0..FEW_ATTEMPTS).map(|_| desk.begin(&to).expect("a few")).collect();
    for _ in 0..20 {
        assert!(desk.begin(&to).is_none());
    }
    let mut begun = 0;
    for _ in 0..FEW_ATTEMPTS + 20 {
        begun += desk.end(busy.pop().expect("busy")).len();
    }
    assert_eq!(begun, 20, "none of its own has ended");
    drop(own);
}

#[test]
fn bodies_in_hand_are_bounded_in_bytes() {
    let desk = Desk::new();
    let to = desk.recipient();
    let mut places = Vec::new();
    while let Some(place) = desk.place(&to, MAX_BODY) {
        places.push(place);
    }
    assert_eq!(places.len(), BYTES_OF_LANE / MAX_BODY);
    assert_eq!(desk.lanes.room(to.endpoint.id, None), 0);
    places.pop();
    assert!(desk.lanes.room(to.endpoint.id, None) > 0);
    // It is asked for as soon as there is room.
    assert!(desk.lanes.are_any_wanted());
}

#[test]
fn what_is_claimed_counts_as_the_largest_until_it_was_read() {
    let desk = Desk::new();
    let to = desk.recipient();
    let mut place = desk
        .lanes
        .take((desk.project, to.endpoint.id), DeliveryId::new(&desk.clock, &desk.random))
        .expect("a place");
    assert_eq!(desk.lanes.state().bytes, MAX_BODY);
    place.weigh(100);
    assert_eq!(desk.lanes.state().bytes, 100);
    drop(place);
    assert_eq!(desk.lanes.state().bytes, 0);
}

#[test]
fn a_lane_of_which_nothing_is_left_is_forgotten() {
    let desk = Desk::new();
    let to = desk.recipient();
    let spot = (desk.project, to.endpoint.id);
    let work = desk.begin(&to).expect("an attempt to spare");
    desk.lanes.want(spot.1);
    desk.lanes.note_released(spot, 1, Released::All);
    desk.end(work);
    assert_eq!(desk.lanes.take_wanted(9), [spot]);
    assert_eq!(desk.lanes.state().lanes.len(), 1, "how far a release was claimed is worth keeping");
    desk.lanes.forget_released(spot.1);
    assert!(desk.lanes.state().lanes.is_empty());
    desk.lanes.want(spot.1);
    assert!(desk.lanes.state().lanes.is_empty(), "nothing would ever wake it");
}
