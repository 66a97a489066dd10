//! How a list is cut into pages.

/// Which page of a list: at most `limit` items that follow `after`.
#[derive(Clone, Debug)]
pub struct PageQuery<After = String> {
    /// 1 to 200.
    pub limit: u32,
    /// The last item of the page before, usually by its id as text; none for the first page.
    pub after: Option<After>,
}

impl PageQuery {
    pub const DEFAULT_LIMIT: u32 = 50;
    pub const MAX_LIMIT: u32 = 200;
}

impl<After> PageQuery<After> {
    /// One row more than asked for tells whether there is a next page.
    pub fn fetch_limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// One page and the cursor of the next.
#[derive(Debug)]
pub struct Paged<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// Cuts `rows`, of which there may be one more than the limit, and names the cursor of what follows.
    pub fn cut<After>(mut rows: Vec<T>, query: &PageQuery<After>, cursor: impl Fn(&T) -> String) -> Self {
        let limit = query.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = more.then(|| rows.last().map(cursor)).flatten();
        Self { items: rows, next }
    }
}
