//! The sizes of a fully connected layer.

/// Sizes of a fully connected layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseShape {
    /// Samples.
    pub batch: usize,
    /// Inputs of a sample.
    pub features: usize,
    /// Outputs of a sample.
    pub units: usize,
}
