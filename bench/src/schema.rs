//! What the bench knows of the server's tables, and all that it knows: names. Whatever else stands in a row is
//! copied as it is.

/// A table whose rows are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// Keeps the ids of its copies apart from those of others.
    pub number: u16,
}

pub const EVENTS: Table = Table { name: "events", number: 1 };
pub const DELIVERIES: Table = Table { name: "deliveries", number: 2 };
pub const ATTEMPTS: Table = Table { name: "attempts", number: 3 };
pub const TABLES: [Table; 3] = [EVENTS, DELIVERIES, ATTEMPTS];

/// The key of each, and the columns that hold a key of another, in whichever of the tables they are.
pub const ID: &str = "id";
pub const EVENT: &str = "id_event";
pub const DELIVERY: &str = "id_delivery";

/// A number that no two events of a project share.
pub const POSITION: &str = "position";

/// How the names of moments end. Whole numbers there are milliseconds since 1970.
pub const MOMENT: &str = "_at";

/// What a column holds: the table whose key it is, a position, a moment, or something that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Key(Table),
    Position,
    Moment,
    Other,
}

impl Table {
    pub fn meaning(self, column: &str) -> Meaning {
        match column {
            ID => Meaning::Key(self),
            EVENT => Meaning::Key(EVENTS),
            DELIVERY => Meaning::Key(DELIVERIES),
            POSITION => Meaning::Position,
            name if name.ends_with(MOMENT) => Meaning::Moment,
            _ => Meaning::Other,
        }
    }
}
