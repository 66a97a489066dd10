//! A person's browser, clicking through the real pages: it knows only what their HTML says.

use reqwest::{Client, Url};

use super::print::Printer;
use crate::cli::api::{http_client, unlike};

/// Opens the magic link, goes to the Sandbox, allows what it asks, and ends where Panora says that all is well.
pub async fn click_through(link: &str, printer: &mut Printer) -> Result<(), String> {
    let browser = Browser { http: http_client()? };
    let page = browser.open(link).await?;
    printer.step("Ada opens it", &page.heading());
    let page = browser.open(page.link_with("/authorize")?.as_str()).await?;
    printer.step("Ada goes on to the Sandbox", &page.heading());
    let page = browser.submit(&page, ("decision", "allow")).await?;
    if !page.url.path().ends_with("/done") {
        return Err(unlike("the page of success", &format!("{}: {}", page.url.path(), page.heading())));
    }
    printer.step("Ada allows it, and is back", &page.heading());
    Ok(())
}

struct Browser {
    http: Client,
}

/// A page and where the redirects led to.
struct Page {
    url: Url,
    html: String,
}

impl Browser {
    async fn open(&self, url: &str) -> Result<Page, String> {
        Self::read(self.http.get(url)).await
    }

    /// Presses a button of the page's first form, with what is filled in.
    async fn submit(&self, page: &Page, button: (&str, &str)) -> Result<Page, String> {
        let form =
            between(&page.html, "<form ", "</form>").ok_or_else(|| unlike("a form", &page.heading()))?;
        let action = attribute(form, "action").and_then(|action| page.url.join(&action).ok());
        let action = action.ok_or_else(|| unlike("a form with an address", &page.heading()))?;
        let mut fields = filled_in(form);
        fields.push((button.0.to_owned(), button.1.to_owned()));
        Self::read(self.http.post(action).form(&fields)).await
    }

    async fn read(request: reqwest::RequestBuilder) -> Result<Page, String> {
        let answer =
            request.send().await.map_err(|error| unlike("a page", &error.without_url().to_string()))?;
        let (url, status) = (answer.url().clone(), answer.status());
        let html = answer.text().await.map_err(|error| unlike("a page", &error.without_url().to_string()))?;
        let page = Page { url, html };
        if status.is_success() {
            return Ok(page);
        }
        Err(unlike("a page", &format!("{status} at {}: {}", page.url.path(), page.heading())))
    }
}

impl Page {
    fn heading(&self) -> String {
        let html = between(&self.html, "<h1>", "</h1>").unwrap_or("a page without a heading");
        let words = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words));
        unescaped(&words.collect::<String>())
    }

    fn link_with(&self, part: &str) -> Result<Url, String> {
        let links = self.html.split("<a ").skip(1).filter_map(|rest| attribute(rest, "href"));
        let link =
            links.into_iter().find(|href| href.contains(part)).and_then(|href| self.url.join(&href).ok());
        link.ok_or_else(|| unlike(&format!("a link with {part}"), &self.heading()))
    }
}

/// The form's hidden fields and what is ticked.
fn filled_in(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("<input ").skip(1).filter_map(|rest| rest.split('>').next());
    let counts = |input: &&str| input.contains("type=\"hidden\"") || input.ends_with(" checked");
    inputs
        .filter(counts)
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

/// An attribute of the tag that `rest` begins inside.
fn attribute(rest: &str, name: &str) -> Option<String> {
    let tag = rest.split('>').next()?;
    let value = tag.split_once(&format!("{name}=\""))?.1;
    value.split_once('"').map(|(value, _)| unescaped(value))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// The five characters that templates escape.
fn unescaped(html: &str) -> String {
    let plain = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    plain.iter().fold(html.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_as_it_is_filled_in() {
        let form = r#"method="post"><input type="hidden" name="a" value="x&#38;y">
            <input type="radio" name="b" value="1" required checked><input type="radio" name="b" value="2" required>
            <input type="checkbox" name="c" value="on">"#;
        assert_eq!(filled_in(form), [("a".to_owned(), "x&y".to_owned()), ("b".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_heading_is_read_without_its_markup() {
        let url = Url::parse("http://127.0.0.1/").unwrap();
        let page = Page { url, html: "<h1><strong>Acme</strong> &#38; <bdi>Co</bdi></h1>".to_owned() };
        assert_eq!(page.heading(), "Acme & Co");
    }
}
