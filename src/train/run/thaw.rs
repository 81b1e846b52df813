//! Frozen parameters: no gradient, no optimizer state, no average of their own, until the epoch that thaws them.

use super::counters::Thaw;
use super::stepper::Stepper;
use crate::model::Param;
use crate::train::optimizers::optimizer::new_slots;

impl Stepper<'_> {
    /// Begins an epoch, counted from 0, or goes on with it: parameters that it thaws are trained from now on.
    pub fn begin_epoch(&mut self, epoch: u64) {
        let is_due = |param: &Param| param.frozen && !param.tuning.frozen.in_epoch(epoch);
        if self.params.params.iter().any(is_due) {
            let updates = self.counters.updates;
            self.counters.thaws.push(Thaw { epoch, updates });
            self.apply_thaws();
        }
    }

    /// Freezes and thaws parameters according to the counters; the optimizer state of those that change is reset.
    pub(super) fn apply_thaws(&mut self) {
        let params = self.params.params.iter_mut().zip(&mut self.slots);
        for (param, slots) in params {
            let frozen = self.counters.freezes(param);
            if param.frozen != frozen {
                param.frozen = frozen;
                *slots = new_slots(&*self.optimizer, param);
            }
        }
        self.place_sinks();
    }
}
