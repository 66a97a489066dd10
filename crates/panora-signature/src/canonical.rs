//! Canonical JSON (RFC 8785). It must never write two texts for the same value.
//!
//! Written by hand, since each event passes here: the library with which the tests compare it builds a sorted tree for
//! each object, which showed in the delivery path's profile.

use std::io::Write;

use serde_json::{Map, Number, Value};

/// Below this every whole number is a double of its own.
const EXACT: u64 = 1 << 53;

/// The canonical text of a value: keys sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
///
/// Every number is written as its nearest double, as RFC 8785 (section 3.2.2.3) demands; values read by
/// [`intake`](crate::intake) hold only numbers that lose nothing by it.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Null => text.extend_from_slice(b"null"),
        Value::Bool(true) => text.extend_from_slice(b"true"),
        Value::Bool(false) => text.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, text),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write(item, text);
            }
            text.push(b']');
        }
        Value::Object(fields) => write_object(fields, text),
    }
}

/// Section 3.2.3: by UTF-16 code units, which for ASCII is the order of bytes.
fn write_object(fields: &Map<String, Value>, text: &mut Vec<u8>) {
    let mut fields: Vec<_> = fields.iter().collect();
    if fields.iter().all(|(name, _)| name.is_ascii()) {
        fields.sort_unstable_by_key(|(name, _)| *name);
    } else {
        fields.sort_unstable_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    }
    text.push(b'{');
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_string(name, text);
        text.push(b':');
        write(value, text);
    }
    text.push(b'}');
}

/// Section 3.2.2.2, whose escapes are those that serde_json writes.
fn write_string(string: &str, text: &mut Vec<u8>) {
    serde_json::to_writer(text, string).expect("a string is written to memory");
}

/// Section 3.2.2.3.
fn write_number(number: &Number, text: &mut Vec<u8>) {
    if let Some(whole) = number.as_i64().filter(|whole| whole.unsigned_abs() <= EXACT) {
        write!(text, "{whole}").expect("a number is written to memory");
    } else {
        let double = number.as_f64().expect("numbers are kept as integers or doubles");
        text.extend_from_slice(ryu_js::Buffer::new().format(double).as_bytes());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical_json(value)).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8785_section_3_2_2_is_written_as_printed_there() {
        let value = json!({
            "numbers": [333_333_333.333_333_3, 1e30, 4.50, 2e-3, 1e-27],
            "string": "\u{20ac}$\u{f}\nA'\u{42}\u{22}\u{5c}\\\"/",
            "literals": [null, true, false]
        });
        let expected = concat!(
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(text(&value), expected);
    }

    #[test]
    fn keys_are_sorted_by_utf_16_as_in_rfc_8785_section_3_2_3() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis"
        });
        let order: Vec<_> = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
            .map(|word| text(&value).find(word))
            .into();
        assert!(order.iter().all(Option::is_some));
        assert!(order.is_sorted());
    }

    /// RFC 8785, appendix B: bits of a double and its text.
    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        let samples: [(u64, &str); 22] = [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ];
        for (bits, expected) in samples {
            assert_eq!(text(&json!(f64::from_bits(bits))), expected, "{bits:016x}");
        }
    }

    #[test]
    fn an_integer_is_written_as_its_nearest_double() {
        assert_eq!(text(&json!(9_007_199_254_740_993_i64)), "9007199254740992");
        assert_eq!(text(&json!(1e20)), "100000000000000000000");
        assert_eq!(text(&json!(u64::MAX)), "18446744073709552000");
    }

    /// Values of every kind, with names and numbers that are easily put wrong.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-9_007_199_254_740_994_i64..9_007_199_254_740_994).prop_map(Value::from),
            any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn another_implementation_of_rfc_8785_writes_the_same(value in any_value()) {
            prop_assert_eq!(canonical_json(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }

        #[test]
        fn strings_survive(sample in any::<String>()) {
            let written = canonical_json(&json!({ sample.clone(): sample }));
            let read: Value = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(read, json!({ sample.clone(): sample }));
        }
    }
}
