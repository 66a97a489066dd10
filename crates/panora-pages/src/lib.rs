//! Every page that a person sees while connecting an account, and the API reference, as pure views: plain
//! structs in, HTML out. It never does I/O, reads a clock or holds a credential.
//!
//! The pages work without scripts and under a policy that forbids inline scripts and styles.

mod assets;
mod choice;
mod consent;
mod credentials;
mod docs;
mod doctor;
mod done;
mod failure;
mod field;
mod frame;
mod message;
mod picker;
mod questions;
mod sandbox;
mod texts;
mod tile;
mod waiting;

pub use assets::{Asset, asset, asset_url, assets};
pub use choice::ChoicePage;
pub use consent::{ConsentPage, Purpose, Tenant};
pub use credentials::{CredentialProblem, CredentialsPage};
pub use docs::DocsPage;
pub use doctor::{DoctorEntry, DoctorPage, DoctorSeverity};
pub use done::{Account, DonePage, Outcome};
pub use failure::{Failure, FailurePage, codes};
pub use field::{Field, FieldError};
pub use frame::{Customer, Frame, Provider, flow_path, provider_path};
pub use message::{MisdirectedPage, NotFoundPage};
pub use picker::{PickerEntry, PickerPage};
pub use questions::QuestionsPage;
pub use sandbox::{SandboxAccount, SandboxConsentPage, SandboxErrorPage, SandboxScope, SandboxTrouble};
pub use texts::Language;
pub use waiting::WaitingPage;

fn render(page: &impl askama::Template) -> String {
    page.render().expect("writing to a string cannot fail")
}
