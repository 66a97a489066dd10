//! The points at which the end of the process can cut a write off: before each statement that writes, before and after
//! each commit. A debug build dies at the one that `PANORA_TEST_CRASH_AT` names, so that tests can try them all; a
//! release build has none. `PANORA_TEST_PANIC_AT` names a part of a statement at which a debug build panics, as a fault of
//! ours would.

/// Passes a point. `what` is a statement's text, or the name of a step.
#[cfg(debug_assertions)]
pub fn point(what: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static FATAL: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("PANORA_TEST_CRASH_AT").ok()?.parse().ok());
    static FAULTY: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("PANORA_TEST_PANIC_AT").ok());
    assert!(FAULTY.as_ref().is_none_or(|part| !what.contains(part)), "a fault that a test has asked for");
    let Some(fatal) = *FATAL else { return };
    let number = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::info!(number, what = what.get(..60).unwrap_or(what), "a crash point");
    if number == fatal {
        // As a kill: no destructor runs, nothing is flushed.
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub const fn point(_what: &str) {}
