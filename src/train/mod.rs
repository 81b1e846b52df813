//! Training: the loop, optimizers, evaluation, checkpoints, the run folder.

mod bench;
mod changes;
mod checkpointer;
pub mod class_weights;
mod epoch;
mod evaluator;
mod events;
mod fit;
mod history;
mod loss_scale;
mod monitor;
mod non_finite;
mod optimizers;
mod plan;
mod resume;
mod run_folder;
mod snapshot;
mod state;
mod stepper;
mod stop;

pub use bench::{Bench, Figures, LayerFigures, synthetic_batch};
pub use changes::{Changes, check_data};
pub use checkpointer::Checkpointer;
pub use evaluator::{Decision, Evaluation, Scorer};
pub use events::{EpochRecord, Event, Observer};
pub use fit::{Outcome, Run};
pub use loss_scale::{LossScale, Verdict};
pub use monitor::Monitor;
pub use optimizers::{OPTIMIZERS, Optimizer};
pub use plan::{Net, Plan, PlanParts};
pub use resume::Checkpoint;
pub use run_folder::RunFolder;
pub use snapshot::Files;
pub use state::State;
pub use stepper::{Counters, StepOutput, Stepper, training_device};
pub use stop::StopFlag;
