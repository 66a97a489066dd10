//! Short pages outside any flow: nothing here, wrong address.

use askama::Template;

use crate::frame::{Frame, web_address};
use crate::texts::Text;

/// For a page address that leads nowhere (404).
#[derive(Clone, Copy, Debug, Default)]
pub struct NotFoundPage;

impl NotFoundPage {
    pub fn render(&self) -> String {
        let frame = Frame::default();
        let texts = &frame.t().message;
        crate::render(&Message {
            title: &texts.not_found_title,
            cause: &texts.not_found,
            public_url: None,
            frame: &frame,
        })
    }
}

/// For a page asked for under another host than the public URL's (421).
#[derive(Clone, Debug)]
pub struct MisdirectedPage {
    pub public_url: String,
}

impl MisdirectedPage {
    pub fn render(&self) -> String {
        let frame = Frame::default();
        let texts = &frame.t().message;
        crate::render(&Message {
            title: &texts.misdirected_title,
            cause: &texts.misdirected,
            public_url: web_address(&self.public_url),
            frame: &frame,
        })
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: &'a Frame,
    title: &'a Text,
    cause: &'a Text,
    public_url: Option<&'a str>,
}
