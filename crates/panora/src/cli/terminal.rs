//! What commands print: lines, tables and the like, for people.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use tokio::sync::Notify;

// The standard macros panic where nobody reads any more, as after `panora providers list | head`. These stand before them
// in every command.
macro_rules! println {
    () => { $crate::cli::terminal::print_line(format_args!("")) };
    ($($words:tt)*) => { $crate::cli::terminal::print_line(format_args!($($words)*)) };
}
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::cli::terminal::complain_line(format_args!($($words)*)) };
}

/// Told when a line found no reader.
static GONE: Notify = Notify::const_new();
/// Why a line was lost that somebody waits for.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints a line. What is lost because the reader has gone away is no error.
pub fn print_line(words: fmt::Arguments<'_>) {
    match writeln!(io::stdout(), "{words}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => GONE.notify_one(),
        // Only the first is told.
        Err(error) => drop(LOST.set(error)),
    }
}

/// Prints what is shown this once; here a reader who has gone away is an error, too.
pub fn print_once(words: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{words}")?;
    out.flush()
}

/// Prints a line to standard error; if that cannot be written, there is nobody to tell.
pub fn complain_line(words: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Ends once a line found no reader: whoever waits for a person to read on waits in vain.
pub async fn reader_gone() {
    GONE.notified().await;
}

/// Fails if a line could not be written, as on a full disk.
pub fn all_written() -> Result<(), String> {
    LOST.get().map_or(Ok(()), |error| Err(format!("the output cannot be written: {error}")))
}

/// A number of things, with the word for one or for more.
pub fn counted(count: impl fmt::Display, one: &str, more: &str) -> String {
    let count = count.to_string();
    let word = if count == "1" { one } else { more };
    format!("{count} {word}")
}

/// Prints rows under a heading, in columns as wide as they need to be.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heading[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(heading.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_has_the_word_for_one() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "delivery", "deliveries")),
            ["0 deliveries", "1 delivery", "2 deliveries"]
        );
    }
}
