//! Descriptions, written in CommonMark, as HTML. Raw HTML in them is shown as text, never passed on.

use askama::filters::HtmlSafeOutput;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::frame::web_address;

/// The description as HTML, all its headings of one level: the one below where it stands.
pub(crate) fn html(markdown: &str, level: HeadingLevel) -> HtmlSafeOutput<String> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| tamed(event, level));
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    HtmlSafeOutput(html)
}

fn tamed(event: Event<'_>, level: HeadingLevel) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => {
            Event::Start(Tag::Heading { level, id, classes, attrs })
        }
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(level)),
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

    fn shown(markdown: &str) -> String {
        html(markdown, HeadingLevel::H4).to_string()
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        assert_eq!(shown("a <b onclick=x>b</b>"), "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n");
    }

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        assert!(shown("[x](javascript:alert(1))").contains("href=\"#\""));
        assert!(shown("[x](https://example.com)").contains("href=\"https://example.com\""));
    }

    proptest! {
        #[test]
        fn no_script_comes_through(text in "[<>a-z/ !\\[\\]()\"'`\n-]{0,60}") {
            let page = shown(&format!("{text}<script>x</script>"));
            prop_assert!(!page.contains("<script"));
        }
    }
}
