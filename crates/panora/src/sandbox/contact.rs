//! A contact of the pretend CRM: its fields, its id, and what may be changed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::accounts::Account;
use crate::model::Time;

#[derive(Debug, Serialize, Deserialize)]
pub struct Contact {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub title: String,
    pub company: String,
    pub city: String,
    pub created_at: Time,
    pub updated_at: Time,
}

/// What to change, or what a new contact has; fields that are left out stay, or are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    first_name: Option<String>,
    last_name: Option<String>,
    pub email: Option<String>,
    phone: Option<String>,
    title: Option<String>,
    company: Option<String>,
    city: Option<String>,
}

impl Contact {
    pub fn new(changes: Changes, now: Time) -> Self {
        let empty = String::new;
        let contact = Self {
            first_name: empty(),
            last_name: empty(),
            email: empty(),
            phone: empty(),
            title: empty(),
            company: empty(),
            city: empty(),
            created_at: now,
            updated_at: now,
        };
        contact.changed(changes, now)
    }

    #[must_use]
    pub fn changed(self, changes: Changes, now: Time) -> Self {
        Self {
            first_name: changes.first_name.unwrap_or(self.first_name),
            last_name: changes.last_name.unwrap_or(self.last_name),
            email: changes.email.unwrap_or(self.email),
            phone: changes.phone.unwrap_or(self.phone),
            title: changes.title.unwrap_or(self.title),
            company: changes.company.unwrap_or(self.company),
            city: changes.city.unwrap_or(self.city),
            created_at: self.created_at,
            updated_at: now,
        }
    }

    /// The contact as the API shows it.
    pub fn shown(&self, account: &Account, number: i64) -> Value {
        let mut shown = json!({"id": id(account, number)});
        let fields = serde_json::to_value(self).expect("a contact serializes");
        if let (Value::Object(shown), Value::Object(fields)) = (&mut shown, fields) {
            shown.extend(fields);
        }
        shown
    }
}

/// The public id of a contact, such as `acme-17`.
pub fn id(account: &Account, number: i64) -> String {
    format!("{}-{number}", account.id)
}

/// The number in an id of this account; none for another account's, or nonsense.
pub fn number(account: &Account, id: &str) -> Option<i64> {
    let number = id.strip_prefix(account.id)?.strip_prefix('-')?.parse().ok()?;
    (id == self::id(account, number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_one_contact_of_one_account() {
        let (acme, globex) = (Account::find("acme").unwrap(), Account::find("globex").unwrap());
        assert_eq!(number(acme, &id(acme, 17)), Some(17));
        assert_eq!(number(globex, "acme-17"), None);
        for wrong in ["acme-017", "acme-+17", "acme", "acme-", "acme-x", ""] {
            assert_eq!(number(acme, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_change_leaves_the_other_fields() {
        let now = Time::from_millis(1);
        let contact = Account::find("acme").unwrap().original(1).unwrap();
        let (name, created_at) = (contact.first_name.clone(), contact.created_at);
        let changes = serde_json::from_str(r#"{"phone": "1"}"#).unwrap();
        let contact = contact.changed(changes, now);
        assert_eq!((contact.first_name, contact.phone.as_str()), (name, "1"));
        assert_eq!((contact.created_at, contact.updated_at), (created_at, now));
    }
}
