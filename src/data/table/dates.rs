//! Parses dates and times in common formats.

use super::calendar::{Moment, valid};

/// The format of a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// 2020-01-31, 2020/1/31, 2020-01, with or without a time behind it.
    YearFirst,
    /// 31.01.2020, 31/1/20
    DayFirst,
    /// 01/31/2020, 1-31-20
    MonthFirst,
    /// 31 Jan 2020, January 31, 2020, Fri, 31 Jan 2020 10:00:00 +0100
    Named,
    /// 20200131
    Compact,
    /// 10:30, 10:30:15.5, 9:05 pm
    Time,
    /// Seconds since 1970
    Unix,
    /// Milliseconds since 1970
    UnixMillis,
}

/// Every form with its name in an experiment. Forms that are recognized without being named come first, in order of
/// preference for ambiguous columns.
pub const FORMS: [(&str, DateForm); 8] = [
    ("year-month-day", DateForm::YearFirst),
    ("month/day/year", DateForm::MonthFirst),
    ("day.month.year", DateForm::DayFirst),
    ("day month-name year", DateForm::Named),
    ("time", DateForm::Time),
    ("yyyymmdd", DateForm::Compact),
    ("unix-seconds", DateForm::Unix),
    ("unix-milliseconds", DateForm::UnixMillis),
];

/// The number of forms that are recognized by the fields alone.
pub const RECOGNIZED: usize = 5;

impl DateForm {
    /// The name in an experiment.
    pub fn name(self) -> &'static str {
        let found = FORMS.iter().find(|(_, form)| *form == self);
        found.map_or("", |(name, _)| name)
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The place of a word, or of its first three or four letters, in a list.
fn named(word: &str, names: &[&str]) -> Option<u32> {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let long = word.len() >= 3 && word.is_ascii();
    let place = names
        .iter()
        .position(|name| long && name.starts_with(&*word))?;
    Some(place as u32 + 1)
}

/// Parses a field in this form.
pub fn read(field: &str, form: DateForm) -> Option<Moment> {
    let field = field.trim();
    if field.is_empty() || field.len() > 48 || !field.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match form {
        DateForm::Unix => return since_1970(field.parse().ok()?),
        DateForm::UnixMillis => return since_1970(field.parse::<f64>().ok()? / 1000.0),
        DateForm::Compact => {
            let digits = field.strip_suffix(".0").unwrap_or(field);
            let compact = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = digits.parse().ok().filter(|_| compact)?;
            let day = valid(i64::from(number / 10_000), number / 100 % 100, number % 100)?;
            return Some(Moment { day, seconds: 0.0 });
        }
        _ => {}
    }
    let (date, seconds) = split_time(field)?;
    let day = match form {
        DateForm::Time if date.is_empty() => {
            return Some(Moment {
                day: 0,
                seconds: seconds?,
            });
        }
        DateForm::Time => return None,
        _ => read_date(&date, form)?,
    };
    let seconds = seconds.unwrap_or(0.0);
    Some(Moment { day, seconds })
}

fn since_1970(seconds: f64) -> Option<Moment> {
    if !(0.0..1e11).contains(&seconds) {
        return None;
    }
    let day = (seconds / 86_400.0).floor();
    Some(Moment {
        day: day as i64,
        seconds: seconds - day * 86_400.0,
    })
}

/// Splits a field into the parts of the date and the seconds of the day.
fn split_time(field: &str) -> Option<(Vec<&str>, Option<f64>)> {
    let mut date = Vec::new();
    let mut seconds: Option<f64> = None;
    // The T of ISO 8601 stands between digits.
    let split = field.char_indices().find(|(at, c)| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = field.as_bytes();
        matches!(c, 'T' | 't') && *at > 0 && digit(bytes.get(at - 1)) && digit(bytes.get(at + 1))
    });
    let halves = match split {
        Some((at, _)) => [&field[..at], &field[at + 1..]],
        None => [field, ""],
    };
    let words = halves
        .into_iter()
        .flat_map(|half| half.split([' ', ',', '\u{A0}', '\u{202F}']));
    for word in words.filter(|word| !word.is_empty()) {
        let lower = word.to_ascii_lowercase();
        if word.contains(':') && seconds.is_none() {
            seconds = Some(read_time(word)?);
        } else if let ("am" | "pm" | "a.m." | "p.m.", Some(time)) = (&*lower, seconds) {
            seconds = Some(half_day(time, lower.starts_with('p'))?);
        } else if seconds.is_some() && is_zone(word) {
            // As it is written: zones are not converted.
        } else if named(word, &WEEKDAYS).is_some() {
            // Follows from the date.
        } else {
            date.push(word);
        }
    }
    Some((date, seconds))
}

