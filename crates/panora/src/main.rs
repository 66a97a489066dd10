//! The `panora` command.

use std::process::ExitCode;

/// The system's allocator gives memory of many threads back and forth; measured on the delivery path.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panora::cli::run()
}
