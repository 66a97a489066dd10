//! The parts of the demo: a server in a temporary folder, a backend, and the key that joins them.

use std::net::SocketAddr;

use serde_json::json;

use super::backend::Backend;
use super::print::Printer;
use crate::cli::api::{self, Api};
use crate::cli::temporary::{TempFolder, settings};
use crate::model::ApiKey;
use crate::random::Random;
use crate::server::{Server, StartError, Surroundings};

pub struct Stage {
    pub api: Api,
    pub backend: Backend,
    server: Server,
    folder: TempFolder,
}

impl Stage {
    /// Starts server and backend, and registers the backend's endpoint through the API.
    pub async fn set_up(printer: &mut Printer) -> Result<Self, String> {
        let random = Random::system();
        let folder = TempFolder::new("demo", &random);
        let key = ApiKey::generate(&random);
        let server = start(&folder, &key).await.map_err(|error| error.to_string())?;
        let url = server.app.public_url.as_str().to_owned();
        printer.step(&format!("Panora runs, with its data in {}", folder.0.display()), &url);
        let backend = Backend::listen(server.app.clock.clone()).await?;
        let api = Api::new(url, key)?;
        api.patch("/project", &json!({"name": "Acme"})).await?;
        let endpoint = json!({"url": backend.url, "scope": ["connection.*"], "description": "panora demo"});
        let endpoint = api.post("/webhook", &endpoint).await?;
        backend.trust(&api::text(&endpoint, "/secret")?)?;
        printer.step("Your backend listens for connection.* and verifies each signature", &backend.url);
        Ok(Self { api, backend, server, folder })
    }

    /// Ends the server and removes what it stored.
    pub async fn take_down(self) {
        self.server.stop().await;
        drop(self.folder);
    }
}

/// At the usual address, or at any free port when that is taken.
async fn start(folder: &TempFolder, key: &ApiKey) -> Result<Server, StartError> {
    let settings = |port| settings(folder.0.clone(), key, SocketAddr::from(([127, 0, 0, 1], port)));
    let around = || Surroundings::of_machine(std::collections::BTreeMap::new());
    match Server::start(settings(3000), around()).await {
        Err(StartError::Bind(..)) => Server::start(settings(0), around()).await,
        started => started,
    }
}
