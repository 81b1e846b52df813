//! Files and rows that are skipped, by reason: one type for folders, archives, text folders and tables, printed by
//! every command in the same way.

use std::borrow::Cow;

use serde::Serialize;

/// Names that are kept for each reason.
const FIRST: usize = 5;

/// The most distinct reasons that are kept: each row of a table may have its own.
const REASONS: usize = 32;

/// Skipped names by reason, in the order of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LeftOut {
    reasons: Vec<Reason>,
}

/// The names that were skipped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Why, in words that follow "left out: 3 files, ".
    pub reason: String,
    /// How many names.
    pub count: usize,
    /// The first of them.
    pub first: Vec<String>,
}

impl LeftOut {
    /// Adds a name.
    pub fn add(&mut self, reason: &str, name: impl FnOnce() -> String) {
        let entry = self.entry(reason);
        entry.count += 1;
        if entry.first.len() < FIRST {
            entry.first.push(name());
        }
    }

    /// Adds everything that another listing skipped.
    pub fn merge(&mut self, other: LeftOut) {
        for theirs in other.reasons {
            let entry = self.entry(&theirs.reason);
            entry.count += theirs.count;
            let room = FIRST - entry.first.len().min(FIRST);
            entry.first.extend(theirs.first.into_iter().take(room));
        }
    }

    fn entry(&mut self, reason: &str) -> &mut Reason {
        let known = |reason: &str| self.reasons.iter().any(|known| known.reason == reason);
        let reason = match self.reasons.len() < REASONS || known(reason) {
            true => reason,
            false => "other reasons",
        };
        let known = self.reasons.iter().position(|known| known.reason == reason);
        let index = known.unwrap_or_else(|| {
            self.reasons.push(Reason {
                reason: reason.to_string(),
                count: 0,
                first: Vec::new(),
            });
            self.reasons.len() - 1
        });
        &mut self.reasons[index]
    }

    /// Whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// All names, of every reason.
    pub fn count(&self) -> usize {
        self.reasons.iter().map(|reason| reason.count).sum()
    }

    /// Each reason with its names.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

/// Characters of a name that messages and tables show.
const SHOWN: usize = 80;
/// Names of a list that messages show.
const LISTED: usize = 20;

/// A name for messages and tables: long ones lose their middle, never half a character; control characters,
/// which a terminal would obey, are written out.
pub fn short_name(name: &str) -> Cow<'_, str> {
    if name.contains(char::is_control) {
        let escaped = |c: char| match c.is_control() {
            true => c.escape_default().to_string(),
            false => c.to_string(),
        };
        let beginning = name.chars().take(4 * SHOWN);
        let end = name
            .chars()
            .rev()
            .take(SHOWN)
            .collect::<Vec<_>>()
            .into_iter()
            .rev();
        let escaped: String = match name.chars().nth(5 * SHOWN) {
            None => name.chars().map(escaped).collect(),
            Some(_) => beginning.chain(end).map(escaped).collect(),
        };
        return shorten(&escaped).into_owned().into();
    }
    shorten(name)
}

fn shorten(name: &str) -> Cow<'_, str> {
    // A name of few bytes has few characters; only others are counted.
    if name.len() <= SHOWN || name.chars().nth(SHOWN).is_none() {
        return name.into();
    }
    let head: String = name.chars().take(SHOWN - 21).collect();
    let tail = name.char_indices().rev().nth(19).map_or(0, |(at, _)| at);
    format!("{head}…{}", &name[tail..]).into()
}

/// Names for a message, shortened, at most twenty.
pub fn list_names<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<_> = names
        .iter()
        .take(LISTED)
        .map(|name| short_name(name.as_ref()))
        .collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_by_reason_and_the_first_are_kept() {
        let mut left_out = LeftOut::default();
        for number in 0..9 {
            left_out.add("hidden", || format!(".{number}"));
        }
        let mut other = LeftOut::default();
        other.add("a text", || "README".to_string());
        other.add("hidden", || ".git/".to_string());
        left_out.merge(other);
        assert_eq!(left_out.count(), 11);
        let counts: Vec<_> = left_out
            .reasons()
            .iter()
            .map(|r| (&*r.reason, r.count))
            .collect();
        assert_eq!(counts, [("hidden", 10), ("a text", 1)]);
        assert_eq!(left_out.reasons()[0].first.len(), FIRST);
        let json = serde_json::to_value(&left_out).expect("JSON");
        assert_eq!(
            json[1],
            serde_json::json!({"reason": "a text", "count": 1, "first": ["README"]})
        );
    }

    #[test]
    fn long_names_keep_both_ends_and_whole_characters() {
        assert_eq!(short_name("cats"), "cats");
        let exact = "é".repeat(SHOWN);
        assert_eq!(short_name(&exact), exact);
        let long = format!("a{}z", "é".repeat(100_000));
        let short = short_name(&long);
        assert_eq!(short.chars().count(), SHOWN);
        assert!(short.starts_with("aé") && short.ends_with("éz") && short.contains('…'));
        assert_eq!(short_name("a\u{1b}[31m\tb"), "a\\u{1b}[31m\\tb");
        let many: Vec<String> = (0..25).map(|i| i.to_string()).collect();
        assert!(list_names(&many).ends_with("19 and 5 more"));
    }
}
