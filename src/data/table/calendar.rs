//! Points in time, calendar arithmetic, and the parts of a date that become inputs.

use serde::{Deserialize, Serialize};

/// A point in time as written: time zones are not converted, so the hour is local time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Days since 1970-01-01; 0 where only a time is known.
    pub day: i64,
    /// Seconds of the day.
    pub seconds: f64,
}

/// The parts of a point in time that can become inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// A number.
    Year,
    /// Days since 1970, with the fraction of the day: a number.
    Days,
    /// Cyclic: two inputs, sine and cosine.
    Month,
    /// Cyclic, from Monday.
    Weekday,
    /// Cyclic, with minutes.
    Hour,
}

impl DatePart {
    /// All of them.
    pub const ALL: [DatePart; 5] = [
        DatePart::Year,
        DatePart::Days,
        DatePart::Month,
        DatePart::Weekday,
        DatePart::Hour,
    ];

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            DatePart::Year => "year",
            DatePart::Days => "days since the first",
            DatePart::Month => "month",
            DatePart::Weekday => "day of week",
            DatePart::Hour => "hour",
        }
    }

    /// The period of a cyclic part.
    pub fn period(self) -> Option<f64> {
        match self {
            DatePart::Year | DatePart::Days => None,
            DatePart::Month => Some(12.0),
            DatePart::Weekday => Some(7.0),
            DatePart::Hour => Some(24.0),
        }
    }

    /// Inputs of the net.
    pub fn inputs(self) -> usize {
        1 + usize::from(self.period().is_some())
    }

    /// Its number.
    pub fn of(self, moment: Moment) -> f64 {
        let (year, month, _) = civil(moment.day);
        match self {
            DatePart::Year => year as f64,
            DatePart::Days => moment.day as f64 + moment.seconds / 86_400.0,
            DatePart::Month => f64::from(month - 1),
            // 1970-01-01 was a Thursday.
            DatePart::Weekday => (moment.day + 3).rem_euclid(7) as f64,
            DatePart::Hour => moment.seconds / 3600.0,
        }
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of days since 1970-01-01 (`civil_from_days`).
pub fn civil(day: i64) -> (i64, u32, u32) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = (of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (year + era * 400 + i64::from(month <= 2), month, date)
}

/// The day of a date; `None` if there is no such date.
pub fn valid(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let known = (1..=days).contains(&day) && (1000..=9999).contains(&year);
    known.then(|| day_of(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (day, date) in [
            (0, (1970, 1, 1)),
            (18_321, (2020, 2, 29)),
            (-1, (1969, 12, 31)),
        ] {
            assert_eq!(civil(day), date);
            assert_eq!(day_of(date.0, date.1, date.2), day);
        }
        let thursday = Moment {
            day: 0,
            seconds: 0.0,
        };
        assert_eq!(DatePart::Weekday.of(thursday), 3.0);
    }
}
