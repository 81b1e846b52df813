//! The mean over epochs, and the running statistics that belong to it.

use crate::data::Batch;
use crate::model::{ParamStore, Pass};
use crate::train::run::average::Averaging;
use crate::train::run::fit::Run;
use crate::train::run::stepper::{Stepper, training_device};
use crate::train::run::stop::StopFlag;

impl Stepper<'_> {
    /// The weights that are shown: the average, or those of the last step.
    pub fn shown(&self) -> &ParamStore {
        let average = self.average.as_ref();
        let average = average.and_then(|average| average.params.as_ref());
        average.unwrap_or(&self.params)
    }

    /// Whether validation needs [`Run::average_epoch`] at the end of an epoch, counted from 0.
    fn averages_epoch(&self, epoch: usize) -> bool {
        let average = self.average.as_ref().map(|average| average.averaging);
        matches!(average, Some(Averaging::Swa { start }) if epoch >= start)
    }

    /// Takes the weights into the mean over epochs, once at the end of each.
    fn average_epoch(&mut self, epoch: usize) {
        let Some(average) = &mut self.average else {
            return;
        };
        let Averaging::Swa { start } = average.averaging else {
            return;
        };
        // A run that was stopped while it validated comes here again.
        let averaged = self.counters.averaged;
        if (epoch - start) as u64 >= u64::from(averaged) {
            average.after_epoch(averaged, &self.params);
            self.counters.averaged += 1;
        }
    }

    /// Measures what the running averages of `params` are to be, with a batch of which `share` are new samples.
    fn measure(&self, params: &mut ParamStore, batch: Batch, epoch: usize, share: f64) {
        let pass = Pass {
            training: Some(self.training(epoch as u64, &batch.ids)),
            momentum: Some(1.0 - share),
            skipped: self.skipped,
            ..Pass::default()
        };
        let tensors = params.params.iter();
        let tensors: Vec<_> = tensors.map(|p| p.tensor.clone().autodiff()).collect();
        self.network.forward(batch.input, &tensors, &pass);
        drop(tensors);
        params.store(pass.updates.into_inner());
    }
}

impl Run<'_> {
    /// Makes the mean over epochs what validation may use. False where somebody asked to stop on the way.
    pub(in crate::train) fn average_epoch(&mut self, stop: &StopFlag) -> bool {
        let epoch = self.state.epoch;
        if !self.stepper.averages_epoch(epoch) {
            return true;
        }
        self.stepper.average_epoch(epoch);
        let mut params = self.stepper.shown().clone();
        if params
            .params
            .iter()
            .all(|param| param.trainable || param.frozen)
        {
            return true;
        }
        let device = training_device(&self.device);
        let train = self.train_loader();
        let shape = train.dataset().shape();
        let mut seen = 0;
        for loaded in train.epoch_from(epoch as u64, 0) {
            if stop.is_set() {
                return false;
            }
            let samples = loaded.indices.len();
            if samples == 0 {
                continue;
            }
            seen += samples;
            let batch = loaded.batch.to_device(shape, &device);
            let share = samples as f64 / seen as f64;
            self.stepper.measure(&mut params, batch, epoch, share);
        }
        self.stepper.show(params);
        true
    }
}
