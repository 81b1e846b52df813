//! Features: what frozen layers make of a sample, computed once and kept. The layers behind them then train at the speed
//! of a table; the bits are those of computing everything in each step.

use std::error::Error;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::feature_store::{FeatureStore, Writer};
use crate::data::image::cache::Budget;
use crate::data::{
    Dataset, Progress, ReadingOrder, SampleError, SampleId, Shape, input_to_device, view_of,
};
use crate::device::on_cpu;
use crate::device::simd::arch;
use crate::model::{Compute, Network, Pass, Training, flat_values, host, through};

/// Samples that the frozen layers take at a time.
const BATCH: usize = 32;

/// The layers that a run leaves as they are from its beginning on.
pub struct FrozenLayers<'a> {
    /// The net.
    pub network: &'a Network,
    /// Its parameters.
    pub tensors: Vec<Tensor<1>>,
    /// How many layers are frozen.
    pub num_layers: usize,
    /// Where they run.
    pub device: &'a Device,
    /// The numeric type of their computation.
    pub compute: Compute,
    /// The epoch for which they are frozen, counted from 0.
    pub epoch: u64,
}

impl FrozenLayers<'_> {
    /// The shape of a sample's features.
    pub fn output(&self) -> Shape {
        let last = self.network.layers[..self.num_layers].last();
        last.map_or(self.network.input, |layer| layer.output)
    }

    /// Bytes that the features of a split take.
    pub fn num_bytes(&self, dataset: &dyn Dataset) -> u64 {
        let records = dataset.len() as u64 * dataset.num_views().unwrap_or(1);
        let values = self.output().num_elements() as u64;
        records.saturating_mul(values.saturating_mul(size_of::<f32>() as u64))
    }

    /// A digest of all that the features depend on beside the sample: the layers, their parameters, where and in what they
    /// compute, and this program.
    pub fn digest(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(env!("CARGO_PKG_VERSION").as_bytes());
        // A GPU agrees with the CPU within a tolerance; a run's bits are those of its own device.
        let place = (on_cpu(self.device), arch());
        hash.update(format!("{:?} {place:?}", self.compute).as_bytes());
        let mut at = 0;
        for layer in &self.network.layers[..self.num_layers] {
            hash.update(format!("{} {:?} {:?}", layer.tag, layer.input, layer.forward).as_bytes());
            for tensor in &self.tensors[at..at + layer.params.len()] {
                hash.update(bytemuck::cast_slice(&host(tensor.clone())));
            }
            at += layer.params.len();
        }
        hash.digest128()
    }

    /// The features of samples, one after the other.
    fn outputs(&self, input: Vec<f32>, ids: &[SampleId]) -> Vec<f32> {
        let training = Training {
            seed: 0, // frozen layers draw nothing
            epoch: self.epoch,
            ids,
        };
        let pass = Pass {
            training: Some(training),
            compute: self.compute,
            ..Pass::default()
        };
        let input = input_to_device(input, ids.len(), self.network.input, self.device);
        let outputs = through(0..self.num_layers, input, &mut |index, value| {
            self.network.run_block(index, value, &self.tensors, &pass)
        });
        flat_values(outputs)
    }
}

/// A split whose samples are the features of another's.
pub struct Features {
    inner: Arc<dyn Dataset>,
    shape: Shape,
    num_views: u64,
    store: FeatureStore,
    /// Why a version of a sample has none.
    failed: Vec<Option<LoadFailed>>,
}

impl Features {
    /// Computes the features of all samples, or takes them from the cache file where an earlier run has left them.
    /// `digest` is that of the layers.
    ///
    /// # Errors
    /// A cache file that is needed and cannot be written.
    pub fn compute(
        layers: &FrozenLayers<'_>,
        digest: u128,
        inner: Arc<dyn Dataset>,
        budget: Budget,
        progress: &dyn Progress,
    ) -> std::io::Result<Features> {
        let num_views = inner.num_views().unwrap_or(1);
        let num_records = inner.len() * num_views as usize;
        let shape = layers.output();
        let mut writer = Writer::new(digest, shape, num_records, budget)?;
        let mut failed = vec![None; num_records];
        progress.begin("features of the frozen layers", num_records);
        let records: Vec<usize> = (0..num_records).collect();
        for chunk in records.chunks(BATCH) {
            let loaded = load(&*inner, chunk);
            let mut missing = (Vec::new(), Vec::new(), Vec::new());
            for (&record, sample) in chunk.iter().zip(loaded) {
                match sample {
                    Err(error) => failed[record] = Some(LoadFailed(error.into())),
                    Ok((_, digest)) if writer.take(record, digest) => {}
                    Ok((input, digest)) => {
                        missing.0.extend(input);
                        missing.1.push(inner.id(record % inner.len()));
                        missing.2.push((record, digest));
                    }
                }
                progress.tick();
            }
            let (input, ids, places) = missing;
            if places.is_empty() {
                continue;
            }
            let outputs = layers.outputs(input, &ids);
            for ((record, digest), values) in places
                .into_iter()
                .zip(outputs.chunks_exact(shape.num_elements()))
            {
                writer.put(record, digest, values)?;
            }
        }
        progress.end();
        Ok(Features {
            inner,
            shape,
            num_views,
            store: writer.finish(),
            failed,
        })
    }
}

/// A sample's input with its digest, or why there is none.
type Input = Result<(Vec<f32>, u128), SampleError>;

/// The error of a sample that could not be loaded when its features were computed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct LoadFailed(Arc<dyn Error + Send + Sync>);

/// Loads versions of samples: all samples in their first version, then all in their second, ...
fn load(inner: &dyn Dataset, records: &[usize]) -> Vec<Input> {
    let len = inner.shape().num_elements();
    let load = |&record: &usize| {
        let mut input = vec![0.0; len];
        let (view, index) = (record / inner.len(), record % inner.len());
        inner.load(index, Some(view as u64), &mut input)?;
        let digest = xxh3_128(bytemuck::cast_slice(&input));
        Ok((input, digest))
    };
    records.par_iter().map(load).collect()
}

impl Dataset for Features {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn class(&self, index: usize) -> usize {
        self.inner.class(index)
    }

    fn add_row(&self, index: usize, out: &mut Vec<f32>) {
        self.inner.add_row(index, out);
    }

    fn has_labels(&self) -> bool {
        self.inner.has_labels()
    }

    fn id(&self, index: usize) -> SampleId {
        self.inner.id(index)
    }

    fn name(&self, index: usize) -> String {
        self.inner.name(index)
    }

    fn reading_order(&self) -> &ReadingOrder {
        self.inner.reading_order()
    }

    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
        let view = epoch.map_or(0, |epoch| view_of(epoch, self.num_views));
        let record = view as usize * self.inner.len() + index;
        match &self.failed[record] {
            Some(failed) => Err(failed.clone().into()),
            None => Ok(self.store.read(record, out)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_comes_again_in_an_epoch_is_its_next_version() {
        let versions = |epoch: u64| [0, 1, 2].map(|repeat| view_of(epoch + (repeat << 32), 3));
        assert_eq!(versions(0), [0, 1, 2]);
        assert_eq!(versions(4), [1, 2, 0]);
        assert_eq!(view_of(7, 1), 0);
    }
}