fn is_zone(word: &str) -> bool {
    let letters = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let offset = word.strip_prefix(['+', '-']);
    let digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    letters || offset.is_some_and(digits)
}

fn half_day(seconds: f64, after_noon: bool) -> Option<f64> {
    let half = 43_200.0;
    match seconds < half + 3600.0 {
        true => Some(seconds % half + if after_noon { half } else { 0.0 }),
        false => None,
    }
}

/// Seconds of `10:30`, `10:30:15.5`, `10:30Z`, `9:05pm`, `10:30+02:00`.
fn read_time(word: &str) -> Option<f64> {
    let lower = word.to_ascii_lowercase();
    let (time, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(time), _) => (time, Some(false)),
        (_, Some(time)) => (time, Some(true)),
        _ => (&*lower, None),
    };
    let end = time.find(['z', '+', '-']).unwrap_or(time.len());
    if !is_zone(&time[end..].to_ascii_uppercase()) {
        return None;
    }
    let parts: Vec<&str> = time[..end].split(':').collect();
    let whole = |text: &str, most: u32| -> Option<f64> {
        let digits =
            (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = text.parse().ok().filter(|_| digits)?;
        (number <= most).then_some(f64::from(number))
    };
    let (hour, minute) = match parts[..] {
        [hour, minute] | [hour, minute, _] if minute.len() == 2 => {
            (whole(hour, 24)?, whole(minute, 59)?)
        }
        _ => return None,
    };
    let second = match parts.get(2) {
        Some(text) => {
            let plain = text.len() >= 2
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse::<f64>()
                .ok()
                .filter(|second| plain && *second < 61.0)?
        }
        None => 0.0,
    };
    let seconds = hour * 3600.0 + minute * 60.0 + second;
    match half {
        Some(after_noon) => half_day(seconds, after_noon),
        None => (seconds <= 86_400.0).then_some(seconds),
    }
}

