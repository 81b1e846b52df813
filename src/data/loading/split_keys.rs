//! Checks of the keys that say where the splits come from.

use std::path::Path as FilePath;

use crate::config::{Fault, Path};
use crate::console::Show as _;
use crate::data::core::faults::key;

/// Checks that the validation split comes from one place.
pub fn check_splits(has_valid: bool, fraction: Option<f64>) -> Result<(), Vec<Fault>> {
    let fault = match (has_valid, fraction) {
        (false, None) => Fault::new(
            Path::parse("data"),
            "has neither `valid` nor `valid_fraction`, expected one of them",
        )
        .hint("add valid_fraction = 0.2 to hold back a fifth of each class"),
        (true, Some(_)) => Fault::new(
            key("valid_fraction"),
            "is given beside `valid`, expected one of them",
        ),
        _ => return Ok(()),
    };
    Err(vec![fault])
}

/// Checks that what is to be judged at the end is there.
pub fn check_test(test: Option<&FilePath>) -> Result<(), Vec<Fault>> {
    match test {
        Some(path) if !path.exists() => {
            let message = format!("is {}, which does not exist", path.shown());
            Err(vec![Fault::new(key("test"), message)])
        }
        _ => Ok(()),
    }
}
