//! The split keys of `[data]` (train, valid, valid_fraction, test), shared by every source.

use std::path::Path as FilePath;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::json;

use crate::config::{Fault, Path, PathValue};
use crate::console::Show as _;
use crate::data::core::faults::{fault, key};
use crate::data::core::left_out::short_name;

/// The keys of the training and the validation split; a split's files are given as `P`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SplitKeys<P = PathValue> {
    /// The training samples.
    #[schemars(extend("x-path" = true))]
    pub train: P,
    /// The validation samples.
    #[schemars(extend("x-path" = true))]
    pub valid: Option<P>,
    /// Instead of `valid`: the share of each class that is split off the training images.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub valid_fraction: Option<f64>,
}

/// The key of the test split.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TestKey {
    /// The test images: the folder or file, of which the part for a test is taken; the best net is evaluated on them
    /// once, after training.
    #[schemars(extend("x-path" = true))]
    pub test: Option<PathValue>,
}

/// Gives split keys the descriptions of their source: a transform of its schema.
pub fn describe_keys(descriptions: &[(&str, &str)]) -> impl Fn(&mut Schema) {
    move |schema| {
        for (key, description) in descriptions {
            let option = schema.pointer_mut(&format!("/properties/{key}"));
            if let Some(option) = option.and_then(|option| option.as_object_mut()) {
                option.insert("description".into(), json!(description));
            }
        }
    }
}

/// Where the validation samples come from.
#[derive(Clone, Copy, Debug)]
pub enum ValidFrom<'a, P> {
    /// From files of their own.
    Given(&'a P),
    /// From the training samples.
    SplitOff(SplitOff),
}

/// A share of the training samples that goes to validation.
#[derive(Clone, Copy, Debug)]
pub struct SplitOff {
    /// Of each class, above 0 and below 1.
    pub fraction: f64,
    /// Of the random choice.
    pub seed: u64,
}

impl<P> SplitKeys<P> {
    /// Says where the validation samples come from.
    ///
    /// # Errors
    /// Neither `valid` nor `valid_fraction`, or both.
    pub fn resolve(&self, seed: u64) -> Result<ValidFrom<'_, P>, Vec<Fault>> {
        let fault = match (&self.valid, self.split_off(seed)) {
            (Some(valid), None) => return Ok(ValidFrom::Given(valid)),
            (None, Some(split_off)) => return Ok(ValidFrom::SplitOff(split_off)),
            (None, None) => Fault::new(
                Path::parse("data"),
                "has neither `valid` nor `valid_fraction`, expected one of them",
            )
            .hint(HOLD_BACK),
            (Some(_), Some(_)) => Fault::new(
                key("valid_fraction"),
                "is given beside `valid`, expected one of them",
            ),
        };
        Err(vec![fault])
    }

    /// The split by `valid_fraction`; used on its own where a table may assign the splits.
    pub fn split_off(&self, seed: u64) -> Option<SplitOff> {
        let fraction = self.valid_fraction?;
        Some(SplitOff { fraction, seed })
    }
}

/// The remedy where there are no validation samples.
pub const HOLD_BACK: &str = "add valid_fraction = 0.2 to hold back a fifth of each class";

impl TestKey {
    /// # Errors
    /// Test samples that are not there.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        match self.test.as_deref() {
            Some(path) if !path.exists() => {
                let message = format!("is {}, which does not exist", path.shown());
                Err(fault("test", message))
            }
            _ => Ok(()),
        }
    }

    /// The folder or file.
    pub fn path(&self) -> Option<&FilePath> {
        self.test.as_deref()
    }
}

/// # Errors
/// One class only, in the training split.
pub fn check_classes(classes: &[String]) -> Result<(), Fault> {
    if classes.len() >= 2 {
        return Ok(());
    }
    let shown = classes.first().map_or("", String::as_str);
    let message = format!(
        "holds one class only ({}), expected at least two",
        short_name(shown)
    );
    Err(Fault::new(key("train"), message))
}
