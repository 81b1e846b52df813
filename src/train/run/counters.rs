//! The counters that a step depends on, beside parameters and optimizer state.

use serde::{Deserialize, Serialize};

use super::loss_scale::LossScale;
use crate::model::{Frozen, Param};

/// The counters that a step depends on, beside parameters and optimizer state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Updates so far.
    pub updates: u64,
    /// Where the gradients need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// How often the learning rate was halved.
    #[serde(default)]
    pub backed_off: u32,
    /// Epochs in the mean of the weights.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub averaged: u32,
    /// Epochs that began to train what was frozen before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thaws: Vec<Thaw>,
}

/// An epoch that began to train parameters which were frozen before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thaw {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// Updates before it.
    pub updates: u64,
}

impl Counters {
    /// Updates before the first that trained a parameter: what counts updates in an optimizer's rule (the correction of
    /// Adam's averages for their start at 0) counts its own.
    pub fn updates_before(&self, param: &Param) -> u64 {
        let Frozen::Before(_) = param.tuning.frozen else {
            return 0;
        };
        let mut thaws = self.thaws.iter();
        let thaw = thaws.find(|thaw| !param.tuning.frozen.in_epoch(thaw.epoch));
        thaw.map_or(0, |thaw| thaw.updates)
    }

    /// Whether a parameter is frozen now.
    pub fn freezes(&self, param: &Param) -> bool {
        let is_thawed = |thaw: &Thaw| !param.tuning.frozen.in_epoch(thaw.epoch);
        param.tuning.frozen.in_epoch(0) && !self.thaws.iter().any(is_thawed)
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
