//! The `panora` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    panora::cli::run()
}
