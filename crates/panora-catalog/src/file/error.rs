//! What is wrong with a provider file, and where. It must never quote more of a file than one value.

use std::fmt;

/// A provider file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file's name as the reader knows it.
    pub file: String,
    /// By line; there is one at least.
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
        Self { line, problem: problem.into() }
    }
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
