//! The server's part of a run: sets the scene, measures, and ends the server.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use panora_signature::WebhookSecret;
use tokio::task::JoinSet;

use crate::bench::{Bench, Pair};
use crate::home::Home;
use crate::importer::Importer;
use crate::load::Caller;
use crate::measure::Setting;
use crate::post::Template;
use crate::server::Server;
use crate::trouble::Trouble;
use crate::usage::Processes;

/// Until the server rests after a load, and where it has other work all the time.
const PATIENCE: Duration = Duration::from_secs(10);
const IMPATIENCE: Duration = Duration::from_millis(500);
/// Who register endpoints at once.
const REGISTRARS: usize = 16;

/// What a server meets.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What the first endpoints do.
    pub trouble: &'a [Trouble],
    /// Events at full speed.
    pub events: u64,
}

impl Display for Scene<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "trouble: {:?}", self.trouble)
    }
}

/// An endpoint to be registered: its project and URL.
type Wanted = (usize, String);

impl Bench<'_> {
    /// A fresh server in that scene, which ends with this function. An error brings the last lines that it has
    /// logged.
    pub async fn measure_server(&mut self, scene: Scene<'_>) -> Result<(Pair, Template), String> {
        let home = self.home().await?;
        let server = Server::start(&home).await?;
        let measured = self.measure_api(&server, &home, scene).await;
        measured.map_err(|error| format!("{error}\nthe server's last lines:\n{}", server.last_lines()))
    }

    async fn measure_api(
        &mut self,
        server: &Server,
        home: &Home,
        scene: Scene<'_>,
    ) -> Result<(Pair, Template), String> {
        self.register_all(server, home, scene.trouble).await?;
        let (callers, setting) = (self.callers(server, home).await?, self.setting(server, scene));
        let callers = self.warm_up(callers, setting).await?;
        let (body, signature) = self.receiver.sample().await?;
        let template = Template::from_delivery(&body, &signature, &self.secret)?;
        Ok((self.measure_pair(callers, scene.events, setting).await?, template))
    }

    /// What counts in that scene, and whose work it is.
    fn setting(&self, server: &Server, scene: Scene<'_>) -> Setting {
        let processes = Processes { pid: server.pid, postmaster: self.postgres.map(|it| it.postmaster) };
        let troubled = u16::try_from(scene.trouble.len()).unwrap_or(u16::MAX);
        let patience = if troubled > 0 { IMPATIENCE } else { PATIENCE };
        Setting { processes, copies: self.args.endpoints - troubled, patience }
    }

    pub async fn callers(&self, server: &Server, home: &Home) -> Result<Vec<Caller>, String> {
        let mut callers = Vec::new();
        for _ in 0..self.args.callers {
            callers.push(Caller::Import(Importer::open(server, home).await?));
        }
        Ok(callers)
    }

    /// All endpoints but the one of the backlog, in each project.
    async fn register_all(&self, server: &Server, home: &Home, trouble: &[Trouble]) -> Result<(), String> {
        let url = |number: u16| self.receiver.url(number, trouble.get(usize::from(number)).copied());
        let mut wanted: Vec<Wanted> = Vec::new();
        for project in 0..home.keys.len() {
            wanted.extend((0..self.args.endpoints).map(|number| (project, url(number))));
        }
        let mut working = JoinSet::new();
        for part in wanted.chunks(wanted.len().div_ceil(REGISTRARS)) {
            let importer = Importer::open(server, home).await?;
            working.spawn(register(importer, part.to_vec(), self.secret.clone(), true));
        }
        while let Some(ended) = working.join_next().await {
            ended.map_err(crate::because("a caller panicked"))??;
        }
        Ok(())
    }
}

/// One after another.
async fn register(
    mut importer: Importer,
    wanted: Vec<Wanted>,
    secret: WebhookSecret,
    active: bool,
) -> Result<(), String> {
    for (project, url) in wanted {
        importer.register(project, &url, &secret, active).await?;
    }
    Ok(())
}