fn read_date(words: &[&str], form: DateForm) -> Option<i64> {
    // A time alone has no words of a date.
    if words.is_empty() || words.len() > 3 {
        return None;
    }
    let parts: Vec<&str> = match form {
        DateForm::Named => words
            .iter()
            .flat_map(|word| word.split(['-', '/', '.']))
            .collect(),
        _ if words.len() == 1 => words[0].split(['-', '/', '.']).collect(),
        _ => return None,
    };
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let number = |text: &str, most: usize| -> Option<u32> {
        let digits = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    let year = |text: &str| -> Option<i64> {
        let number = i64::from(number(text, 4)?);
        match text.len() {
            4 => Some(number),
            2 if number < 70 => Some(2000 + number),
            2 => Some(1900 + number),
            _ => None,
        }
    };
    // 1.2.03 is rather a version.
    let dotted = words[0].contains('.') && words[0].len() < 8;
    match (form, &parts[..]) {
        (DateForm::YearFirst, [y, m, d]) if y.len() == 4 => {
            valid(year(y)?, number(m, 2)?, number(d, 2)?)
        }
        (DateForm::YearFirst, [y, m])
            if y.len() == 4 && m.len() == 2 && !words[0].contains('.') =>
        {
            valid(year(y)?, number(m, 2)?, 1)
        }
        (DateForm::DayFirst, [d, m, y]) if !dotted => valid(year(y)?, number(m, 2)?, number(d, 2)?),
        (DateForm::MonthFirst, [m, d, y]) if !dotted => {
            valid(year(y)?, number(m, 2)?, number(d, 2)?)
        }
        (DateForm::Named, _) => read_named(&parts, &number, &year),
        _ => None,
    }
}

/// A date of which one part is the name of a month.
fn read_named(
    parts: &[&str],
    number: &dyn Fn(&str, usize) -> Option<u32>,
    year: &dyn Fn(&str) -> Option<i64>,
) -> Option<i64> {
    let ordinal = |text: &str| {
        let plain = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        number(plain, 2)
    };
    let month = |text: &str| named(text, &MONTHS);
    match parts {
        [m, y] if month(m).is_some() => valid(year(y)?, month(m)?, 1),
        [y, m] if y.len() == 4 => valid(year(y)?, month(m)?, 1),
        [m, d, y] if month(m).is_some() => valid(year(y)?, month(m)?, ordinal(d)?),
        [y, m, d] if y.len() == 4 => valid(year(y)?, month(m)?, ordinal(d)?),
        [d, m, y] => valid(year(y)?, month(m)?, ordinal(d)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::calendar::civil;

    fn parsed(field: &str, form: DateForm) -> Option<(i64, u32, u32, f64)> {
        let moment = read(field, form)?;
        let (year, month, day) = civil(moment.day);
        Some((year, month, day, moment.seconds))
    }

    #[test]
    fn dates_are_read_in_the_usual_forms() {
        let date = Some((2020, 2, 29, 0.0));
        let time = Some((2020, 2, 29, 37_815.0));
        for (field, form, expected) in [
            ("2020-02-29", DateForm::YearFirst, date),
            ("2020/2/29", DateForm::YearFirst, date),
            ("2020-02-29T10:30:15Z", DateForm::YearFirst, time),
            ("2020-02-29 10:30:15+02:00", DateForm::YearFirst, time),
            ("2020-02-29T10:30:15.000+0200", DateForm::YearFirst, time),
            ("2020-02-29 10:30:15 UTC", DateForm::YearFirst, time),
            ("29.02.2020", DateForm::DayFirst, date),
            ("29/2/20", DateForm::DayFirst, date),
            ("2/29/2020 10:30:15 AM", DateForm::MonthFirst, time),
            ("29 Feb 2020", DateForm::Named, date),
            ("29-Feb-20", DateForm::Named, date),
            ("February 29, 2020", DateForm::Named, date),
            ("Feb 29th, 2020", DateForm::Named, date),
            ("Sat, 29 Feb 2020 10:30:15 +0000", DateForm::Named, time),
            ("20200229", DateForm::Compact, date),
            ("1582934400", DateForm::Unix, date),
            ("1582934400000", DateForm::UnixMillis, date),
        ] {
            assert_eq!(parsed(field, form), expected, "{field}");
        }
        assert_eq!(
            read("9:05 pm", DateForm::Time).map(|m| m.seconds),
            Some(75_900.0)
        );
        assert_eq!(
            read("12:00am", DateForm::Time).map(|m| m.seconds),
            Some(0.0)
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for (field, form) in [
            ("2019-02-29", DateForm::YearFirst),
            ("2020-13-01", DateForm::YearFirst),
            ("2020.5", DateForm::YearFirst),
            ("1.2.03", DateForm::DayFirst),
            ("192.168.0.1", DateForm::DayFirst),
            ("1.2.3", DateForm::DayFirst),
            ("555-1234", DateForm::MonthFirst),
            ("3:1", DateForm::Time),
            ("75:30", DateForm::Time),
            ("12", DateForm::Time),
            ("10:30", DateForm::YearFirst),
            ("10:30", DateForm::Named),
            ("Mon 10:30", DateForm::DayFirst),
            ("may", DateForm::Named),
            ("12 kg", DateForm::Named),
        ] {
            assert_eq!(read(field, form), None, "{field}");
        }
    }
}
