//! Form fields and query parameters, read as OAuth 2 reads them (RFC 6749, section 3.1): an empty value is none.

/// Names and values in the order in which they came; a name may come more than once.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(bytes: &[u8]) -> Self {
        Self::of(url::form_urlencoded::parse(bytes).into_owned())
    }

    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a name that came once; none where it came twice, which OAuth 2 forbids.
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_came_twice_counts_as_missing() {
        let fields = Fields::parse(b"code=a&code=b&state=x%20y&scope=&trouble=slow&trouble=coop");
        assert_eq!(fields.one("code"), None);
        assert_eq!(fields.one("state"), Some("x y"));
        assert_eq!(fields.one("scope"), None);
        assert_eq!(fields.all("trouble").collect::<Vec<_>>(), ["slow", "coop"]);
    }
}
