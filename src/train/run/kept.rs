//! The training data of a run: its samples, or, while its first layers are frozen, their precomputed features.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::features::{Features, FrozenLayers};
use crate::config::ByteSize;
use crate::data::image::cache::{Budget, DEFAULT_DISK};
use crate::data::{Dataset, Loader, Progress};
use crate::model::{Frozen, Network};

/// The features of both splits, in the place of their samples.
pub struct Kept {
    /// Of the training split.
    pub train: Loader,
    /// Of the validation split.
    pub valid: Loader,
    /// How many layers need not run.
    pub num_layers: usize,
    /// In which epochs.
    pub frozen: Frozen,
}

/// The features of the training split, and of the validation split.
pub type Splits = [Arc<dyn Dataset>; 2];

/// Why no features are kept, where layers are frozen.
pub enum NotKept {
    /// No layer is frozen from the beginning of the net on.
    NothingFrozen,
    /// For this reason, in words that follow "the frozen layers run in every epoch: ".
    Because(String),
}

impl Network {
    /// How many layers of the trunk are fixed in an epoch, counted from 0, from the first on and up to the end of a block;
    /// 0 where no parameter is among them. And in which epochs they are.
    pub fn fixed_layers(&self, epoch: u64) -> (usize, Frozen) {
        let trunk = self.trunk();
        let mut fixed = 0;
        while let Some(first) = trunk.get(fixed) {
            let end = fixed + first.fused.map_or(1, |fused| fused.num_layers);
            let block = trunk.get(fixed..end);
            if !block.is_some_and(|block| block.iter().all(|layer| layer.is_fixed(epoch))) {
                break;
            }
            fixed = end;
        }
        let params = trunk[..fixed].iter().flat_map(|layer| &layer.params);
        match params.map(|spec| spec.tuning.frozen).min() {
            Some(frozen) => (fixed, frozen),
            None => (0, Frozen::Never),
        }
    }
}

/// Computes the features of both splits, or takes them from the cache file.
///
/// # Errors
/// Why there are none.
pub fn keep(
    layers: &FrozenLayers<'_>,
    splits: &Splits,
    budget: Budget,
    progress: &dyn Progress,
) -> Result<Splits, NotKept> {
    if layers.num_layers == 0 {
        return Err(NotKept::NothingFrozen);
    }
    let because = |words: &str| Err(NotKept::Because(words.to_string()));
    if splits.iter().any(|split| split.mix().is_some()) {
        return because("mixup and cutmix make new samples of every batch");
    }
    if splits.iter().any(|split| split.num_views().is_none()) {
        return because(
            "augmentation makes new samples in every epoch; augment.views = 4 makes four versions of each, whose \
             features are computed once",
        );
    }
    let [train, valid] = splits;
    let [train_bytes, valid_bytes] = [train, valid].map(|split| layers.num_bytes(&**split));
    if train_bytes.saturating_add(valid_bytes) > budget.memory.saturating_add(budget.disk) {
        return because(
            "their features are larger than data.cache_memory and data.cache_disk allow",
        );
    }
    let digest = layers.digest();
    let compute = |split: &Arc<dyn Dataset>, budget| -> Result<Arc<dyn Dataset>, NotKept> {
        match Features::compute(layers, digest, split.clone(), budget, progress) {
            Ok(features) => Ok(Arc::new(features)),
            Err(error) => Err(NotKept::Because(format!(
                "their features cannot be kept: {error}"
            ))),
        }
    };
    let train = compute(train, budget)?;
    let left = Budget {
        memory: budget.memory.saturating_sub(train_bytes),
        ..budget
    };
    Ok([train, compute(valid, left)?])
}

/// How much of the features may be kept: as much as of decoded images.
pub fn budget(data: &BTreeMap<String, Value>) -> Budget {
    let size = |key: &str| -> Option<ByteSize> {
        let value = data.get(key)?.clone();
        serde_json::from_value(value).ok()
    };
    Budget::new(size("cache_memory"), size("cache_disk"), DEFAULT_DISK)
}
