//! The square that stands for a customer or a provider: its logo, or its initials on its colour. It never
//! uses a style attribute, which the pages' content security policy forbids.

use askama::Template;

/// Used where no colour is given; each takes white text with a contrast of at least 4.5.
const PALETTE: [&str; 8] =
    ["#4338ca", "#0f766e", "#b45309", "#be123c", "#6d28d9", "#1d4ed8", "#15803d", "#475569"];

const WHITE: &str = "#ffffff";
/// Pure black: on any colour at all, it or white has a contrast of at least 4.5.
const BLACK: &str = "#000000";

/// A logo, or a monogram that is readable on its colour.
#[derive(Debug, Template)]
#[template(path = "tile.html")]
pub(crate) struct Tile {
    image: Option<String>,
    initials: String,
    background: String,
    text: &'static str,
}

impl askama::filters::HtmlSafe for Tile {}

impl Tile {
    pub(crate) fn new(name: &str, color: Option<&str>, image: Option<&str>) -> Self {
        let given = color.and_then(parse);
        let background =
            given.unwrap_or_else(|| parse(from_palette(name)).expect("the palette is hexadecimal"));
        Self {
            image: image.filter(|url| shows_as_image(url)).map(str::to_owned),
            initials: initials(name),
            background: format!("#{:02x}{:02x}{:02x}", background.0, background.1, background.2),
            text: readable_on(background),
        }
    }
}

type Rgb = (u8, u8, u8);

fn shows_as_image(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("data:image/")
}

/// Reads `#rgb` and `#rrggbb`.
fn parse(color: &str) -> Option<Rgb> {
    let digits: Vec<u8> = color
        .strip_prefix('#')?
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    match digits[..] {
        [r, g, b] => Some((r * 17, g * 17, b * 17)),
        [r1, r2, g1, g2, b1, b2] => Some((r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2)),
        _ => None,
    }
}

/// The same name always has the same colour.
fn from_palette(name: &str) -> &'static str {
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    PALETTE[sum % PALETTE.len()]
}

/// The first letters of the first two words, or one letter.
fn initials(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    let letters: String = words.take(2).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "•".to_owned() } else { letters }
}

/// White or black, whichever stands out more (WCAG 2.2 contrast).
fn readable_on(background: Rgb) -> &'static str {
    let with = |text: &str| contrast(background, parse(text).expect("both are hexadecimal"));
    if with(WHITE) >= 4.5 || with(WHITE) >= with(BLACK) { WHITE } else { BLACK }
}

/// The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, 0 to 1 (WCAG 2.2).
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn initials_come_from_the_first_two_words() {
        assert_eq!(initials("HubSpot"), "H");
        assert_eq!(initials("Google Drive for Work"), "GD");
        assert_eq!(initials("monday.com"), "MC");
        assert_eq!(initials("👋"), "•");
    }

    #[test]
    fn the_palette_is_readable_in_white() {
        for color in PALETTE {
            assert!(contrast(parse(color).expect("hexadecimal"), (255, 255, 255)) >= 4.5, "{color}");
        }
    }

    #[test]
    fn a_logo_must_be_https_or_an_image() {
        assert!(shows_as_image("https://acme.com/logo.svg"));
        assert!(!shows_as_image("http://acme.com/logo.svg"));
        assert!(!shows_as_image("data:text/html,x"));
    }

    proptest! {
        #[test]
        fn a_monogram_is_readable_on_any_colour(r: u8, g: u8, b: u8) {
            let text = parse(readable_on((r, g, b))).expect("hexadecimal");
            prop_assert!(contrast((r, g, b), text) >= 4.5);
        }

        #[test]
        fn any_name_and_colour_make_a_tile(name: String, color: String) {
            let tile = Tile::new(&name, Some(&color), None);
            prop_assert!(parse(&tile.background).is_some());
        }
    }
}
