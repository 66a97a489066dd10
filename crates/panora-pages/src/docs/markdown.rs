//! Descriptions, written in CommonMark, as HTML. Raw HTML in them is shown as text, never passed on.

use askama::filters::HtmlSafeOutput;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::frame::web_address;

/// Below the page's own headings.
const HEADING: HeadingLevel = HeadingLevel::H4;

/// The description as HTML.
pub(super) fn html(markdown: &str) -> HtmlSafeOutput<String> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(tamed);
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    HtmlSafeOutput(html)
}

fn tamed(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => {
            Event::Start(Tag::Heading { level: HEADING, id, classes, attrs })
        }
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HEADING)),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe(dest_url), title, id })
        }
        other => other,
    }
}

/// An address of the web or of this site; anything else leads to the top of the page.
fn safe(url: CowStr<'_>) -> CowStr<'_> {
    let own = url.starts_with('#') || (url.starts_with('/') && !url.starts_with("//"));
    if own || web_address(&url).is_some() { url } else { CowStr::Borrowed("#") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn raw_html_is_shown_as_text() {
        assert_eq!(html("a <b onclick=x>b</b>").to_string(), "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n");
    }

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        assert!(html("[x](javascript:alert(1))").to_string().contains("href=\"#\""));
        assert!(html("[x](https://example.com)").to_string().contains("href=\"https://example.com\""));
    }

    proptest! {
        #[test]
        fn no_script_comes_through(text in "[<>a-z/ !\\[\\]()\"'`\n-]{0,60}") {
            let page = html(&format!("{text}<script>x</script>")).to_string();
            prop_assert!(!page.contains("<script"));
        }
    }
}
