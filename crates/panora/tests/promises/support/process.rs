//! The server as a process of its own, which a test can kill as power cuts do.

use std::fs::File;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use panora::model::ApiKey;
use panora::random::Random;

use super::api::Api;
use super::database::Database;
use super::wait::eventually;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port has an address").port()
}

pub struct Process {
    api: Api,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `panora serve` on that port and waits until it is ready. `variables` win over the usual ones.
    pub async fn start(database: &Database, port: u16, key: &str, variables: &[(&str, &str)]) -> Self {
        let mut process = Self::spawn(&[], database, port, key, variables);
        process.wait_until_ready().await;
        process
    }

    /// The same behind another program, such as a shell that sets limits first; waits for nothing.
    pub fn spawn(
        behind: &[&str],
        database: &Database,
        port: u16,
        key: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let log = database.folder.join("panora.log");
        let file = File::options().create(true).append(true).open(&log).expect("the folder can be written");
        let error_file = file.try_clone().expect("a file can be opened twice");
        let words = [behind, &[env!("CARGO_BIN_EXE_panora"), "serve"]].concat();
        let child = Command::new(words[0])
            .args(&words[1..])
            .current_dir(&database.folder)
            .env_clear()
            .envs(database.variables())
            .env("PANORA_BIND", format!("127.0.0.1:{port}"))
            .env("PANORA_BOOTSTRAP_API_KEY", key)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(error_file)
            .spawn()
            .expect("the binary can be run");
        Self { api: Api::new(format!("http://127.0.0.1:{port}"), key), child, log }
    }

    /// A key for [`Process::start`].
    pub fn new_key() -> String {
        ApiKey::generate(&Random::system()).expose().to_owned()
    }

    pub async fn wait_until_ready(&mut self) {
        assert!(self.is_ready_before_it_ends().await, "it ended:\n{}", self.log());
    }

    /// Waits until it is ready, or has ended before it was.
    pub async fn is_ready_before_it_ends(&mut self) -> bool {
        let client = super::api::client().build().expect("a client can be made");
        let url = format!("{}/ready", self.api.url);
        let child = Mutex::new(&mut self.child);
        let ready = || async {
            let ready = client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
            let ended = !child.lock().expect("nobody panics").try_wait().is_ok_and(|it| it.is_none());
            (ready || ended).then_some(ready && !ended)
        };
        eventually("the server to be ready", ready).await
    }

    /// Waits until it has ended by itself.
    pub async fn wait_for_end(mut self) {
        let child = Mutex::new(&mut self.child);
        let ended = || async { child.lock().expect("nobody panics").try_wait().ok().flatten().map(|_| ()) };
        eventually("the process to end", ended).await;
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written to its standard output and error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`: no warning, no clean-up.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Deref for Process {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
