//! Texts: sentences and documents as sequences of tokens.

mod dataset;
pub(crate) mod preprocess;
mod reader;
mod script;
mod source;
mod tokenizer;

pub use super::files::read::without_bom;
pub use dataset::{TextDataset, TextFigures, Texts, encode, read_text};
pub use preprocess::{End, Seen, TextEncoder, TextPreprocess};
pub use reader::TextReader;
pub use script::{count_words, is_spaceless};
pub use source::{Text, TextFolder, TokenOptions, list_texts, text_notices};
pub use tokenizer::{FILTERS, Level, Splitting, Tokenizer, WordCounts};
