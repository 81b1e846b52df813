//! Validation images split off those of training.

use super::copies::digests;
use super::labelling::options::Names;
use super::samples::Split;
use crate::config::Fault;
use crate::data::core::class_names::absent;
use crate::data::core::faults::key;
use crate::data::loading::divided::{Divided, Samples};
use crate::data::loading::split_keys::SplitOff;

impl Samples for Split {
    fn count(&self) -> usize {
        self.len()
    }

    fn divide(self, chosen: &[bool]) -> [Split; 2] {
        let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
        let valid = self.clone().filter(chosen);
        [self.filter(&others), valid]
    }
}

/// Splits a share of each class off the training samples. Copies of one image stay together; a class of one
/// image stays in training.
///
/// # Errors
/// Classes of which none has an image to spare.
pub fn divide(
    all: Split,
    classes: &[String],
    split_off: SplitOff,
) -> Result<Divided<Split>, Vec<Fault>> {
    divide_named(all, &Names::Classes(classes.to_vec()), split_off)
}

/// Splits validation samples off files whose classes or labels have names; copies of one image stay together.
///
/// # Errors
/// A split without samples.
pub fn divide_named(
    all: Split,
    names: &Names,
    split_off: SplitOff,
) -> Result<Divided<Split>, Vec<Fault>> {
    let (digests, copies) = digests(&all);
    // Sets of labels are of many kinds, each rare: they are not split one by one.
    let by_class = matches!(names, Names::Classes(_));
    let sample = |all: &Split, index: usize| match by_class {
        true => (digests[index], all.samples[index].class as usize),
        false => (digests[index], 0),
    };
    let of = match by_class {
        true => " of each class",
        false => " of all",
    };
    let mut divided = split_off.divide(all, sample, of);
    if divided.valid.is_empty() {
        let message =
            "leaves no validation image: no class has two images that are not copies of one";
        let fault = Fault::new(key("valid_fraction"), message);
        return Err(vec![fault.hint(
            "add images, or name a folder of other images in data.valid",
        )]);
    }
    if copies > 0 {
        let copies = match copies {
            1 => "1 copy of another image stays".to_string(),
            n => format!("{n} copies of other images stay"),
        };
        let copies = format!("; {copies} on the other's side");
        divided.from.push_str(&copies);
    }
    if let Names::Classes(classes) = names {
        let counts = divided.valid.counts(classes.len());
        let empty = classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        let empty: Vec<&String> = empty.map(|(name, _)| name).collect();
        let absent = absent(&empty, "the validation split").map(|text| {
            format!("{text}: too few images to hold one back (add some, or leave the class out)")
        });
        divided.warnings.extend(absent);
    }
    Ok(divided)
}
