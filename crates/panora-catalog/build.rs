//! Checks the built-in provider files and lists them for `include_str!`. A broken file fails the build with its
//! file, line and what to do. It reads `catalog/` only and writes to `OUT_DIR` only.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

// The build uses the reading half of the format; the crate uses all of it.
#[allow(dead_code, unused_imports)]
#[path = "src/file/mod.rs"]
mod file;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=src/file");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("catalog/ is part of the repository")
        .map(|entry| entry.expect("an entry of catalog/ is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();

    let mut list = String::from("&[\n");
    for path in &paths {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a provider file's name is UTF-8");
        let text = fs::read_to_string(path).expect("a provider file is readable");
        if let Err(error) = file::ProviderFile::parse(&format!("catalog/{stem}.yaml"), stem, &text) {
            // Cargo shows all of them and ends the build.
            error.to_string().lines().for_each(|line| println!("cargo::error={line}"));
        }
        let path = path.canonicalize().expect("the file was just read");
        writeln!(list, "    ({stem:?}, include_str!({:?})),", path.display().to_string())
            .expect("a String takes all");
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("built_in.rs"), list).expect("OUT_DIR is writable");
}
