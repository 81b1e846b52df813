//! Training: the loop, optimizers, evaluation, the run folder.

mod bench;
pub mod class_weights;
mod evaluator;
mod events;
mod fit;
mod loss_scale;
mod monitor;
mod optimizers;
mod plan;
mod run_folder;
mod stepper;

pub use bench::{Bench, Figures, LayerFigures, synthetic_batch};
pub use evaluator::{Decision, Evaluation, Scorer};
pub use events::{EpochRecord, Event, Observer};
pub use fit::{Outcome, Run};
pub use loss_scale::{LossScale, Verdict};
pub use monitor::Monitor;
pub use optimizers::{OPTIMIZERS, Optimizer};
pub use plan::{Net, Plan};
pub use run_folder::RunFolder;
pub use stepper::{StepOutput, Stepper, training_device};
