//! What opening a file of any format gives.

use super::error::ImportFault;
use super::tensor::TensorInfo;
use super::unread::Unread;

/// A reader of the values of one file's tensors.
pub trait ValueReader: Send + Sync {
    /// The values of the tensor of that place, row by row.
    ///
    /// # Errors
    /// Damage, or as the system says.
    fn read(&self, index: usize) -> Result<Vec<f32>, ImportFault>;
}

/// See the module.
#[derive(Default)]
pub struct Opened {
    /// Its tensors, in the order of the file.
    pub tensors: Vec<TensorInfo>,
    /// Tensors that are not read, and why.
    pub unreadable: Vec<(String, Unread)>,
    /// The key of the dictionary whose tensors these are, where the file holds more.
    pub section: Option<String>,
    /// Whether this program wrote it: then no prefix is taken off its names.
    pub is_kilns: bool,
    /// Reads the values.
    pub source: Option<Box<dyn ValueReader>>,
}
