//! The parts of the demo: a server in a temporary folder, a backend, and the key that joins them.

use std::net::SocketAddr;

use serde_json::json;

use super::backend::Backend;
use super::print::Printer;
use crate::cli::api::{self, Api};
use crate::cli::temporary::{TempFolder, settings};
use crate::cli::with_causes;
use crate::model::ApiKey;
use crate::random::Random;
use crate::server::{Server, StartError, Surroundings};

const USUAL_PORT: u16 = 3000;

pub struct Stage {
    pub api: Api,
    pub backend: Backend,
    server: Server,
    folder: TempFolder,
}

impl Stage {
    /// Starts server and backend, and registers the backend's endpoint through the API.
    pub async fn set_up(bind: Option<SocketAddr>, printer: &mut Printer) -> Result<Self, String> {
        let random = Random::system();
        let folder = TempFolder::new("demo", &random);
        let key = ApiKey::generate(&random);
        let server = start(&folder, &key, bind).await?;
        let url = server.app.public_url.as_str().to_owned();
        let moved = bind.is_none() && server.address.port() != USUAL_PORT;
        let why = if moved { " (its usual port is taken; --bind chooses another)" } else { "" };
        printer
            .step(&format!("Panora runs, with its data in {}", folder.0.display()), &format!("{url}{why}"));
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

/// Where it is told; else at the usual address, or at any free port when that is taken.
async fn start(folder: &TempFolder, key: &ApiKey, bind: Option<SocketAddr>) -> Result<Server, String> {
    let at_port = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let start = async |bind| {
        let around = Surroundings::of_machine(std::collections::BTreeMap::new());
        Server::start(settings(folder.0.clone(), key, bind), around).await
    };
    let started = match start(bind.unwrap_or(at_port(USUAL_PORT))).await {
        Err(StartError::Bind(..)) if bind.is_none() => start(at_port(0)).await,
        started => started,
    };
    started.map_err(|error| with_causes(&error))
}
