//! Labels of files that hold many images, and the classes of a model: matched by name, never by a number that
//! means something else.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use super::blocks::Blocks;
use super::cifar::{Cifar, Labels, labelled_cifar};
use super::idx::labelled_idx;
use super::numpy::labelled_numpy;
use crate::data::files::left_out::{list_names, short_name};

/// The classes of a model, and what its experiment says of the labels.
pub struct TrainedClasses<'a> {
    /// In the order of the model.
    pub classes: &'a [String],
    /// The names by number (`data.classes`), of which the model may have lost some that did not occur.
    pub names: Option<Vec<String>>,
    /// Which labels of CIFAR's files it was trained on; `None` where it was trained on other files.
    pub cifar: Option<Labels>,
}

impl<'a> TrainedClasses<'a> {
    /// The classes of a model whose experiment has these options of `[data]`.
    pub fn new(classes: &'a [String], data: &BTreeMap<String, Value>) -> TrainedClasses<'a> {
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        let names = data.get("classes").and_then(Value::as_array).map(|names| {
            let names = names.iter().filter_map(Value::as_str);
            names.map(str::to_string).collect()
        });
        let cifar = (text("kind") == Some("cifar-binary")).then(|| match text("labels") {
            Some("coarse") => Labels::Coarse,
            _ => Labels::Fine,
        });
        TrainedClasses {
            classes,
            names,
            cifar,
        }
    }

    /// The place of each class.
    fn places(&self) -> HashMap<&str, usize> {
        index_of(self.classes)
    }

    /// The place of the class that each number stands for.
    ///
    /// # Errors
    /// Numbers that stand for no class, in words that follow the file's name.
    fn places_of_numbers(&self, numbers: impl Iterator<Item = u32>) -> Result<Vec<u32>, String> {
        let places = self.places();
        let numbered = self
            .classes
            .iter()
            .any(|class| class.parse::<u32>().is_ok());
        let place = |number: u32| match (&self.names, numbered) {
            (Some(names), _) => places.get(names.get(number as usize)?.as_str()).copied(),
            (None, true) => places.get(number.to_string().as_str()).copied(),
            // Trained on folders: the places of the classes in sorted order, as everywhere.
            (None, false) => Some(number as usize).filter(|place| *place < self.classes.len()),
        };
        let found = numbers.map(|number| {
            place(number).map(|place| place as u32).ok_or_else(|| {
                let name = self
                    .names
                    .as_ref()
                    .and_then(|names| names.get(number as usize));
                let what = name.map_or(number.to_string(), |name| {
                    format!("{number} ({})", short_name(name))
                });
                format!(
                    "holds images of class {what}, but the model knows {}",
                    list_names(self.classes)
                )
            })
        });
        found.collect()
    }

    /// The place of the class that each name is.
    fn places_of_names(&self, names: &[String]) -> Vec<Option<u32>> {
        let places = self.places();
        let place = |name: &String| places.get(name.as_str()).map(|place| *place as u32);
        names.iter().map(place).collect()
    }
}

/// The place of each name; the first of equal ones.
pub fn index_of(names: &[String]) -> HashMap<&str, usize> {
    let numbered = names.iter().enumerate().rev();
    numbered
        .map(|(index, name)| (name.as_str(), index))
        .collect()
}

/// Labelled images of IDX files, CIFAR's binaries or NumPy's arrays, for judging a model; `None` where `path` is
/// none of them.
///
/// # Errors
/// Why they cannot be used, in words that follow the path.
pub fn labelled_blocks(path: &Path, trained: &TrainedClasses) -> Option<Result<Blocks, String>> {
    let read = labelled_idx(path).map(|read| read.map(|blocks| (blocks, None)));
    let read = read.or_else(|| labelled_numpy(path));
    let read = match read {
        Some(read) => {
            read.and_then(|(blocks, names)| match_labels(blocks, names.as_deref(), trained))
        }
        None => labelled_cifar(path, trained.cifar, trained.classes)?
            .and_then(|cifar| match_cifar(cifar, trained)),
    };
    Some(read.map_err(|message| format!("does not fit the model: {message}")))
}

fn match_cifar(cifar: Cifar, trained: &TrainedClasses) -> Result<Blocks, String> {
    let Some(file) = cifar.missing_names else {
        return match_labels(cifar.blocks, Some(&cifar.classes), trained);
    };
    let numbered = trained
        .classes
        .iter()
        .any(|class| class.parse::<u32>().is_ok());
    if !numbered && trained.names.is_none() && trained.classes.len() != cifar.classes.len() {
        return Err(format!(
            "beside the files there is no {file} with the names of their {} classes, and the model knows {} \
             of them: {}",
            cifar.classes.len(),
            trained.classes.len(),
            list_names(trained.classes)
        ));
    }
    match_labels(cifar.blocks, None, trained)
}

/// Gives labels the places that a model's classes have: by name, or by number where there are no names.
///
/// # Errors
/// A label that is none of the model's classes.
fn match_labels(
    mut blocks: Blocks,
    names: Option<&[String]>,
    trained: &TrainedClasses,
) -> Result<Blocks, String> {
    match names {
        None => {
            for (_, labels) in &mut blocks {
                *labels = trained.places_of_numbers(labels.iter().copied())?;
            }
        }
        Some(names) => {
            let places = trained.places_of_names(names);
            for label in blocks.iter_mut().flat_map(|(_, labels)| labels) {
                let place = places.get(*label as usize).copied().flatten();
                *label = place.ok_or_else(|| {
                    let name = names.get(*label as usize).map_or("", String::as_str);
                    let known = list_names(trained.classes);
                    format!(
                        "holds images of class {:?}, but the model knows {known}",
                        short_name(name)
                    )
                })?;
            }
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn a_number_stands_for_its_name_although_the_model_lost_a_class() {
        let known = classes(&["blue", "green"]);
        let data =
            |json: Value| serde_json::from_value::<BTreeMap<String, Value>>(json).expect("a table");
        let trained = TrainedClasses::new(
            &known,
            &data(serde_json::json!({"classes": ["red", "blue", "green"]})),
        );
        assert_eq!(
            trained.places_of_numbers([1, 2].into_iter()),
            Ok(vec![0, 1])
        );
        let message = trained
            .places_of_numbers([0].into_iter())
            .expect_err("a lost class");
        assert!(message.contains("class 0 (red)"), "{message}");
        let known = classes(&["1", "2", "4"]);
        let trained = TrainedClasses::new(&known, &data(serde_json::json!({})));
        assert_eq!(
            trained.places_of_numbers([1, 2, 4].into_iter()),
            Ok(vec![0, 1, 2])
        );
        assert!(trained.places_of_numbers([0].into_iter()).is_err());
        let known = classes(&["cats", "dogs"]);
        let trained =
            TrainedClasses::new(&known, &data(serde_json::json!({"kind": "image-folder"})));
        assert_eq!(
            trained.places_of_numbers([1, 0].into_iter()),
            Ok(vec![1, 0])
        );
        assert!(trained.places_of_numbers([2].into_iter()).is_err());
    }
}
