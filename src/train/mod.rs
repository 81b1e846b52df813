//! Training: the loop, optimizers, evaluation, checkpoints, the run folder.

mod checkpoint;
mod optimizers;
mod plan;
mod run;
pub mod schedules;
mod styles;
mod tools;

pub use crate::train::optimizers::optimizer::Optimizer;
pub use crate::train::plan::decision::Decision;
pub use crate::train::schedules::learning_rate::LearningRate;
pub use crate::train::schedules::schedule::Schedule;
pub use checkpoint::changes::{Changes, check_data};
pub use checkpoint::checkpointer::Checkpointer;
pub use checkpoint::resume::Checkpoint;
pub use checkpoint::run_folder::RunFolder;
pub use checkpoint::snapshot::Files;
pub use checkpoint::state::State;
pub use optimizers::OPTIMIZERS;
pub use plan::limits::Limits;
pub use plan::memory::bench_memory;
pub use plan::monitor::Monitor;
pub use plan::run_plan::{Net, Plan, PlanParts};
pub use plan::{advice, class_weights};
pub use run::average::{Average, Averaging};
pub use run::evaluator::{Evaluation, Scorer};
pub use run::events::{EpochRecord, Event, Observer};
pub use run::fit::{Outcome, Run};
pub use run::loss_scale::{LossScale, Verdict};
pub use run::prepared::{Findings, Prepared, Start};
pub use run::shaping::Shaping;
pub use run::stepper::{Counters, StepOutput, Stepper, training_device};
pub use run::stop::StopFlag;
pub use schedules::SCHEDULES;
pub use styles::{load, style_settings};
pub use tools::bench::{Bench, Figures, LayerFigures, synthetic_batch};
pub use tools::lr_find::{Found, Point, Sweep, Trial};
