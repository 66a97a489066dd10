//! Strings of JSON, escapes and surrogates. A string that was read never holds U+0000.

use super::IntakeError;
use super::reader::Reader;

impl Reader<'_> {
    /// A string, the place being at its opening quote.
    pub(super) fn string(&mut self) -> Result<String, IntakeError> {
        self.at += 1;
        let mut read = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\');
            let plain = plain.unwrap_or(rest.len());
            read.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return Err(self.not_json("a string was not closed")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(read);
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    read.push(character);
                }
                Some(control) if self.lenient => {
                    self.at += 1;
                    read.push(if control == 0 { char::REPLACEMENT_CHARACTER } else { char::from(control) });
                }
                Some(_) => return Err(self.not_json("a control character in a string must be escaped")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, IntakeError> {
        let Some(kind) = self.text.as_bytes().get(self.at + 1) else {
            return Err(self.not_json("an escape was not finished"));
        };
        let character = match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.not_json("there is no such escape")),
        };
        self.at += 2;
        Ok(character)
    }

    /// `\uXXXX`, or two of them that are one character beyond U+FFFF.
    fn unicode_escape(&mut self) -> Result<char, IntakeError> {
        let Some(unit) = self.code_unit(self.at) else {
            return Err(self.not_json("four hexadecimal digits were expected after `\\u`"));
        };
        let second = if (0xd800..0xdc00).contains(&unit) { self.code_unit(self.at + 6) } else { None };
        if let Some(low @ 0xdc00..0xe000) = second {
            self.at += 12;
            let code = 0x1_0000 + ((u32::from(unit) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
            return Ok(char::from_u32(code).expect("a pair of surrogates is a character"));
        }
        self.at += 6;
        match char::from_u32(u32::from(unit)) {
            Some(character) if character != '\0' => Ok(character),
            _ if self.lenient => Ok(char::REPLACEMENT_CHARACTER),
            Some(_) => Err(IntakeError::new("A string must not contain U+0000.")),
            None => Err(IntakeError::new("A string must not contain half of a surrogate pair.")),
        }
    }

    /// The UTF-16 code unit of the `\uXXXX` that begins at `at`.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            u16::try_from(digit).ok().map(|digit| unit << 4 | digit)
        })
    }
}
