//! What is wrong with a provider file, and where. It must never quote more of a file than one value, nor what commands a
//! terminal.

use std::fmt;

/// The most mistakes that are told of a file: whoever made more made the same one again and again.
pub(super) const MOST: usize = 50;

/// The most characters that are told of a mistake.
const LONGEST: usize = 600;

/// A provider file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file's name as the reader knows it.
    pub file: String,
    /// By line, each once; there is one at least, and a last one may say that there are more.
    pub mistakes: Vec<Mistake>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Counted from 1; the line of the value that is wrong, or of the section that lacks one.
    pub line: u64,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl Mistake {
    pub fn new(line: u64, problem: impl Into<String>) -> Self {
        Self { line, problem: shown(&problem.into()) }
    }
}

/// The mistakes of a file as they are told: by line, each once, and no more than somebody reads.
pub(super) fn told(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes.dedup();
    if mistakes.len() > MOST {
        mistakes.truncate(MOST);
        let line = mistakes.last().map_or(1, |last| last.line);
        mistakes.push(Mistake::new(line, "and more: mend these first"));
    }
    mistakes
}

/// A problem without what would turn a terminal's words around or begin a line, and without its middle if it is long.
fn shown(problem: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut text = String::new();
    for c in problem.chars() {
        if c.is_control() || turns(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    let length = text.chars().count();
    if length <= LONGEST {
        return text;
    }
    let start = text.chars().take(LONGEST / 2);
    start.chain(['…']).chain(text.chars().skip(length - LONGEST / 2)).collect()
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Mistake { line, problem }) in self.mistakes.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}: {problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}
