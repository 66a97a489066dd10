//! `panora providers try` as a person runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::wait::within;

/// A folder for one run: with the file, and with what would be temporary.
pub struct Desk(PathBuf);

impl Desk {
    pub fn new(test: &str, file: &str, text: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("tmp")).expect("the folder can be made");
        std::fs::write(folder.join(file), text).expect("the file can be written");
        Self(folder)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
        command.current_dir(&self.0).env_clear().env("TMPDIR", self.0.join("tmp"));
        command.args(["providers", "try"]).args(words).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Nothing temporary was left.
    pub fn assert_empty(&self) {
        let left: Vec<_> = std::fs::read_dir(self.0.join("tmp")).expect("it is there").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A command that runs: what it has said, and what is typed into it.
pub struct Trial {
    pub child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Trial {
    pub async fn start(mut command: Command, typed: &str) -> Self {
        let mut child = command.spawn().expect("the binary can be run");
        let mut input = child.stdin.take().expect("it is piped");
        // One that ends at once reads nothing.
        let _ = input.write_all(typed.as_bytes()).await;
        drop(input);
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, out, said: String::new() }
    }

    /// The link that it asks to open.
    pub async fn link(&mut self) -> String {
        let reading = async {
            loop {
                let mut line = String::new();
                let read = self.out.read_line(&mut line).await.expect("it says words");
                assert!(read > 0, "it ended:\n{}", self.said);
                self.said.push_str(&line);
                if line.trim().starts_with("http") && line.contains("/connect/") {
                    return line.trim().to_owned();
                }
            }
        };
        within("a link to open", reading).await
    }

    /// Exit code and all that was said.
    pub async fn end(mut self) -> (Option<i32>, String) {
        within("the command to end", async {
            self.out.read_to_string(&mut self.said).await.expect("it says words");
            let output = self.child.wait_with_output().await.expect("it ends");
            self.said.push_str(&String::from_utf8_lossy(&output.stderr));
            (output.status.code(), self.said)
        })
        .await
    }
}
