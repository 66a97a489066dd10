//! Reads lines of JSON from standard input and writes the canonical text of each, as a request would be taken.
//! The tests across languages compare their own canonical text with it.

use std::io::{BufRead, Write};

use panora_signature::{canonical_json, intake};

fn main() -> std::io::Result<()> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().split(b'\n') {
        match intake::parse(&line?) {
            Ok(value) => output.write_all(&canonical_json(&value))?,
            Err(error) => write!(output, "error at {:?}: {error}", error.pointer)?,
        }
        output.write_all(b"\n")?;
    }
    output.flush()
}
