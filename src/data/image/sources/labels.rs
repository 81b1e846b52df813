//! Matches the labels of files that hold many images with the classes of a model: by name, never by an unrelated index.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use thiserror::Error;

use super::cifar::Labels;
use crate::data::core::class_names::index_of;
use crate::data::core::left_out::{list_names, short_name};

/// Images of a class that a model does not know, in words that follow the file's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("holds images of class {class}, but the model knows {known}")]
pub struct UnknownClass {
    /// The class, as messages show it.
    pub class: String,
    /// The classes that the model knows.
    pub known: String,
}

/// The classes of a model, and the options of its experiment for labels.
pub struct TrainedClasses<'a> {
    /// In the order of the model.
    pub classes: &'a [String],
    /// The names by number (`data.classes`); the model lacks those that did not occur in training.
    pub names: Option<Vec<String>>,
    /// Which labels of CIFAR's files it was trained on; `None` if it was trained on other files.
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
    /// Numbers that stand for no class.
    pub fn places_of_numbers(
        &self,
        numbers: impl Iterator<Item = u32>,
    ) -> Result<Vec<u32>, UnknownClass> {
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
                UnknownClass {
                    class: what,
                    known: list_names(self.classes),
                }
            })
        });
        found.collect()
    }

    /// The place of the class that each name is.
    pub fn places_of_names(&self, names: &[String]) -> Vec<Option<u32>> {
        let places = self.places();
        let place = |name: &String| places.get(name.as_str()).map(|place| *place as u32);
        names.iter().map(place).collect()
    }
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
            .expect_err("a lost class")
            .to_string();
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
