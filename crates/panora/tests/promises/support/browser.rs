//! A person's browser: keeps cookies, follows redirects, finds links and forms in the pages as they are.

use regex::Regex;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method};
use url::Url;

pub struct Browser {
    client: Client,
}

/// Where a walk ended.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
    /// Every address on the way, the first and the last included.
    pub way: Vec<Url>,
    /// The `Set-Cookie` headers met on the way.
    pub cookies: Vec<String>,
}

/// A form as the page offers it: hidden fields, and what is ticked.
#[derive(Clone, Debug)]
pub struct Form {
    action: Url,
    fields: Vec<(String, String)>,
}

impl Browser {
    pub fn new() -> Self {
        let client = super::api::client().cookie_store(true).build().expect("a client can be made");
        Self { client }
    }

    /// Opens an address and follows where it leads.
    pub async fn open(&self, url: impl AsRef<str>) -> Page {
        let url = Url::parse(url.as_ref()).expect("an absolute URL");
        self.walk(Method::GET, url, None, 10).await
    }

    /// From a magic link to the end; none where the server goes away on the way.
    pub async fn try_connect(&self, link: &str) -> Option<Page> {
        let get = |url| self.try_walk(Method::GET, url, None, 10);
        let page = get(Url::parse(link).expect("an absolute URL")).await.ok()?;
        let consent = get(page.link_with("/authorize")).await.ok()?;
        let form = consent.form().with("account", "acme").allow();
        self.try_walk(Method::POST, form.action.clone(), Some(form.encoded()), 10).await.ok()
    }

    /// Opens an address without following a redirect.
    pub async fn open_only(&self, url: impl AsRef<str>) -> Page {
        let url = Url::parse(url.as_ref()).expect("an absolute URL");
        self.walk(Method::GET, url, None, 0).await
    }

    /// Sends a form and follows where it leads.
    pub async fn submit(&self, form: &Form) -> Page {
        self.walk(Method::POST, form.action.clone(), Some(form.encoded()), 10).await
    }

    /// Sends a form; the redirect it answers with is not followed.
    pub async fn submit_only(&self, form: &Form) -> Page {
        self.walk(Method::POST, form.action.clone(), Some(form.encoded()), 0).await
    }

    async fn walk(&self, method: Method, url: Url, body: Option<String>, hops: u32) -> Page {
        self.try_walk(method, url, body, hops).await.expect("the page answers")
    }

    async fn try_walk(
        &self,
        mut method: Method,
        mut url: Url,
        mut body: Option<String>,
        mut hops: u32,
    ) -> Result<Page, reqwest::Error> {
        let (mut way, mut cookies) = (Vec::new(), Vec::new());
        loop {
            way.push(url.clone());
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(body) = body.take() {
                request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            }
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            cookies.extend(
                headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap_or_default().to_owned()),
            );
            let onward = headers.get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            match onward {
                Some(to) if status.is_redirection() && hops > 0 => {
                    (url, method, hops) = (to, Method::GET, hops - 1);
                }
                _ => {
                    let html = response.text().await?;
                    return Ok(Page { url, status: status.as_u16(), headers, html, way, cookies });
                }
            }
        }
    }

    /// From a magic link to the provider's consent.
    pub async fn to_consent(&self, link: &str) -> Page {
        let page = self.open(link).await;
        assert_eq!(page.status, 200, "{}", page.text());
        self.on_to_consent(&page).await
    }

    /// From the page before leaving to the provider's consent.
    pub async fn on_to_consent(&self, page: &Page) -> Page {
        let consent = self.open(page.link_with("/authorize")).await;
        assert_eq!(consent.url.path(), "/sandbox/oauth/authorize", "{}", consent.text());
        consent
    }

    /// From a magic link to the end, with the sandbox's first account.
    pub async fn connect(&self, link: &str) -> Page {
        self.connect_as(link, "acme").await
    }

    /// From a magic link to the end, with that account.
    pub async fn connect_as(&self, link: &str, account: &str) -> Page {
        let consent = self.to_consent(link).await;
        self.submit(&consent.form().with("account", account).allow()).await
    }
}

impl Page {
    /// The address of the first link that holds `part`.
    pub fn link_with(&self, part: &str) -> Url {
        let links = attributes(&self.html, "a", "href");
        let link = links.into_iter().find(|href| href.contains(part));
        let link = link.unwrap_or_else(|| panic!("no link with {part} at {}: {}", self.url, self.text()));
        self.url.join(&link).expect("a link is a URL")
    }

    /// The page's form.
    pub fn form(&self) -> Form {
        let start =
            self.html.find("<form").unwrap_or_else(|| panic!("no form at {}: {}", self.url, self.text()));
        let end = self.html[start..].find("</form>").map_or(self.html.len(), |end| start + end);
        let html = &self.html[start..end];
        let action = attributes(html, "form", "action").pop().unwrap_or_default();
        let inputs = tags(html, "input").into_iter();
        let sent = inputs.filter(|tag| match attribute(tag, "type").as_deref() {
            Some("radio" | "checkbox") => tag.contains(" checked"),
            _ => true,
        });
        let fields = sent
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        let action = self.url.join(&action).expect("an action is a URL");
        Form { action, fields: fields.collect() }
    }

    /// The words that a person reads.
    pub fn text(&self) -> String {
        let tag = Regex::new("<[^>]*>").expect("a constant");
        let words = tag.replace_all(&self.html, " ");
        unescaped(&words).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where this answer sends the browser, which did not go there.
    pub fn leads_to(&self) -> Url {
        self.url.join(self.header("location")).expect("a redirect leads to a URL")
    }

    /// A parameter of this page's address.
    pub fn parameter(&self, name: &str) -> String {
        let pair = self.url.query_pairs().find(|(given, _)| given == name);
        pair.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    #[track_caller]
    pub fn assert_says(&self, status: u16, words: &str) {
        let text = self.text();
        assert!(self.status == status && text.contains(words), "{status} {words:?}: {} {text}", self.status);
    }
}

impl Form {
    /// Sets a field, whatever it was.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// Adds a field beside those of the same name.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(given, _)| given != name);
        self
    }

    /// As the button that agrees sends it.
    #[must_use]
    pub fn allow(self) -> Self {
        self.with("decision", "allow")
    }

    /// As the button that declines sends it.
    #[must_use]
    pub fn deny(self) -> Self {
        self.with("decision", "deny")
    }

    fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let tag = Regex::new(&format!(r"<{name}\b[^>]*>")).expect("a tag's name is plain");
    tag.find_iter(html).map(|found| found.as_str()).collect()
}

fn attributes(html: &str, tag: &str, name: &str) -> Vec<String> {
    tags(html, tag).into_iter().filter_map(|tag| attribute(tag, name)).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let pattern = Regex::new(&format!(r#"\s{name}="([^"]*)""#)).expect("an attribute's name is plain");
    pattern.captures(tag).map(|found| unescaped(&found[1]))
}

fn unescaped(html: &str) -> String {
    let pairs =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    pairs.iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}
