//! doctor
#[derive(Default)]
pub struct Diagnoses;
