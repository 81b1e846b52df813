//! Class names: labels are text and compared exactly. `01234` and `1234` are two classes, and so are `1` and `1.0`,
//! unless the experiment or a flag makes labels numbers.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use thiserror::Error;

use super::left_out::{list_names, short_name};
use super::task::Task;

/// The flag and the key that compare labels as numbers, for messages.
pub const ACCEPT_NUMBERS: &str = "kiln eval --numeric-labels, or data.numeric_labels = true in the experiment, compares them as numbers";

/// Classes by their names.
pub struct ClassNames<'a> {
    names: &'a [String],
    places: HashMap<&'a str, u32>,
    /// Of each number, the first class that is written so, and whether it is the only one.
    numbers: HashMap<u64, (u32, bool)>,
    /// Whether a label that is a class as a number only stands for it.
    numeric: bool,
}

impl<'a> ClassNames<'a> {
    /// The classes of a task.
    pub fn new(names: &'a [String], numeric: bool) -> ClassNames<'a> {
        let numbered = || names.iter().zip(0..);
        let mut numbers = HashMap::new();
        for (name, place) in numbered() {
            if let Some(bits) = number(name).and_then(bits) {
                let known = numbers.entry(bits).or_insert((place, true));
                known.1 = known.0 == place;
            }
        }
        ClassNames {
            names,
            places: numbered()
                .map(|(name, place)| (name.as_str(), place))
                .collect(),
            numbers,
            numeric,
        }
    }

    /// The index of a label's class; `number` is the label as a number, where it is one.
    ///
    /// # Errors
    /// A label that is none.
    pub fn place(&self, label: &str, number: Option<f64>) -> Result<u32, LabelError> {
        if let Some(&place) = self.places.get(label) {
            return Ok(place);
        }
        let equal = number.and_then(|number| self.numbers.get(&bits(number)?));
        match equal {
            Some(&(place, true)) if self.numeric => Ok(place),
            Some(&(place, true)) => Err(LabelError::AsNumber {
                label: label.to_string(),
                class: self.names[place as usize].clone(),
            }),
            Some(_) => Err(LabelError::Ambiguous {
                label: label.to_string(),
                classes: listed(self.names),
            }),
            None => Err(LabelError::Unknown {
                label: label.to_string(),
                classes: listed(self.names),
            }),
        }
    }
}

/// Why a label is no class, in words that follow its column or file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelError {
    /// It is one as a number only.
    #[error(
        "is {label:?}, which is the class {class:?} as a number, but not as text; {ACCEPT_NUMBERS}"
    )]
    AsNumber {
        /// The label.
        label: String,
        /// The class that is the same number.
        class: String,
    },
    /// It is several as a number.
    #[error(
        "is {label:?}, which is several classes as a number, and none as text; expected one of {classes}"
    )]
    Ambiguous {
        /// The label.
        label: String,
        /// The classes that there are.
        classes: String,
    },
    /// It is none.
    #[error("is {label:?}, expected one of the classes {classes}")]
    Unknown {
        /// The label.
        label: String,
        /// The classes that there are.
        classes: String,
    },
}

/// A notice about two classes that are the same number, if there are such.
pub fn equal_classes(task: &Task) -> Option<String> {
    if let Task::Heads(heads) = task {
        return heads.iter().find_map(|head| equal_classes(&head.task));
    }
    let names = task.classes();
    let mut seen = HashMap::new();
    names.iter().find_map(|name| {
        let first = seen.insert(number(name).and_then(bits)?, name)?;
        Some(format!(
            "the classes {first:?} and {name:?} are two names of one number; data.numeric_labels = true makes them one"
        ))
    })
}

/// The number that a name is.
pub fn number(name: &str) -> Option<f64> {
    name.trim().parse().ok()
}

/// Bits that are equal where numbers are.
fn bits(number: f64) -> Option<u64> {
    // Adding makes a 0 of -0.
    number.is_finite().then(|| (number + 0.0).to_bits())
}

/// Names for a message, at most twenty.
pub fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    match names.len().checked_sub(20).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", shown.join(", ")),
        None => shown.join(", "),
    }
}

/// The warning that a split has no sample of some classes.
pub fn absent<S: AsRef<str>>(classes: &[S], of: &str) -> Option<String> {
    (!classes.is_empty()).then(|| {
        let (it, has) = match classes.len() {
            1 => ("this class", "has"),
            _ => ("these classes", "have"),
        };
        format!(
            "{of} has no image of {}; {it} {has} no figures there",
            list_names(classes)
        )
    })
}

