//! The options of tokenization, shared by both text sources.

use schemars::JsonSchema;
use serde::Deserialize;

use super::preprocess::End;
use super::tokenizer::{FILTERS, Level, Splitting};
use crate::config::Fault;
use crate::data::core::faults::key;

/// The options of tokenization.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TokenOptions {
    /// Vocabulary size: how many of the most frequent words are known; default: all. (Keras's `num_words` counts the padding,
    /// too.)
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub vocabulary: Option<usize>,
    /// The minimum count of a known word.
    #[serde(default = "one")]
    pub min_count: u64,
    /// Whether unknown words have a token of their own, 1; else they are left out (Keras's default).
    #[serde(default = "yes")]
    pub oov: bool,
    /// Sequence length, tokens; default: that of the longest training text, up to 512.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub length: Option<usize>,
    /// Where shorter texts are padded: at the beginning ("pre", Keras's default) or the end ("post").
    #[serde(default)]
    pub pad: End,
    /// Where longer texts are truncated.
    #[serde(default)]
    pub truncate: End,
    #[serde(flatten)]
    pub splitting: Splitting,
}

impl TokenOptions {
    /// # Errors
    /// An option that changes nothing beside the others.
    pub(super) fn check(&self) -> Result<(), Vec<Fault>> {
        if self.splitting.level == Level::Word || self.splitting.filters == FILTERS {
            return Ok(());
        }
        let message = "is for words; of level = \"char\" every character is a token";
        Err(vec![
            Fault::new(key("filters"), message)
                .at_key()
                .hint("remove the key"),
        ])
    }
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

/// The default name of the column of texts.
pub fn text() -> String {
    "text".into()
}

/// The default name of the column of labels.
pub fn label() -> String {
    "label".into()
}
