//! The decoded splits of a survey, and faults about classes without a usable image.

use super::cache::Budget;
use super::decode_all::Decoded;
use crate::config::{Fault, Path};
use crate::console::visible;
use crate::data::core::class_names::absent;
use crate::data::core::left_out::short_name;

/// Decoded splits, and what may still be kept.
pub struct Decoding {
    pub(super) train: Decoded,
    pub(super) valid: Decoded,
    pub(super) test: Option<Decoded>,
    pub(super) budget: Budget,
}

/// The notice about classes of which the validation split has no usable sample.
pub fn require_some(decoded: &Decoded, classes: &[String]) -> Result<Option<String>, Vec<Fault>> {
    let path = Path::parse("data").key("valid");
    if decoded.split.is_empty() {
        let listed = decoded.skipped.iter().take(5);
        let listed: Vec<String> = listed
            .map(|skipped| format!("\n  {} {}", skipped.name, skipped.reason))
            .collect();
        let message = format!("holds no image that can be used:{}", listed.concat());
        return Err(vec![Fault::new(path, message)]);
    }
    if classes.is_empty() {
        return Ok(None); // labels
    }
    // Classes without a listed file were reported before.
    let lost = decoded.skipped.len();
    let counts = decoded.split.counts(classes.len().max(1));
    let empty = classes
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count == 0 && lost > 0);
    let empty: Vec<&String> = empty.map(|(name, _)| name).collect();
    Ok(absent(&empty, "the validation split"))
}

/// # Errors
/// A class without a usable sample, in the split that the key `name` gives.
pub fn require_usable(decoded: &Decoded, classes: &[String], name: &str) -> Result<(), Vec<Fault>> {
    if classes.is_empty() && !decoded.split.is_empty() {
        return Ok(()); // labels
    }
    let counts = decoded.split.counts(classes.len().max(1));
    match counts.iter().position(|&count| count == 0) {
        None => Ok(()),
        Some(class) => {
            let listed: Vec<String> = decoded
                .skipped
                .iter()
                .take(5)
                .map(|skipped| format!("\n  {} {}", visible(&skipped.name), skipped.reason))
                .collect();
            let message = format!(
                "holds no image of {} that can be used:{}",
                short_name(classes.get(class).map_or("any class", String::as_str)),
                listed.concat()
            );
            let path = Path::parse("data").key(name);
            Err(vec![Fault::new(path, message)])
        }
    }
}
