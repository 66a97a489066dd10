//! The pretend accounts and their contacts, made from tables of names: the same on every machine, and nobody's.

use super::contact::Contact;
use crate::model::Time;

/// Somebody at a company that uses the pretend CRM.
pub struct Account {
    pub id: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    /// How many contacts it begins with: numbers 1 to this.
    pub contacts: i64,
    /// Where it begins in the tables, so that no two accounts know the same people.
    offset: i64,
}

pub static ACCOUNTS: [Account; 3] = [
    Account { id: "acme", name: "Acme Inc.", email: "ada@acme.test", contacts: 240, offset: 0 },
    Account { id: "globex", name: "Globex", email: "grace@globex.test", contacts: 312, offset: 400 },
    Account { id: "initech", name: "Initech", email: "margaret@initech.test", contacts: 205, offset: 800 },
];

impl Account {
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::all().find(|account| account.id == id)
    }

    pub fn all() -> impl Iterator<Item = &'static Self> {
        ACCOUNTS.iter()
    }

    /// The contact of that number as it was before anybody changed it.
    pub fn original(&self, number: i64) -> Option<Contact> {
        if !(1..=self.contacts).contains(&number) {
            return None;
        }
        let place = self.offset + number - 1;
        // Each first name meets each last name once in 1,600 places.
        let (first, last) = (pick(&FIRST_NAMES, place * 7), pick(&LAST_NAMES, place * 11 + place / 40));
        let (company, domain, city) = pick(&COMPANIES, place * 5 + place / 20);
        // One new contact every seven hours from 2025 on.
        let created_at = Time::from_millis(1_735_722_000_000 + place * 7 * 3_600_000);
        Some(Contact {
            first_name: (*first).to_owned(),
            last_name: (*last).to_owned(),
            email: format!("{}.{}@{domain}", first.to_lowercase(), last.to_lowercase()),
            // 555-0100 to 555-0199 are numbers that nobody has.
            phone: format!("+1 {} 555 01{:02}", 201 + place % 300, place * 37 % 100),
            title: (*pick(&TITLES, place * 3 + place / 16)).to_owned(),
            company: (*company).to_owned(),
            city: (*city).to_owned(),
            created_at,
            updated_at: created_at,
        })
    }
}

fn pick<T>(table: &[T], place: i64) -> &T {
    let size = i64::try_from(table.len()).expect("tables are short");
    &table[usize::try_from(place.rem_euclid(size)).expect("a remainder is not negative")]
}

const FIRST_NAMES: [&str; 40] = [
    "Amara", "Anders", "Beatriz", "Bram", "Camille", "Chidi", "Dalia", "Deven", "Elif", "Emeka", "Fatima",
    "Felix", "Greta", "Hana", "Hugo", "Imani", "Ines", "Jonas", "Kaito", "Keira", "Lena", "Leon", "Malik",
    "Mei", "Nadia", "Nils", "Olga", "Omar", "Priya", "Quinn", "Rafael", "Rosa", "Sana", "Soren", "Tariq",
    "Tess", "Uma", "Viktor", "Yara", "Zoe",
];

const LAST_NAMES: [&str; 40] = [
    "Adeyemi", "Alvarez", "Andersen", "Baker", "Bianchi", "Brandt", "Castillo", "Chen", "Dubois", "Eriksen",
    "Farouk", "Fischer", "Garcia", "Haddad", "Hughes", "Ivanova", "Jansen", "Kaplan", "Khan", "Kowalski",
    "Larsen", "Lopez", "Mbeki", "Meyer", "Moreau", "Nakamura", "Novak", "Okafor", "Olsen", "Park", "Petrov",
    "Quiroga", "Rossi", "Sato", "Silva", "Tanaka", "Varga", "Weber", "Yilmaz", "Zhang",
];

/// Name, domain, city.
const COMPANIES: [(&str, &str, &str); 20] = [
    ("Alder & Finch", "alderfinch.test", "Portland"),
    ("Bluewater Freight", "bluewaterfreight.test", "Rotterdam"),
    ("Cobalt Dental", "cobaltdental.test", "Denver"),
    ("Driftwood Hotels", "driftwoodhotels.test", "Lisbon"),
    ("Ember Kitchens", "emberkitchens.test", "Chicago"),
    ("Fjord Optics", "fjordoptics.test", "Bergen"),
    ("Granite Legal", "granitelegal.test", "Boston"),
    ("Harvest Lane Foods", "harvestlane.test", "Des Moines"),
    ("Ironbark Studios", "ironbark.test", "Melbourne"),
    ("Juniper Analytics", "juniperanalytics.test", "Toronto"),
    ("Kestrel Robotics", "kestrelrobotics.test", "Munich"),
    ("Lumen Libraries", "lumenlibraries.test", "Edinburgh"),
    ("Maple Street Bank", "maplestreetbank.test", "Ottawa"),
    ("Northwind Solar", "northwindsolar.test", "Aarhus"),
    ("Orchard Insurance", "orchardinsurance.test", "Hartford"),
    ("Pebble Logistics", "pebblelogistics.test", "Singapore"),
    ("Quill Publishing", "quillpublishing.test", "Dublin"),
    ("Redwood Clinics", "redwoodclinics.test", "Sacramento"),
    ("Saltmarsh Energy", "saltmarshenergy.test", "Aberdeen"),
    ("Tundra Outfitters", "tundraoutfitters.test", "Anchorage"),
];

const TITLES: [&str; 16] = [
    "Account Manager",
    "Buyer",
    "CEO",
    "CFO",
    "Customer Success Lead",
    "Data Analyst",
    "Design Director",
    "Engineer",
    "Head of Operations",
    "HR Partner",
    "IT Manager",
    "Marketing Lead",
    "Office Manager",
    "Product Manager",
    "Sales Director",
    "Support Lead",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_contacts_have_the_same_name() {
        let all =
            ACCOUNTS.iter().flat_map(|account| (1..=account.contacts).filter_map(|n| account.original(n)));
        let names: Vec<_> = all.map(|contact| (contact.first_name, contact.last_name)).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.len() > 600);
    }

    #[test]
    fn an_account_has_exactly_its_own_numbers() {
        let acme = Account::find("acme").unwrap();
        assert!(acme.original(0).is_none() && acme.original(241).is_none());
        let first = acme.original(1).unwrap();
        assert_eq!(first.email, "amara.adeyemi@alderfinch.test");
    }
}
