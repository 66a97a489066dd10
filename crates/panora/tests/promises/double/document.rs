//! JSON that is made to hold values at given pointers (RFC 6901).

use serde_json::{Map, Value};

/// Puts a value there unless one is there already; whatever lies on the way is made.
pub fn put(document: &mut Value, pointer: &str, value: Value) {
    if document.pointer(pointer).is_none() {
        set(document, pointer, value);
    }
}

/// Puts a value there in any case.
pub fn set(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Ok(index) = part.parse::<usize>() {
            place = item(place, index);
            continue;
        }
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = value;
}

fn item(place: &mut Value, index: usize) -> &mut Value {
    if !place.is_array() {
        *place = Value::Array(Vec::new());
    }
    let list = place.as_array_mut().expect("it was made one");
    while list.len() <= index {
        list.push(Value::Null);
    }
    &mut list[index]
}

/// The pointers in a template's holes.
pub fn pointers(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(hole, _)| hole)
        .filter(|hole| hole.starts_with('/'))
}
