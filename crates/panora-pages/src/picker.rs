//! Where the person chooses a provider. It shows the list it is given and never decides who may be on it.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;

use crate::frame::{Frame, Provider, flow_path, percent_encoded, provider_path};
use crate::texts::counted;

/// Above this the list can be narrowed to one vertical.
const FILTERED_ABOVE: usize = 12;
/// Up to this the list needs no headings.
const PLAIN_UP_TO: usize = 6;

/// One provider to choose.
#[derive(Clone, Debug, Default)]
pub struct PickerEntry {
    pub provider: Provider,
    /// Other names that a search finds, such as "gsuite".
    pub keywords: Vec<String>,
    /// Of an account that is already connected: its name, empty where it is not known.
    pub connected: Option<String>,
}

impl PickerEntry {
    /// What the script's search looks at, in lower case.
    fn words(&self) -> String {
        let provider = &self.provider;
        format!("{} {} {} {}", provider.name, provider.slug, provider.vertical, self.keywords.join(" "))
            .to_lowercase()
    }
}

/// "Acme wants to connect to one of your accounts": search, verticals and cards.
#[derive(Debug, Template)]
#[template(path = "picker.html")]
pub struct PickerPage {
    pub frame: Frame,
    pub id_flow: String,
    /// What matches `search` and `vertical`.
    pub entries: Vec<PickerEntry>,
    /// How many there are to choose from in all.
    pub total: usize,
    /// The verticals of all there is to choose from, in the order to show.
    pub verticals: Vec<String>,
    /// The text of `?q=`.
    pub search: String,
    /// The slug of `?vertical=`.
    pub vertical: Option<String>,
    /// How long the link still works; none for a session.
    pub expires_in: Option<Duration>,
}

impl PickerPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn path(&self) -> String {
        flow_path(&self.id_flow)
    }

    fn href(&self, entry: &PickerEntry) -> String {
        provider_path(&self.id_flow, &entry.provider.slug)
    }

    fn vertical_path(&self, vertical: &str) -> String {
        let search = percent_encoded(&self.search);
        let and_search = if search.is_empty() { String::new() } else { format!("&q={search}") };
        format!("{}?vertical={}{and_search}", self.path(), percent_encoded(vertical))
    }

    fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || self.vertical.is_some()
    }

    fn has_filter(&self) -> bool {
        self.total > FILTERED_ABOVE && self.verticals.len() > 1
    }

    /// The entries under their verticals' names; a short list is one group without a name.
    fn groups(&self) -> Vec<(Option<&str>, Vec<&PickerEntry>)> {
        let mut by_vertical: BTreeMap<usize, (Option<&str>, Vec<&PickerEntry>)> = BTreeMap::new();
        if self.total <= PLAIN_UP_TO {
            return vec![(None, self.entries.iter().collect())];
        }
        for entry in &self.entries {
            let slug = &entry.provider.vertical;
            let place = self.verticals.iter().position(|v| v == slug).unwrap_or(usize::MAX);
            let name = self.frame.t().vertical(slug);
            by_vertical.entry(place).or_insert_with(|| (Some(name), Vec::new())).1.push(entry);
        }
        by_vertical.into_values().collect()
    }

    fn found(&self) -> String {
        let texts = &self.frame.t().picker;
        counted(self.entries.len() as u64, &texts.found_one, &texts.found)
    }

    fn expiry(&self) -> Option<String> {
        self.expires_in.map(|left| self.frame.t().expiry(left))
    }
}
