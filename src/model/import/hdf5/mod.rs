//! HDF5 as Keras and h5py write it, read only and within bounds: groups of both kinds (symbol tables, and links in the
//! object's header), datasets of numbers, contiguous, compact or in chunks that deflate packs.
//!
//! The crate `hdf5-pure` (0.47) reads more of the format, and writes and edits it: 138,000 lines, which cost 32 s of
//! CPU time in the first build and 0.8 MB of the program, and a file of 63 kB whose tree has two equal ways on each of
//! 45 levels keeps it busy without end. Here every walk is bounded: no group, node of a tree or block of a header is
//! visited twice.
//!
//! The format: <https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html>

mod bytes;
mod chunks;
mod dataset;
mod fault;
mod filters;
mod groups;
mod header;
mod number;
mod superblock;
mod tree;

pub use bytes::Source;
pub use dataset::Dataset;
pub use fault::Hdf5Fault;
pub use groups::Found;
pub use superblock::is_hdf5;

use bytes::Bytes;

/// A file whose datasets are known by their paths.
pub struct Hdf5 {
    bytes: Bytes,
}

impl Hdf5 {
    /// Walks through the groups of a file, and lists what is in them.
    ///
    /// # Errors
    /// Damage; more objects than a file of weights has.
    pub fn open(source: Source) -> Result<(Hdf5, Vec<Found>), Hdf5Fault> {
        let (bytes, root) = superblock::read(source)?;
        let found = groups::walk(&bytes, root)?;
        Ok((Hdf5 { bytes }, found))
    }

    /// The values of a dataset, row by row.
    ///
    /// # Errors
    /// Damage; as the system says.
    pub fn read(&self, dataset: &Dataset) -> Result<Vec<f32>, Hdf5Fault> {
        dataset.read(&self.bytes)
    }
}
