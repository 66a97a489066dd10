//! `panora openapi`: the document of `/openapi.json`, generated from the handlers.

use crate::http::api;

pub fn run() -> Result<(), String> {
    let document = serde_json::to_string_pretty(&api::document()).map_err(|error| error.to_string())?;
    println!("{document}");
    Ok(())
}
