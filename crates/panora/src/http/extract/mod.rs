//! What handlers take a request apart with. Whatever is unknown, missing or malformed is a 400 that names it.

mod body;
mod idempotency;
mod page;
mod path;
mod query;
mod values;

pub use body::{BodyRules, JsonBody, NoBody, OptionalJsonBody, read, read_json, read_raw_json};
pub use idempotency::{Create, Idempotency};
pub use page::{PageParams, page_answer};
pub use path::IdPath;
pub use query::{NoQuery, Query, check_query, parameter, refuse_query};
pub use values::{
    MAX_TEXT, given, is_email, is_language_tag, metadata, parse_id, parse_time, return_url, time,
};
