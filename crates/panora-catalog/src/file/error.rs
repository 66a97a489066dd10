//! What is wrong with a provider file, and where. It must never quote more of a file than one value.

/// A provider file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct FileError {
    /// The file's name as the reader knows it.
    pub file: String,
    /// Counted from 1; the line of the value that is wrong, or of the section that lacks one.
    pub line: u64,
    /// What is wrong, and what to do.
    pub problem: String,
}
