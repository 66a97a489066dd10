//! A PostgreSQL cluster of one test's own, which it may stop and start. Never touches another.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use panora::random::Random;
use tokio::process::Command;

use super::process::free_port;

pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// None where `PANORA_TEST_POSTGRES_BIN` does not say where PostgreSQL's programs are.
    pub async fn start() -> Option<Self> {
        let programs = PathBuf::from(std::env::var_os("PANORA_TEST_POSTGRES_BIN")?);
        let folder = std::env::temp_dir().join(format!("panora_cluster_{}", Random::system().base62(16)));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        if is_root() {
            let done = Command::new("chown").arg("postgres").arg(&folder).status().await;
            assert!(done.is_ok_and(|status| status.success()), "there is a user `postgres`");
        }
        let cluster = Self { programs, folder, port: free_port() };
        let data = cluster.data();
        let args = ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
        cluster.run("initdb", &args).await;
        // Without fsync what is committed survives the server's end, though not the machine's.
        let options = format!("-p {} -h 127.0.0.1 -k '' -c fsync=off", cluster.port);
        let log = cluster.folder.join("log").display().to_string();
        cluster.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &options]).await;
        Some(cluster)
    }

    /// The superuser's.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// `immediate` as a crash does it, `fast` as an upgrade.
    pub async fn restart(&self, mode: &str) {
        let log = self.folder.join("log").display().to_string();
        self.run("pg_ctl", &["restart", "-w", "-D", &self.data(), "-l", &log, "-m", mode]).await;
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    async fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program, args).output().await.expect("the program can be run");
        let Output { status, stderr, .. } = output;
        assert!(status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&stderr));
    }

    /// PostgreSQL refuses to run as root: there its programs run as the user that Debian's package made.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(args).current_dir("/");
        command
    }
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|it| it.uid() == 0)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // By the process that its own pid file names.
        let data = self.data();
        let mut stop = self.command("pg_ctl", &["stop", "-m", "immediate", "-w", "-D", &data]);
        drop(stop.as_std_mut().output());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
