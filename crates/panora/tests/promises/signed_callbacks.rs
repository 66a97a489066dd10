//! Providers that sign the query of the callback.

use crate::support::{Browser, Database, Road, Settings};

#[tokio::test]
async fn a_callback_without_the_providers_signature_exchanges_no_code() {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let file = include_str!("../../../../catalog/sandbox.yaml");
    let signed = "/sandbox/oauth/authorize\"\n  signature: {parameter: hmac}";
    let file = file.replace("/sandbox/oauth/authorize\"", signed);
    std::fs::write(folder.join("sandbox.yaml"), file).expect("the folder can be written");
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    let link = server.link("user-1").await;
    let page = Browser::new().connect_as(&link, "acme").await;
    assert!(!page.url.path().ends_with("/done"), "{}", page.text());
    assert_eq!((road.arrived("/sandbox/oauth/token"), server.count("/connections").await), (0, 0));
}
