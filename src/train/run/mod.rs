//! A run: epochs, steps, evaluation, and events for its observers.

pub mod average;
pub mod average_epoch;
pub mod clock;
pub mod counters;
pub mod epoch;
pub mod evaluator;
pub mod events;
pub mod feature_store;
pub mod features;
pub mod fit;
pub mod kept;
pub mod loss_scale;
pub mod non_finite;
pub mod prepared;
pub mod shaping;
pub mod stepper;
pub mod stepper_tensors;
pub mod stop;
pub mod thaw;
