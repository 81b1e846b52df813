//! The result of scanning an archive.

use crate::data::core::left_out::LeftOut;

/// A labelled image in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name within the archive.
    pub name: Box<str>,
    /// From the archive's beginning, bytes.
    pub offset: u64,
    /// Bytes.
    pub len: u32,
    /// The index of its label.
    pub label: u32,
}

/// The content of an archive.
#[derive(Debug, Default)]
pub struct Scanned {
    /// In the archive's order.
    pub images: Vec<Image>,
    /// Labels, as written in the archive, in the order of first appearance.
    pub labels: Vec<String>,
    /// Members that are no samples, with the archive's name.
    pub left_out: LeftOut,
    /// Warnings about it.
    pub warnings: Vec<String>,
}
