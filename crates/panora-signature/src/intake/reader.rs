//! The grammar of JSON (RFC 8259): one pass, recursion bounded by the rules' levels.

use serde_json::{Map, Value};

use super::{IntakeError, number};

/// What a reader takes.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Levels of arrays and objects.
    pub levels: usize,
    /// Whether to replace what strict reading refuses.
    pub lenient: bool,
}

/// A text and the place reached in it; always at a character's boundary when a token has been read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) lenient: bool,
    levels: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, rules: Rules) -> Self {
        Self { text, at: 0, lenient: rules.lenient, levels: rules.levels }
    }

    /// The whole text as one value.
    pub(super) fn document(mut self) -> Result<Value, IntakeError> {
        let value = self.value(0)?;
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.not_json("nothing more was expected after the value"));
        }
        Ok(value)
    }

    /// A value inside `depth` arrays and objects.
    fn value(&mut self, depth: usize) -> Result<Value, IntakeError> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if depth == self.levels => {
                Err(IntakeError::new(format!("Nested deeper than {} levels.", self.levels)))
            }
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.not_json("a value was expected")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, IntakeError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth).map_err(|error| error.inside(&items.len().to_string()))?);
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.not_json("`,` or `]` was expected"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, IntakeError> {
        self.at += 1;
        let mut fields = Map::new();
        if self.take(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.not_json("a name in double quotes was expected"));
            }
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.not_json("`:` was expected"));
            }
            let value = self.value(depth).map_err(|error| error.inside(&name))?;
            if !self.lenient && fields.contains_key(&name) {
                return Err(IntakeError::new("The name occurs twice in its object.").inside(&name));
            }
            fields.insert(name, value);
            if self.take(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.take(b',') {
                return Err(self.not_json("`,` or `}` was expected"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, IntakeError> {
        let rest = &self.text[self.at..];
        let Some(length) = number::length(rest.as_bytes()) else {
            return Err(self.not_json("the number is not one of JSON's"));
        };
        self.at += length;
        Ok(number::value(&rest[..length]))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, IntakeError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.not_json("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes one mark, and the space before it.
    fn take(&mut self, mark: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(mark);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn not_json(&self, why: &str) -> IntakeError {
        let place =
            if self.at < self.text.len() { format!("at byte {}", self.at) } else { "at its end".to_owned() };
        IntakeError::new(format!("The text is not JSON {place}: {why}."))
    }
}
