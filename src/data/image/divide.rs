//! Validation samples split off those of training.

use super::copies::digests;
use super::labelling::choose;
use super::labelling::options::Names;
use super::samples::Split;
use crate::config::Fault;
use crate::data::core::class_names::absent;
use crate::data::core::faults::key;

/// A split made by chance.
pub struct Divided {
    /// The training split.
    pub train: Split,
    /// The validation split.
    pub valid: Split,
    /// Where the validation split comes from, as a message.
    pub from: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Splits a share of each class off the training samples. Copies of one image stay together; a class of one
/// image stays in training.
///
/// # Errors
/// Classes of which none has an image to spare.
pub fn divide(
    all: Split,
    classes: &[String],
    fraction: f64,
    seed: u64,
) -> Result<Divided, Vec<Fault>> {
    divide_named(all, &Names::Classes(classes.to_vec()), fraction, seed)
}

/// Splits validation samples off files whose classes or labels have names; copies of one image stay together.
///
/// # Errors
/// A split without samples.
pub fn divide_named(
    all: Split,
    names: &Names,
    fraction: f64,
    seed: u64,
) -> Result<Divided, Vec<Fault>> {
    let (digests, copies) = digests(&all);
    // Sets of labels are of many kinds, each rare: they are not split one by one.
    let by_class = matches!(names, Names::Classes(_));
    let class = |index: usize| {
        if by_class {
            all.samples[index].class as usize
        } else {
            0
        }
    };
    let samples: Vec<(u64, usize)> = (0..all.len())
        .map(|index| (digests[index], class(index)))
        .collect();
    let chosen = choose(&samples, fraction, seed);
    let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
    let valid = all.clone().filter(&chosen);
    if valid.is_empty() {
        let message =
            "leaves no validation picture: no class has two pictures that are not copies of one";
        let fault = Fault::new(key("valid_fraction"), message);
        return Err(vec![fault.hint(
            "add pictures, or name a folder of other pictures in data.valid",
        )]);
    }
    let of_each = match by_class {
        true => "of each class",
        false => "of all",
    };
    let mut from = format!("{fraction} {of_each}, split off with seed {seed}");
    if copies > 0 {
        let copies = match copies {
            1 => "1 copy of another picture stays".to_string(),
            n => format!("{n} copies of other pictures stay"),
        };
        from.push_str(&format!("; {copies} on the other's side"));
    }
    let mut warnings = Vec::new();
    if let Names::Classes(classes) = names {
        let counts = valid.counts(classes.len());
        let empty = classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        let empty: Vec<&String> = empty.map(|(name, _)| name).collect();
        warnings.extend(absent(&empty, "the validation split").map(|text| {
            format!("{text}: too few pictures to hold one back (add some, or leave the class out)")
        }));
    }
    Ok(Divided {
        train: all.filter(&others),
        valid,
        from,
        warnings,
    })
}
