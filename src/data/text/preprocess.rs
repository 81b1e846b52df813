//! Tokenization and padding of texts; part of the model file.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::tokenizer::Tokenizer;
use crate::data::core::batch::Shape;
use crate::data::table::Layout;

/// Which end of a text is padded or cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The beginning (Keras's default).
    #[default]
    Pre,
    /// The end.
    Post,
}

/// Everything between a text and the net's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextPreprocess {
    /// The words that are known.
    pub tokenizer: Tokenizer,
    /// Whether unknown words have a token of their own, 1; else they are left out.
    pub oov: bool,
    /// The sequence length, tokens.
    pub length: usize,
    /// Where shorter texts are padded, with token 0.
    pub pad: End,
    /// Where longer texts are truncated.
    pub truncate: End,
    /// The column of the texts, in tables.
    pub text: String,
    /// The target columns, in tables.
    pub targets: Vec<String>,
    /// How tables are written.
    pub layout: Layout,
}

/// The longest a text may be made.
pub const MAX_LENGTH: usize = 1 << 20;

impl TextPreprocess {
    /// The net's input.
    pub fn shape(&self) -> Shape {
        Shape::Tokens {
            length: self.length,
            vocabulary: self.first_word() + self.tokenizer.num_words(),
        }
    }

    /// The token of the most frequent word: 0 is padding, 1 may be the unknown word.
    fn first_word(&self) -> usize {
        1 + usize::from(self.oov)
    }

    /// The encoder of texts.
    pub fn encoder(&self) -> TextEncoder {
        TextEncoder {
            index: self.tokenizer.index(),
            preprocess: self.clone(),
        }
    }

    /// Validates untrusted metadata.
    ///
    /// # Errors
    /// What is impossible.
    pub fn check(&self) -> Result<(), TextPreprocessError> {
        if (1..=MAX_LENGTH).contains(&self.length) {
            return Ok(());
        }
        let length = self.length;
        Err(TextPreprocessError { length })
    }
}

/// Preprocessing that no training gives, in words that follow "preprocessing".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("is impossible: texts of {length} tokens")]
pub struct TextPreprocessError {
    /// Tokens of a text.
    pub length: usize,
}

/// Encodes texts as tokens.
pub struct TextEncoder {
    preprocess: TextPreprocess,
    index: HashMap<String, usize>,
}

/// Counts of one encoded text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Words.
    pub words: usize,
    /// Of them, unknown ones.
    pub unknown: usize,
    /// Whether tokens were left out at an end.
    pub cut: bool,
}

impl TextEncoder {
    /// Writes a text's tokens into `out`, padded or truncated.
    pub fn write(&self, text: &str, out: &mut [u32]) -> Seen {
        let first = self.preprocess.first_word();
        let mut seen = Seen::default();
        let mut tokens = Vec::new();
        for word in self.preprocess.tokenizer.words(text) {
            seen.words += 1;
            match self.index.get(&word) {
                Some(index) => tokens.push((first + index) as u32),
                None => {
                    seen.unknown += 1;
                    if self.preprocess.oov {
                        tokens.push(1);
                    }
                }
            }
        }
        let length = out.len();
        seen.cut = tokens.len() > length;
        let kept = match self.preprocess.truncate {
            End::Pre => &tokens[tokens.len().saturating_sub(length)..],
            End::Post => &tokens[..tokens.len().min(length)],
        };
        out.fill(0);
        match self.preprocess.pad {
            End::Pre => out[length - kept.len()..].copy_from_slice(kept),
            End::Post => out[..kept.len()].copy_from_slice(kept),
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::{Splitting, WordCounts};

    /// Keras 3.15: `Tokenizer(oov_token="?")` fitted on "a b a", then `pad_sequences(texts_to_sequences([text]),
    /// maxlen=4, padding=..., truncating=...)`.
    #[test]
    fn pads_and_cuts_as_keras_does() {
        let mut counts = WordCounts::new(Splitting::default());
        counts.add("a b a");
        let (tokenizer, _) = counts.fit(None, 1);
        let encode = |text: &str, oov, pad, truncate| {
            let preprocess = TextPreprocess {
                tokenizer: tokenizer.clone(),
                oov,
                length: 4,
                pad,
                truncate,
                text: String::new(),
                targets: Vec::new(),
                layout: Layout::default(),
            };
            let mut out = [9; 4];
            preprocess.encoder().write(text, &mut out);
            out
        };
        assert_eq!(encode("b x a", true, End::Pre, End::Pre), [0, 3, 1, 2]);
        assert_eq!(encode("b x a", true, End::Post, End::Pre), [3, 1, 2, 0]);
        assert_eq!(encode("b x a", false, End::Pre, End::Pre), [0, 0, 2, 1]);
        assert_eq!(encode("b a a a a", true, End::Pre, End::Pre), [2, 2, 2, 2]);
        assert_eq!(encode("b a a a a", true, End::Pre, End::Post), [3, 2, 2, 2]);
        assert_eq!(encode("", true, End::Pre, End::Pre), [0; 4]);
    }
}
