//! Canonical JSON (RFC 8785). It must never write two texts for the same value.

use serde_json::Value;

/// The canonical text of a value: keys sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
///
/// Every number is written as its nearest double, as RFC 8785 (section 3.2.2.3) demands; values read by
/// [`intake`](crate::intake) hold only numbers that lose nothing by it.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("a `Value` has text keys and finite numbers")
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

    proptest! {
        #[test]
        fn strings_survive(sample in any::<String>()) {
            let written = canonical_json(&json!({ sample.clone(): sample }));
            let read: Value = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(read, json!({ sample.clone(): sample }));
        }
    }
}
