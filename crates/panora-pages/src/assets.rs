//! The styles, scripts and icons of the pages, embedded in the program. It never fetches one.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file to serve at `/assets/<path>`, to be cached for good: its address changes with its content.
#[derive(Debug)]
pub struct Asset {
    pub path: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $type:expr) => {
        Asset { path: $path, content_type: $type, bytes: include_bytes!(concat!("../assets/", $path)) }
    };
}

static ASSETS: [Asset; 12] = [
    asset!("base.css", CSS),
    asset!("connect.css", CSS),
    asset!("docs.css", CSS),
    asset!("docs-code.css", CSS),
    asset!("forms.css", CSS),
    asset!("picker.css", CSS),
    asset!("contents.js", JS),
    asset!("copy.js", JS),
    asset!("filter.js", JS),
    asset!("form.js", JS),
    asset!("return.js", JS),
    asset!("icon.svg", "image/svg+xml"),
];

/// Everything that the pages refer to.
pub fn assets() -> &'static [Asset] {
    &ASSETS
}

/// The asset of this path (without `/assets/`).
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The address of an asset, with its content's hash: `/assets/base.css?v=0123456789ab`.
///
/// # Panics
/// If there is no such asset: a page would lack its style, which a test of that page shows.
pub fn asset_url(path: &str) -> &'static str {
    static URLS: LazyLock<Vec<String>> = LazyLock::new(|| ASSETS.iter().map(hashed).collect());
    let position = ASSETS.iter().position(|asset| asset.path == path);
    &URLS[position.expect("pages refer to assets that exist")]
}

fn hashed(asset: &Asset) -> String {
    let digest = Sha256::digest(asset.bytes);
    let version = hex::encode(&digest[..6]);
    format!("/assets/{}?v={version}", asset.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_with_the_content() {
        let url = |bytes| hashed(&Asset { path: "a.css", content_type: CSS, bytes });
        assert_ne!(url(b"a"), url(b"b"));
        assert_eq!(url(b"a"), "/assets/a.css?v=ca978112ca1b");
    }

    #[test]
    fn every_asset_has_an_address() {
        for asset in assets() {
            assert!(asset_url(asset.path).starts_with(&format!("/assets/{}?v=", asset.path)));
        }
    }
}
