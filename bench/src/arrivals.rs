//! What arrived, when and where: kept by the receiver, sent to the driver as lines of text.

use std::collections::HashSet;

use uuid::Uuid;

/// Grown to so many before the first arrival, so that growing is not measured.
const ROOM: usize = 1 << 20;
/// What comes before a connection's id in every body: the receiver reads no more of it.
const MARK: &str = "\"id_connection\":\"";

/// A first arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The connection that the event is about.
    pub id: u128,
    pub endpoint: u16,
    /// [`crate::clock::now`] when the body was complete.
    pub at: u64,
}

/// The receiver's memory.
pub struct Arrivals {
    list: Vec<Arrival>,
    known: HashSet<(u128, u16)>,
    repeats: u64,
}

impl Arrivals {
    pub fn new() -> Self {
        Self { list: Vec::with_capacity(ROOM), known: HashSet::with_capacity(ROOM), repeats: 0 }
    }

    pub fn add(&mut self, arrival: Arrival) {
        if self.known.insert((arrival.id, arrival.endpoint)) {
            self.list.push(arrival);
        } else {
            self.repeats += 1;
        }
    }

    /// `<first arrivals> <repeated ones>`.
    pub fn counts(&self) -> String {
        format!("{} {}", self.list.len(), self.repeats)
    }

    /// A line for each first arrival but the oldest `skipped`.
    pub fn lines(&self, skipped: usize) -> String {
        let line = |it: &Arrival| format!("{:x} {} {}\n", it.id, it.endpoint, it.at);
        self.list.iter().skip(skipped).map(line).collect()
    }
}

impl Arrival {
    /// Reads a line of [`Arrivals::lines`].
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let id = u128::from_str_radix(words.next()?, 16).ok()?;
        let (endpoint, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { id, endpoint, at })
    }
}

/// Where the connection's id begins in an event's body or an answer, and the id.
pub fn connection_in(body: &[u8]) -> Option<(usize, Uuid)> {
    let text = std::str::from_utf8(body).ok()?;
    let place = text.find(MARK)? + MARK.len();
    let id = Uuid::try_parse(text.get(place..place + 36)?).ok()?;
    Some((place, id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_reads_back_as_it_was_sent() {
        let [first, second] =
            [1, u128::MAX].map(|id| Arrival { id, endpoint: 9, at: 1_700_000_000_000_000_000 });
        let mut arrivals = Arrivals::new();
        arrivals.add(first);
        arrivals.add(second);
        let read: Vec<Arrival> =
            arrivals.lines(0).lines().map(|line| Arrival::parse(line).unwrap()).collect();
        assert_eq!(read, [first, second]);
        assert_eq!(arrivals.lines(1).lines().count(), 1);
    }

    #[test]
    fn a_repeat_is_counted_and_is_no_arrival_but_another_endpoint_is_one() {
        let mut arrivals = Arrivals::new();
        for (endpoint, at) in [(0, 1), (0, 2), (1, 3)] {
            arrivals.add(Arrival { id: 1, endpoint, at });
        }
        assert_eq!(arrivals.counts(), "2 1");
    }

    #[test]
    fn the_connection_is_found_in_a_body() {
        let id = Uuid::from_u128(7);
        let body = format!("{{\"data\":{{\"id_connection\":\"{id}\",\"x\":1}}}}");
        let (place, found) = connection_in(body.as_bytes()).unwrap();
        assert_eq!((found, &body[place..place + 36]), (id, id.to_string().as_str()));
        assert_eq!(connection_in(b"{}"), None);
        assert_eq!(connection_in(b"\"id_connection\":\"short"), None);
    }
}
