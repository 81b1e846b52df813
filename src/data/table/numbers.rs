//! Parses formatted numbers: with a currency or unit, thousands separators, a decimal comma, or in brackets if negative.

/// The number format of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberFormat {
    /// The prefix, such as a currency.
    pub before: String,
    /// The thousands separator.
    pub thousands: Option<char>,
    /// The decimal separator.
    pub decimal: char,
    /// The suffix, such as a unit or `%`.
    pub after: String,
}

/// Digit patterns: an example, the thousands separator, the decimal separator. In order of preference for ambiguous
/// columns.
pub const PATTERNS: [(&str, Option<char>, char); 8] = [
    ("1234.5", None, '.'),
    ("1,234.5", Some(','), '.'),
    ("1.234,5", Some('.'), ','),
    ("1 234,5", Some(' '), ','),
    ("1 234.5", Some(' '), '.'),
    ("1'234.5", Some('\''), '.'),
    ("1'234,5", Some('\''), ','),
    ("1234,5", None, ','),
];

/// Currency codes and abbreviations; symbols such as `$` and `€` are recognized as well.
const CURRENCIES: [&str; 24] = [
    "usd", "eur", "gbp", "jpy", "chf", "cny", "rmb", "inr", "cad", "aud", "nzd", "sek", "nok",
    "dkk", "pln", "brl", "r$", "us$", "rs", "rs.", "kr", "kr.", "zł", "fr.",
];
/// Suffixes that scale a number: a column in which only some numbers have one is ambiguous.
const SCALES: [&str; 8] = ["k", "m", "b", "bn", "mn", "mio", "mrd", "t"];
/// The longest unit, in characters.
const MAX_UNIT: usize = 12;

/// A field split into prefix, digits with separators, and suffix.
pub struct Parts<'a> {
    pub before: &'a str,
    pub digits: &'a str,
    pub after: &'a str,
    negative: bool,
    /// Whether it is negative by brackets or by another minus than `-`.
    pub accounting: bool,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}')
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{2013}')
}

/// Splits a field; `None` if it holds no digits, or more than one run of digits.
pub fn take_apart(field: &str) -> Option<Parts<'_>> {
    let mut text = field.trim();
    if text.len() > 64 || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (mut negative, mut accounting) = (false, false);
    if let Some(inner) = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        (text, negative, accounting) = (inner.trim(), true, true);
    }
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    // .5 and ,5 begin with the decimal sign.
    let begin = match text[..begin].chars().next_back() {
        Some(sign @ ('.' | ',')) => {
            let rest = &text[..begin - sign.len_utf8()];
            let free = rest.chars().next_back().is_none_or(|c| !c.is_alphabetic());
            if free { begin - sign.len_utf8() } else { begin }
        }
        _ => begin,
    };
    let mut before = text[..begin].trim();
    // A sign before or behind the currency.
    if let Some(rest) = before
        .strip_suffix(is_minus)
        .or(before.strip_prefix(is_minus))
    {
        accounting |= !before.contains('-');
        (before, negative) = (rest.trim(), !negative);
    } else if let Some(rest) = before.strip_suffix('+').or(before.strip_prefix('+')) {
        before = rest.trim();
    }
    let rest = &text[begin..];
    let mut end = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_digit = chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let inner = matches!(c, '.' | ',' | '\'' | '\u{2019}') || is_space(c);
        if c.is_ascii_digit()
            || (inner && next_digit)
            || (matches!(c, '.' | ',') && at == end && at > 0)
        {
            end = at + c.len_utf8();
        } else {
            break;
        }
    }
    let digits = &rest[..end];
    let mut after = rest[end..].trim();
    if let Some(inner) = after.strip_suffix(is_minus)
        && inner.is_empty()
    {
        (after, negative, accounting) = ("", !negative, true);
    }
    let clean = |unit: &str| !unit.contains(|c: char| c.is_ascii_digit());
    (clean(before) && clean(after)).then_some(Parts {
        before,
        digits,
        after,
        negative,
        accounting,
    })
}

/// Whether a text may stand before a number: a currency, or nothing.
pub fn may_precede(before: &str) -> bool {
    let sign = |c: char| "$€£¥₹₽₩₺₫₴₦₱฿₿¢₡₪₲₵₸₼₾".contains(c);
    before.is_empty()
        || CURRENCIES.contains(&&*before.to_lowercase())
        || (before.chars().any(sign) && before.chars().count() <= 4)
        || matches!(before, "~" | "≈" | "ca." | "#")
}

/// Whether a text may stand behind a number: a unit, or nothing.
pub fn may_follow(after: &str) -> bool {
    let letter = |c: char| c.is_alphabetic() || "%‰°/²³$€£¥₹₽₩₺₫₴₦₱฿µ\"'. ^*".contains(c);
    after.chars().count() <= MAX_UNIT
        && after.chars().all(letter)
        && after.split_whitespace().count() <= 2
        && !matches!(
            after,
            "." | "st" | "nd" | "rd" | "th" | "am" | "pm" | "AM" | "PM"
        )
}

/// Whether numbers without this unit among those with it would be of another size.
pub fn scales(after: &str) -> bool {
    SCALES.contains(&&*after.to_lowercase())
}

