//! Embedding: vectors for tokens and categories.

mod embed_columns;
mod tokens;

pub use embed_columns::EmbedColumns;
pub use tokens::Embedding;
