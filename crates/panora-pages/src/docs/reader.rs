//! Reading an OpenAPI document that may refer from one place to another. It never follows a reference out of
//! the document.

use serde_json::Value;

/// References that are followed in a row before the last is taken as it is.
const MOST_HOPS: usize = 8;

/// The document, with its references followed.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    document: &'a Value,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// What `value` stands for: itself, or what its `$ref` points to.
    pub(super) fn resolve(self, mut value: &'a Value) -> &'a Value {
        for _ in 0..MOST_HOPS {
            let Some(pointer) = value.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'))
            else {
                break;
            };
            let Some(target) = self.document.pointer(pointer) else { break };
            value = target;
        }
        value
    }

    /// The entries of the object at this pointer, none if there is none.
    pub(super) fn entries(self, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.document.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
    }

    /// What the document asks of a request, unless an operation says otherwise.
    pub(super) fn security(self) -> &'a [Value] {
        list(self.document, "security")
    }

    /// The items of the array at this pointer, none if there is none.
    pub(super) fn items(self, pointer: &str) -> impl Iterator<Item = &'a Value> {
        self.document.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
    }
}

/// The text at `key`, if there is one.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Whether `key` is true.
pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The items at `key`, none if it is no array.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
