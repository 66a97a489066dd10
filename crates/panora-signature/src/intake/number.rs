//! Which numbers stay numbers, and how they are stored. It must never store one whose canonical text says another
//! value than was received.

use serde_json::{Number, Value};

use crate::canonical_json;

/// Integers up to 2^53 are kept as such, so that a field that wants an integer takes `60.0` and `6e1` too.
const LARGEST_INTEGER: f64 = 9_007_199_254_740_992.0;

/// How many bytes at the start of `text` are a number by RFC 8259's grammar; `None` where none begins or what
/// begins is not finished.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    match digits(at) {
        0 => return None,
        count if count > 1 && text[at] == b'0' => return None,
        count => at += count,
    }
    if text.get(at) == Some(&b'.') {
        at += 1 + some(digits(at + 1))?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at += some(digits(at))?;
    }
    Some(at)
}

fn some(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
}

/// The value of a number's text: a number, or the text itself where a double would say something else.
pub(super) fn value(text: &str) -> Value {
    // Fifteen digits always fit a double; most numbers end here.
    if text.len() <= 15
        && let Ok(integer) = text.parse::<i64>()
    {
        return Value::from(integer);
    }
    exact(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn exact(text: &str) -> Option<Number> {
    let double: f64 = text.parse().ok()?;
    let number = Number::from_f64(double)?;
    let written = canonical_json(&Value::Number(number.clone()));
    if Decimal::of(text) != Decimal::of(std::str::from_utf8(&written).ok()?) {
        return None;
    }
    if double.fract() == 0.0 && double.abs() <= LARGEST_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "an integer of at most 2^53")]
        return Some(Number::from(double as i64));
    }
    Some(number)
}

/// A decimal number in its one shortest form: `0.<digits> * 10^exponent`, zero without digits.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a text of JSON's grammar.
    fn of(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        let leading = all.len() - digits.len();
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        // An exponent beyond i64 belongs to a number whose double is zero or infinite: any value will differ.
        let exponent = exponent.parse().unwrap_or(i64::MAX);
        let shift = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let exponent = i64::saturating_add(exponent, shift(whole.len())).saturating_sub(shift(leading));
        Self { negative, digits, exponent }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stays(text: &str, canonical: &str) {
        let value = value(text);
        assert!(value.is_number(), "{text} became text");
        assert_eq!(String::from_utf8(canonical_json(&value)).unwrap(), canonical);
    }

    #[test]
    fn a_number_that_its_double_denotes_stays_a_number() {
        let samples = [
            ("0.1", "0.1"),
            ("1.0", "1"),
            ("1e2", "100"),
            ("1e21", "1e+21"),
            ("100E-2", "1"),
            ("5e-324", "5e-324"),
            ("-0", "0"),
            ("-0.0e-5", "0"),
            ("0e99999999999999999999", "0"),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740994", "9007199254740994"),
            ("100000000000000000000", "100000000000000000000"),
            ("1000000000000000000000", "1e+21"),
            ("295147905179352830000", "295147905179352830000"),
            ("0.00000000000000000000000000000000000000001e41", "1"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ];
        for (text, canonical) in samples {
            stays(text, canonical);
        }
    }

    #[test]
    fn any_other_number_becomes_its_text() {
        let samples = [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551616",
            "295147905179352825856",
            "1e400",
            "-1e400",
            "1e-400",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "0.1000000000000000055511151231257827",
            "4e-324",
            "1.79769313486231571e308",
        ];
        for text in samples {
            assert_eq!(value(text), Value::from(text));
        }
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_spelled() {
        for text in ["60", "60.0", "6e1", "600e-1", "60.0000000000000000000000"] {
            assert_eq!(value(text).as_i64(), Some(60), "{text}");
        }
    }

    #[test]
    fn only_numbers_of_the_grammar_are_numbers() {
        for text in ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "--1", "1.e2", "Infinity", "-x"] {
            assert_eq!(length(text.as_bytes()), None, "{text}");
        }
        for (text, expected) in [("1", 1), ("-0.5e+10]", 8), ("10,", 2), ("1-2", 1)] {
            assert_eq!(length(text.as_bytes()), Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_double_stays_itself(bits in any::<u64>()) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite());
            let read = value(&serde_json::to_string(&double).unwrap());
            prop_assert_eq!(read.as_f64(), Some(double));
        }

        #[test]
        fn what_stays_a_number_keeps_its_decimal_value(text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?(e[+-]?[0-9]{1,3})?") {
            match value(&text) {
                Value::String(kept) => prop_assert_eq!(kept, text),
                number => {
                    let written = String::from_utf8(canonical_json(&number)).unwrap();
                    prop_assert!(Decimal::of(&written) == Decimal::of(&text), "{} is not {}", written, text);
                }
            }
        }
    }
}
