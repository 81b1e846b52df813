//! Texts: sentences and documents as sequences of tokens.

mod dataset;
mod folder;
mod notices;
mod options;
pub(crate) mod preprocess;
mod reader;
mod script;
mod source;
mod survey;
mod tokenizer;

pub use super::files::read::without_bom;
pub use super::text::folder::{TextFolder, list_texts};
pub use super::text::notices::text_notices;
pub use super::text::options::TokenOptions;
pub use dataset::{TextDataset, TextError, TextFigures, Texts, encode, read_text};
pub use preprocess::{End, Seen, TextEncoder, TextPreprocess, TextPreprocessError};
pub use reader::TextReader;
pub use script::{count_words, is_spaceless};
pub use source::Text;
pub use tokenizer::{FILTERS, Level, Splitting, Tokenizer, WordCounts};
