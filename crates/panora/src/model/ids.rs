//! One type for each id, so that no function takes a link where it wants an event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Time;
use crate::clock::Clock;
use crate::random::Random;

/// What all ids have in common.
pub trait Id {
    fn uuid(self) -> Uuid;
}

impl Id for Uuid {
    fn uuid(self) -> Uuid {
        self
    }
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of this moment (UUIDv7).
            pub fn new(clock: &Clock, random: &Random) -> Self {
                Self(random.uuid(clock.now()))
            }

            /// Not above any id of that moment or later, and above all of earlier ones.
            pub fn floor(at: Time) -> Self {
                let millis = at.millis().max(0).unsigned_abs();
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
            }

            /// When it was made.
            pub fn made_at(self) -> Time {
                let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |at| at.to_unix());
                Time::from_millis(i64::try_from(seconds).unwrap_or(0) * 1000 + i64::from(nanos / 1_000_000))
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl Id for $name {
            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Written for each row of the delivery path: without the formatter's detours.
                f.pad(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

id! {
    ProjectId,
    ApiKeyId,
    LinkedUserId,
    MagicLinkId,
    /// One browser's walk through the connect page.
    FlowId,
    ConnectionId,
    EndpointId,
    EventId,
    DeliveryId,
    AttemptId,
    JobId,
    /// A single attempt that somebody asked for.
    ResendId,
    RecoveryId,
    /// A call to a provider.
    RequestId,
}
