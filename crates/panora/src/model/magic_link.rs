//! A URL sent to an end user, and what becomes of it.

use std::time::Duration;

use serde_json::{Map, Value};

use super::text_enum::text_enum;
use super::{ConnectionId, LinkedUserId, MagicLinkId, ProjectId, Time};

text_enum! {
    /// Whether a magic link can still be opened.
    LinkStatus { Active = "active", Used = "used", Expired = "expired", Revoked = "revoked" }
}

text_enum! {
    /// A step of a link's timeline.
    LinkStep {
        Created = "created",
        Sent = "sent",
        Opened = "opened",
        ProviderChosen = "provider_chosen",
        Consented = "consented",
        Away = "away",
        Back = "back",
        Verified = "verified",
        Connected = "connected",
        Failed = "failed",
        Left = "left",
        HandedOver = "handed_over",
    }
}

impl LinkStep {
    /// Whether whoever has the link can take it as often as they like.
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Opened | Self::ProviderChosen | Self::Consented | Self::Away | Self::Back)
    }
}

#[derive(Clone, Debug)]
pub struct MagicLink {
    pub id: MagicLinkId,
    pub id_project: ProjectId,
    pub id_linked_user: LinkedUserId,
    pub email: Option<String>,
    /// Slugs that may be connected; empty means all.
    pub providers: Vec<String>,
    /// Verticals that may be connected; empty means all.
    pub verticals: Vec<String>,
    /// Set for a link that renews this one connection.
    pub id_connection: Option<ConnectionId>,
    pub return_url: Option<String>,
    pub locale: Option<String>,
    /// Copied to the connection that is made.
    pub metadata: Map<String, Value>,
    pub single_use: bool,
    pub created_at: Time,
    /// How long it lives; a fresh URL lives as long again.
    pub life: Duration,
    pub expires_at: Time,
    pub used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// Why a link no longer connects anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    Used,
    Expired,
    Revoked,
}

impl MagicLink {
    pub const DEFAULT_LIFE: Duration = Duration::from_hours(7 * 24);
    /// Bounds of `expires_in`, in seconds.
    pub const LIFE_SECONDS: std::ops::RangeInclusive<i64> = 60..=2_592_000;

    pub fn status(&self, now: Time) -> LinkStatus {
        match self.refusal(now) {
            None => LinkStatus::Active,
            Some(LinkRefusal::Revoked) => LinkStatus::Revoked,
            Some(LinkRefusal::Used) => LinkStatus::Used,
            Some(LinkRefusal::Expired) => LinkStatus::Expired,
        }
    }

    /// Why the link cannot be opened, or may not store a connection, at `now`.
    pub fn refusal(&self, now: Time) -> Option<LinkRefusal> {
        // What was used before it was revoked stays used.
        if self.used_at.is_some() && self.single_use {
            Some(LinkRefusal::Used)
        } else if self.revoked_at.is_some() {
            Some(LinkRefusal::Revoked)
        } else if self.expires_at <= now {
            Some(LinkRefusal::Expired)
        } else {
            None
        }
    }

    /// Whether this link may connect a provider of that slug and those verticals.
    pub fn allows(&self, slug: &str, verticals: &[String]) -> bool {
        let by_slug = self.providers.is_empty() || self.providers.iter().any(|allowed| allowed == slug);
        let by_vertical =
            self.verticals.is_empty() || self.verticals.iter().any(|allowed| verticals.contains(allowed));
        by_slug && by_vertical
    }
}