/// Checks that two lists of class names are the same, in any order.
///
/// # Errors
/// Names that one of them lacks.
pub fn same_classes(
    expected: &[String],
    found: &[String],
    expected_in: &str,
    found_in: &str,
) -> Result<(), DifferentClasses> {
    if expected == found {
        return Ok(());
    }
    let (here, there): (HashSet<&String>, HashSet<&String>) =
        (expected.iter().collect(), found.iter().collect());
    let all: BTreeSet<&String> = expected.iter().chain(found).collect();
    // What differs comes first: of thousands of classes only some are shown.
    let (mut names, same): (Vec<&String>, Vec<&String>) = all
        .into_iter()
        .partition(|name| here.contains(name) != there.contains(name));
    if names.is_empty() {
        return Ok(());
    }
    let more = (names.len() + same.len()).saturating_sub(CLASSES_SHOWN);
    names.extend(same);
    names.truncate(CLASSES_SHOWN);
    names.sort();
    let mark = |name: &String| {
        let shown = short_name(name).into_owned();
        (shown, [here.contains(name), there.contains(name)])
    };
    Err(DifferentClasses {
        sides: [expected_in.to_string(), found_in.to_string()],
        names: names.into_iter().map(mark).collect(),
        more,
    })
}

/// Two lists of class names that are not the same; shown as a table, in words that follow the second.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct DifferentClasses {
    /// What the lists are called by.
    sides: [String; 2],
    /// Names, and which of the lists has them.
    names: Vec<(String, [bool; 2])>,
    /// How many names are not shown.
    more: usize,
}

impl fmt::Display for DifferentClasses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [expected, found] = &self.sides;
        let widths = self.names.iter().map(|(name, _)| name.chars().count());
        let (width, column) = (widths.max().unwrap_or(0).max(5), expected.chars().count());
        write!(
            out,
            "has other classes than {expected}:\n  {:width$}  {expected}  {found}",
            "class"
        )?;
        for (name, has) in &self.names {
            let [here, there] = has.map(|has| if has { "yes" } else { "MISSING" });
            write!(out, "\n  {name:width$}  {here:column$}  {there}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(out, "\n  and {more} more"),
        }
    }
}

/// The place of each name; the first of equal ones.
pub fn index_of(names: &[String]) -> HashMap<&str, usize> {
    let numbered = names.iter().enumerate().rev();
    numbered
        .map(|(index, name)| (name.as_str(), index))
        .collect()
}

/// Classes that a table of differences shows.
pub const CLASSES_SHOWN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(classes: &ClassNames<'_>, label: &str) -> Result<u32, LabelError> {
        classes.place(label, number(label))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn names_are_compared_letter_for_letter() {
        let all = names(&[
            "01234", "1234", "007", "7", "1e2", "100", "a", "A", "-0", "0",
        ]);
        for numeric in [false, true] {
            let classes = ClassNames::new(&all, numeric);
            for (index, name) in all.iter().enumerate() {
                assert_eq!(place(&classes, name), Ok(index as u32), "{name}");
            }
            let message = place(&classes, "7.0")
                .expect_err("of two classes")
                .to_string();
            assert!(message.contains("several classes"), "{message}");
        }
    }

    #[test]
    fn classes_that_are_one_number_are_reported() {
        let message = |all: &[&str]| equal_classes(&Task::Classes(names(all)));
        assert_eq!(message(&["0", "1", "a", "A"]), None);
        let notice = message(&["7", "a", "007"]).expect("a notice");
        assert!(notice.contains("\"7\" and \"007\""), "{notice}");
    }

    #[test]
    fn a_label_that_is_a_class_as_a_number_needs_to_be_allowed() {
        let all = names(&["0", "1", "b"]);
        let message = place(&ClassNames::new(&all, false), "1.0")
            .expect_err("not allowed")
            .to_string();
        assert!(
            message.contains("the class \"1\"") && message.contains("--numeric-labels"),
            "{message}"
        );
        let classes = ClassNames::new(&all, true);
        assert_eq!(
            [place(&classes, "1.0"), place(&classes, "-0e5")],
            [Ok(1), Ok(0)]
        );
        let message = place(&classes, "2").expect_err("no class").to_string();
        assert_eq!(message, "is \"2\", expected one of the classes 0, 1, b");
        assert!(place(&classes, "nan").is_err());
    }
}
