//! `panora demo` in the terminal: where it listens, and what it says when it cannot.

use std::net::TcpListener;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::support::{free_port, wait::within};

async fn demo(bind: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).env_remove("PANORA_CONFIG").stdin(Stdio::null());
    command.args(["demo", "--auto", "--bind", bind]).kill_on_drop(true);
    within("the demo to end", command.output()).await.expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_demo_listens_where_it_is_told() {
    let bind = format!("127.0.0.1:{}", free_port());
    let output = demo(&bind).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("http://{bind}")) && said.contains("All of it worked"), "{said}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_with_the_way_to_choose_another() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let bind = taken.local_addr().expect("it is bound").to_string();
    let output = demo(&bind).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&bind) && said.contains("--bind ADDR:PORT"), "{said}");
}

#[tokio::test]
async fn other_machines_never_reach_the_demo() {
    let output = demo("0.0.0.0:0").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--bind takes a loopback address"), "{}", said(&output));
}
