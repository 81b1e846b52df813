//! Texts: sentences and documents as sequences of tokens.

mod preprocess;
mod script;
mod source;
mod texts;
mod tokenizer;

pub use preprocess::{End, Seen, TextEncoder, TextPreprocess};
pub use script::{count_words, is_spaceless};
pub use source::{Text, TextFolder, TokenOptions, list_texts, text_notices};
pub use texts::{TextDataset, TextFigures, Texts, encode};
pub use tokenizer::{FILTERS, Level, Splitting, Tokenizer, WordCounts};
