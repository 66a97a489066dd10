//! Writes every page in each of its states into a folder, to be looked at:
//! `cargo run -p panora-pages --example gallery -- target/gallery`, then serve that folder.

mod states;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "name the folder to write to"));
    };
    write_assets(&folder.join("assets"))?;
    for (name, html) in states::all() {
        fs::write(folder.join(format!("{name}.html")), html)?;
    }
    Ok(())
}

fn write_assets(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    panora_pages::assets().iter().try_for_each(|asset| fs::write(folder.join(asset.path), asset.bytes))
}
