//! Averages of the weights: what validation, `best.safetensors`, eval and predict use where the experiment asks for one.
//!
//! The running averages of batch normalisation belong to the weights that they were measured with. An exponential average
//! follows the last few hundred steps, as they do, so it takes them along (as timm does). The mean over epochs is far
//! from any weights that were trained: there they are recomputed, in a pass over the epoch's training batches. A net
//! with three such layers had, after four epochs of CIFAR-10, an accuracy of 0.691; its exponential average 0.725, and 0.719
//! with the statistics of the last weights; the mean of three epochs 0.717, and 0.665 with those.

use crate::config::Train;
use crate::kernels::blend;
use crate::model::ParamStore;

/// How weights are averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Averaging {
    /// After each update.
    Ema {
        /// The share that an update keeps.
        decay: f64,
        /// Whether early updates keep less.
        warmup: bool,
    },
    /// After each epoch from this one on, counted from 0.
    Swa {
        /// The first epoch.
        start: usize,
    },
}

impl Averaging {
    /// The averages that an experiment requests.
    pub fn new(train: &Train) -> Option<Averaging> {
        let ema = train.ema.map(|ema| Averaging::Ema {
            decay: ema.decay,
            warmup: ema.warmup,
        });
        ema.or_else(|| {
            train.swa.map(|swa| Averaging::Swa {
                start: swa.start_epoch.saturating_sub(1),
            })
        })
    }

    /// What names the average's tensors: one of [`AVERAGES`](crate::model::AVERAGES).
    pub fn name(&self) -> &'static str {
        match self {
            Averaging::Ema { .. } => "ema",
            Averaging::Swa { .. } => "swa",
        }
    }

    /// The share of the weights in the average after an update, counted from 1. The average begins with the first
    /// update, as Keras's and PyTorch's do.
    fn share(decay: f64, warmup: bool, update: u64) -> f64 {
        if update == 1 {
            return 1.0;
        }
        let t = update as f64;
        let early = (1.0 + t) / (10.0 + t);
        1.0 - if warmup { decay.min(early) } else { decay }
    }
}

/// An average and how it is made.
#[derive(Clone, Debug)]
pub struct Average {
    /// How it is made.
    pub averaging: Averaging,
    /// `None` before the first epoch of a mean over epochs.
    pub params: Option<ParamStore>,
}

impl Average {
    /// An average before the first step.
    pub fn new(averaging: Averaging, params: &ParamStore) -> Average {
        let begun = matches!(averaging, Averaging::Ema { .. });
        Average {
            averaging,
            params: begun.then(|| params.clone()),
        }
    }

    /// Makes the tensors be there that an average of so many epochs has; their values are given next.
    pub fn expect(&mut self, epochs: u32, params: &ParamStore) {
        if matches!(self.averaging, Averaging::Swa { .. }) {
            self.params = (epochs > 0).then(|| params.clone());
        }
    }

    /// Follows the weights after an update, counted from 1.
    pub fn after_update(&mut self, update: u64, params: &ParamStore) {
        if let (Averaging::Ema { decay, warmup }, Some(average)) =
            (self.averaging, &mut self.params)
        {
            follow(average, params, Averaging::share(decay, warmup, update));
        }
    }

    /// Takes in the weights at the end of an epoch, where `before` epochs were averaged.
    pub fn after_epoch(&mut self, before: u32, params: &ParamStore) {
        match &mut self.params {
            Some(average) => follow(average, params, 1.0 / (f64::from(before) + 1.0)),
            None => self.params = Some(params.clone()),
        }
    }
}

fn follow(average: &mut ParamStore, params: &ParamStore, share: f64) {
    for (mean, param) in average.params.iter_mut().zip(&params.params) {
        if param.frozen {
            continue; // they are the same
        }
        mean.tensor
            .inplace(|mean| blend(mean, &param.tensor, share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_updates_keep_less_where_the_average_warms_up() {
        let share = Averaging::share;
        assert_eq!([share(0.999, false, 1), share(0.999, true, 1)], [1.0; 2]);
        assert_eq!(share(0.999, false, 2), 1.0 - 0.999);
        assert_eq!(share(0.999, true, 2), 1.0 - 3.0 / 12.0);
        assert_eq!(share(0.9, true, 100), 1.0 - 0.9);
        assert_eq!(share(0.0, true, 7), 1.0, "no average at all");
    }
}
