//! The server's part of a run: sets the scene, measures, and ends the server.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use panora_signature::WebhookSecret;
use tokio::task::JoinSet;

use crate::backlog::{self, Backlog};
use crate::bench::{Bench, Pair};
use crate::home::Home;
use crate::importer::{Importer, Registered};
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
    pub backlog: Backlog,
    /// Events at full speed.
    pub events: u64,
}

impl Display for Scene<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (trouble, backlog) = (self.trouble, self.backlog);
        let Backlog { stored, due, endpoint } = backlog;
        if !trouble.is_empty() {
            return write!(out, "trouble: {trouble:?}");
        }
        write!(out, "backlog: {stored} stored, {due} due to an endpoint that does this: {endpoint:?}")
    }
}

/// An endpoint to be registered: its project and URL.
type Wanted = (usize, String);

impl Bench<'_> {
    /// A fresh server in that scene, which ends with this function. An error brings the last lines that it has
    /// logged.
    pub async fn measure_server(&mut self, scene: Scene<'_>) -> Result<(Pair, Template), String> {
        eprintln!("starting server {}", self.homes + 1);
        let home = self.home().await?;
        let mut server = Server::start(&home).await?;
        let measured = self.measure_api(&mut server, &home, scene).await;
        measured.map_err(|error| format!("{error}\nthe server's last lines:\n{}", server.last_lines()))
    }

    async fn measure_api(
        &mut self,
        server: &mut Server,
        home: &Home,
        scene: Scene<'_>,
    ) -> Result<(Pair, Template), String> {
        let due = self.make_due(server, home, scene.backlog).await?;
        self.register_all(server, home, scene.trouble).await?;
        if scene.backlog.stored > 0 {
            let (callers, setting) = (self.callers(server, home).await?, self.setting(server, scene));
            drop(self.warm_up(callers, setting).await?);
            server.stop().await?;
            backlog::store(home, scene.backlog.stored).await?;
            *server = Server::start(home).await?;
        }
        for endpoint in due {
            Importer::open(server, home).await?.activate(endpoint).await?;
        }
        let (callers, setting) = (self.callers(server, home).await?, self.setting(server, scene));
        let callers = self.warm_up(callers, setting).await?;
        let (body, signature) = self.receiver.sample().await?;
        let template = Template::from_delivery(&body, &signature, &self.secret)?;
        Ok((self.measure_pair(callers, (scene.events, Duration::MAX), setting).await?, template))
    }

    /// What counts in that scene, and whose work it is.
    fn setting(&self, server: &Server, scene: Scene<'_>) -> Setting {
        let processes = Processes { pid: server.pid, postmaster: self.postgres.map(|it| it.postmaster) };
        let troubled = u16::try_from(scene.trouble.len()).unwrap_or(u16::MAX);
        let busy = troubled > 0 || scene.backlog.due > 0;
        let patience = if busy { IMPATIENCE } else { PATIENCE };
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
pub async fn register(
    mut importer: Importer,
    wanted: Vec<Wanted>,
    secret: WebhookSecret,
    active: bool,
) -> Result<Vec<Registered>, String> {
    let mut registered = Vec::new();
    for (project, url) in wanted {
        registered.push(importer.register(project, &url, &secret, active).await?);
    }
    Ok(registered)
}
