//! The reader of each modality, by the preprocessing of a trained net.

use super::core::reader::Reader;
use super::image::reader::ImageReader;
use super::preprocess::Preprocessor;
use super::table::TableReader;
use super::text::TextReader;

impl Preprocessor {
    /// What reads samples for a net that was trained with this preprocessing.
    pub fn reader(&self) -> Box<dyn Reader> {
        match self.clone() {
            Preprocessor::Image(preprocess) => Box::new(ImageReader { preprocess }),
            Preprocessor::Table(preprocess) => Box::new(TableReader { preprocess }),
            Preprocessor::Text(preprocess) => Box::new(TextReader { preprocess }),
        }
    }
}
