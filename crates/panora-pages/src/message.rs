//! Short pages outside any flow: nothing here, wrong address.

use askama::Template;

use crate::frame::{Frame, web_address};
use crate::texts::{Language, Text};

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    NotFound,
    /// Asked for under another host than the public URL's.
    Misdirected {
        public_url: String,
    },
}

impl Message {
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Misdirected { .. } => 421,
        }
    }
}

/// A message and where to go from here.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    frame: Frame,
    message: Message,
}

impl MessagePage {
    pub fn new(language: Language, message: Message) -> Self {
        Self { frame: Frame { language, ..Frame::default() }, message }
    }

    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn title(&self) -> &'static Text {
        let texts = &self.frame.t().message;
        if self.message == Message::NotFound { &texts.not_found_title } else { &texts.misdirected_title }
    }

    fn cause(&self) -> &'static Text {
        let texts = &self.frame.t().message;
        if self.message == Message::NotFound { &texts.not_found } else { &texts.misdirected }
    }

    fn public_url(&self) -> Option<&str> {
        match &self.message {
            Message::Misdirected { public_url } => web_address(public_url),
            Message::NotFound => None,
        }
    }
}