/// Parses digits with separators.
pub fn read_digits(digits: &str, thousands: Option<char>, decimal: char) -> Option<f64> {
    let (whole, decimals) = match digits.find(decimal) {
        Some(at) => (&digits[..at], &digits[at + decimal.len_utf8()..]),
        None => (digits, ""),
    };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut plain = String::with_capacity(digits.len() + 1);
    let separates = |c: char| match thousands {
        Some(' ') => is_space(c),
        Some('\'') => c == '\'' || c == '\u{2019}',
        Some(other) => c == other,
        None => false,
    };
    if whole.contains(separates) {
        let groups: Vec<&str> = whole.split(separates).collect();
        let (first, last) = (groups[0], groups[groups.len() - 1]);
        // In India every group but the last has two digits.
        let inner = &groups[1..groups.len() - 1];
        let three = inner.iter().all(|group| group.len() == 3);
        let two = thousands == Some(',') && inner.iter().all(|group| group.len() == 2);
        if first.is_empty()
            || first.len() > 3
            || first.starts_with('0')
            || last.len() != 3
            || !(three || two)
        {
            return None;
        }
        plain.extend(groups);
    } else {
        plain.push_str(whole);
    }
    if !plain.bytes().all(|byte| byte.is_ascii_digit()) || (plain.is_empty() && decimals.is_empty())
    {
        return None;
    }
    plain.push('.');
    plain.push_str(decimals);
    if plain.starts_with('.') {
        plain.insert(0, '0');
    }
    if plain.ends_with('.') {
        plain.pop();
    }
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

impl NumberFormat {
    /// Parses a field in this format.
    pub fn read(&self, field: &str) -> Option<f64> {
        let same =
            |found: &str, expected: &str| found.is_empty() || found.eq_ignore_ascii_case(expected);
        let parts = take_apart(field)
            .filter(|parts| same(parts.before, &self.before) && same(parts.after, &self.after));
        let Some(parts) = parts else {
            // 1e5 is a plain number too.
            let plain = self.decimal == '.' && field.contains(['e', 'E']);
            let number: Option<f64> = if plain {
                field.trim().parse().ok()
            } else {
                None
            };
            return number.filter(|number| number.is_finite());
        };
        let number = read_digits(parts.digits, self.thousands, self.decimal)?;
        Some(if parts.negative { -number } else { number })
    }

    /// The number of 1234.5 in this form.
    pub fn text(&self) -> String {
        let of_pattern = |(_, thousands, decimal): &&(&str, Option<char>, char)| {
            (*thousands, *decimal) == (self.thousands, self.decimal)
        };
        let pattern = PATTERNS
            .iter()
            .find(of_pattern)
            .map_or("1234.5", |(text, ..)| text);
        let space = match self.after.chars().next() {
            Some(c) if c.is_alphabetic() => " ",
            _ => "",
        };
        let before = match self.before.chars().next_back() {
            Some(c) if c.is_alphabetic() || c == '.' => format!("{} ", self.before),
            _ => self.before.clone(),
        };
        format!("{before}{pattern}{space}{}", self.after)
    }

    /// The format of an example: 1234.5 with separators, prefix and suffix.
    pub fn parse(text: &str) -> Option<NumberFormat> {
        let found = PATTERNS.iter().find_map(|(pattern, thousands, decimal)| {
            let at = text.find(pattern)?;
            Some((at, pattern, *thousands, *decimal))
        });
        let (at, pattern, thousands, decimal) = found?;
        let (before, after) = (text[..at].trim(), text[at + pattern.len()..].trim());
        let clean = |unit: &str| !unit.contains(|c: char| c.is_ascii_digit());
        (clean(before) && clean(after)).then(|| NumberFormat {
            before: before.to_string(),
            thousands,
            decimal,
            after: after.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let read =
            |format: &str, field: &str| NumberFormat::parse(format).expect("a format").read(field);
        for (format, field, expected) in [
            ("$1,234.5", "$64,336.71", 64336.71),
            ("$1,234.5", "$ 1,234.50", 1234.5),
            ("$1,234.5", "-$5.00", -5.0),
            ("$1,234.5", "($1,200)", -1200.0),
            ("1234.5%", "12%", 12.0),
            ("1234.5%", "-4.5 %", -4.5),
            ("1.234,5€", "1.234,5 €", 1234.5),
            ("1.234,5", "1.234.567", 1_234_567.0),
            ("1234,5", "44,11", 44.11),
            ("1234,5", ",5", 0.5),
            ("1234.5 kg", "12 kg", 12.0),
            ("1234.5 km", "3.5km", 3.5),
            ("1 234,5", "1\u{A0}234,5", 1234.5),
            ("1'234.5", "1’234.50", 1234.5),
            ("1,234.5", "12,34,567", 1_234_567.0),
            ("1234.5", "12-", -12.0),
            ("1234.5", "\u{2212}3", -3.0),
            ("1234.5 kg", "1e3", 1000.0),
        ] {
            assert_eq!(read(format, field), Some(expected), "{field} in {format}");
        }
        for (format, field) in [
            ("1,234.5", "1,23"),
            ("1,234.5", "0,123"),
            ("1234,5", "1.5"),
            ("1234.5 kg", "12 g"),
            ("1234.5", "12:30"),
            ("1234.5", "1.2.3"),
            ("1234.5", "A12"),
            ("1234.5", "555-1234"),
        ] {
            assert_eq!(read(format, field), None, "{field} in {format}");
        }
    }

    #[test]
    fn a_format_is_written_as_an_example_and_read_again() {
        for text in [
            "1234.5",
            "$1,234.5",
            "1.234,5€",
            "1234.5 kg",
            "1234.5%",
            "CHF 1'234.5",
            "1 234,5 kr",
        ] {
            let format = NumberFormat::parse(text).expect("a format");
            assert_eq!(format.text(), text);
            assert_eq!(NumberFormat::parse(&format.text()), Some(format));
        }
        assert_eq!(NumberFormat::parse("dollars"), None);
    }
}
