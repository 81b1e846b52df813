//! Files of Keras: `.weights.h5` and `.keras` of Keras 3, `.h5` of before. Names are the paths of datasets, as
//! `layers/conv2d/vars/0` and `block1_conv1/block1_conv1/kernel:0`; the optimizer's state is left out.

use std::fs::File;
use std::sync::Arc;

use super::error::ImportFault;
use super::hdf5::{Dataset, Found, Hdf5, Source};
use super::opened::{Opened, ValueReader};
use super::tensor::TensorInfo;
use crate::data::within_memory;
use crate::storage::Zip;

/// The member of a `.keras` archive that holds the weights.
const MEMBER: &str = "model.weights.h5";
/// The group of a whole net's weights before Keras 3.
const WHOLE_NET: &str = "model_weights/";
/// Groups of the optimizer's state.
const OPTIMIZER: [&str; 2] = ["optimizer/", "optimizer_weights/"];
/// A member may unpack to so many times its size: Keras stores it as it is.
const MOST_PACKED: u64 = 16;
/// Small ones to this.
const SMALL: u64 = 64 << 20;

/// Whether an archive is one of Keras.
pub fn is_keras(zip: &Zip) -> bool {
    zip.find(MEMBER).is_some()
}

/// Opens a `.keras` archive.
///
/// # Errors
/// Damage; a member that unpacks to far more than it is.
pub fn open_archive(zip: &Zip) -> Result<Opened, ImportFault> {
    let place = zip.find(MEMBER).unwrap_or_default();
    let member = &zip.members()[place];
    let limit = member.packed.saturating_mul(MOST_PACKED).max(SMALL);
    within_memory(member.size).map_err(|why| ImportFault::tensor(MEMBER, why))?;
    let bytes = zip.bytes(place, limit);
    let bytes = bytes.map_err(|error| ImportFault::zip(MEMBER, error))?;
    open(Source::Memory(bytes))
}

/// Opens an HDF5 file.
///
/// # Errors
/// Damage.
pub fn open_file(file: &Arc<File>) -> Result<Opened, ImportFault> {
    open(Source::File(file.clone()))
}

fn open(source: Source) -> Result<Opened, ImportFault> {
    let (hdf5, found) = Hdf5::open(source)?;
    let is_whole = found.iter().any(|found| found.path.starts_with(WHOLE_NET));
    let mut opened = Opened::default();
    let mut datasets = Vec::new();
    for Found { path, dataset } in found {
        let name = match is_whole {
            true => path.strip_prefix(WHOLE_NET),
            false => Some(&*path),
        };
        let is_state = OPTIMIZER.iter().any(|group| path.starts_with(group));
        let Some(name) = name.filter(|_| !is_state) else {
            continue;
        };
        match dataset {
            Ok(dataset) => {
                opened.tensors.push(TensorInfo {
                    name: name.to_string(),
                    shape: dataset.shape.clone(),
                    dtype: dataset.kind,
                });
                datasets.push(dataset);
            }
            Err(why) => opened.unreadable.push((name.to_string(), why)),
        }
    }
    if is_whole {
        opened.section = Some(WHOLE_NET.trim_end_matches('/').to_string());
    }
    opened.source = Some(Box::new(KerasSource { hdf5, datasets }));
    Ok(opened)
}

struct KerasSource {
    hdf5: Hdf5,
    datasets: Vec<Dataset>,
}

impl ValueReader for KerasSource {
    fn read(&self, index: usize) -> Result<Vec<f32>, ImportFault> {
        Ok(self.hdf5.read(&self.datasets[index])?)
    }
}
