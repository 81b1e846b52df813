//! Errors of a loss that does not fit the task or the net.

use std::fmt;

use crate::data::Task;

/// A loss that does not support the task or the net's outputs; the message says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossMismatch {
    /// The loss is for targets of another kind.
    Task {
        /// The loss.
        loss: &'static str,
        /// The targets that it is for.
        expected: &'static str,
        /// The targets of the data.
        found: String,
        /// Their names, the first few.
        names: Vec<String>,
        /// A loss for them.
        instead: &'static str,
    },
    /// The loss is for two classes.
    NotTwoClasses {
        /// The loss.
        loss: &'static str,
        /// Classes of the data.
        num_classes: usize,
    },
    /// The loss needs a single output.
    NotOneOutput {
        /// The loss.
        loss: &'static str,
        /// Outputs of the net.
        num_outputs: usize,
    },
    /// The loss needs one output for each target.
    Outputs {
        /// The loss.
        loss: &'static str,
        /// What the targets are.
        of: TargetKind,
        /// Targets of the data.
        num_targets: usize,
        /// Outputs of the net.
        num_outputs: usize,
    },
    /// A single label of a multi-label task.
    OneLabel {
        /// The label.
        label: String,
    },
    /// Counts whose targets are scaled.
    ScaledCounts,
    /// The loss is for one target, the data has several.
    SeveralTargets {
        /// The targets of the data.
        targets: Vec<String>,
    },
    /// `per_head` is for several targets, the data has one.
    OneTarget {
        /// Its kind.
        found: String,
        /// Its names.
        names: Vec<String>,
    },
    /// `per_head` without heads.
    NoHeads,
    /// A head that is no target.
    UnknownHead {
        /// The table that has it.
        table: &'static str,
        /// The head.
        head: String,
        /// The targets of the data.
        targets: Vec<String>,
    },
    /// A target without layers.
    NoLayers {
        /// The target.
        target: String,
    },
    /// A target without a loss.
    NoLoss {
        /// The target.
        target: String,
        /// The targets that have one.
        heads: Vec<String>,
    },
    /// The loss of one head.
    OfHead {
        /// The head.
        head: String,
        /// What does not fit.
        mismatch: Box<LossMismatch>,
    },
}

/// What targets are, where each needs an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// Classes.
    Classes,
    /// Labels.
    Labels,
    /// Numbers.
    Numbers,
}

impl LossMismatch {
    /// That a loss for targets of one kind is used for those of `task`.
    pub fn of_task(loss: &'static str, expected: &'static str, task: &Task) -> LossMismatch {
        let instead = match task {
            Task::Classes(classes) if classes.len() == 2 => "binary_cross_entropy",
            Task::Classes(_) => "sparse_categorical_cross_entropy",
            Task::MultiLabel(_) => "binary_cross_entropy",
            Task::Regression(_) => "mse",
            Task::Heads(_) => "{ per_head = { NAME = ... } }",
        };
        let names = task.names().into_iter().take(10);
        LossMismatch::Task {
            loss,
            expected,
            found: task.what().to_string(),
            names: names.map(str::to_string).collect(),
            instead,
        }
    }
}

impl fmt::Display for LossMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LossMismatch::Task {
                loss,
                expected,
                found,
                names,
                instead,
            } => {
                let names = names.join(", ");
                write!(
                    f,
                    "{loss} is for {expected}, the targets are {found} ({names}); use loss = {instead:?}"
                )
            }
            LossMismatch::NotTwoClasses { loss, num_classes } => write!(
                f,
                "{loss} is for 2 classes, the data has {num_classes}; \
                 use loss = \"sparse_categorical_cross_entropy\" and {num_classes} units"
            ),
            LossMismatch::NotOneOutput { loss, num_outputs } => write!(
                f,
                "{loss} needs 1 output, the net gives {num_outputs}; \
                 end with {{ dense = {{ units = 1 }} }}"
            ),
            LossMismatch::Outputs {
                loss,
                of,
                num_targets,
                num_outputs,
            } => {
                let (each, found) = match of {
                    TargetKind::Classes => ("class", format!("the data has {num_targets} classes")),
                    TargetKind::Labels => ("label", format!("the data has {num_targets} labels")),
                    TargetKind::Numbers => ("number", format!("the targets are {num_targets}")),
                };
                write!(
                    f,
                    "{loss} needs one output a {each}, {found} and the net gives {num_outputs}; \
                     end with {{ dense = {{ units = {num_targets} }} }}"
                )
            }
            LossMismatch::OneLabel { label } => write!(
                f,
                "one label ({label}) is two classes; set data.task = \"classification\""
            ),
            LossMismatch::ScaledCounts => {
                f.write_str("poisson is for counts as they are; set data.scale_target = false")
            }
            _ => self.of_heads(f),
        }
    }
}

impl LossMismatch {
    /// What is wrong with several targets, or with the heads that lead to them.
    fn of_heads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LossMismatch::SeveralTargets { targets } => write!(
                f,
                "the loss is for one target, the data has several ({}); \
                 use loss = {{ per_head = {{ {} = \"...\" }} }}",
                targets.join(", "),
                targets.first().map_or("NAME", String::as_str)
            ),
            LossMismatch::OneTarget { found, names } => write!(
                f,
                "per_head is for several targets, the data has {found} ({}); use their loss alone",
                names.join(", ")
            ),
            LossMismatch::UnknownHead {
                table,
                head,
                targets,
            } => {
                let targets = targets.join(", ");
                write!(
                    f,
                    "{table} has {head:?}, the targets of the data are {targets}"
                )
            }
            LossMismatch::NoLayers { target } => {
                write!(f, "model.heads has no layers for the target {target:?}")
            }
            LossMismatch::NoLoss { target, heads } => {
                let heads = heads.join(", ");
                write!(
                    f,
                    "train.loss.per_head has no loss for {target:?}, only for {heads}"
                )
            }
            LossMismatch::OfHead { head, mismatch } => write!(f, "head {head}: {mismatch}"),
            _ => f.write_str("the net has no heads; give each target its layers in [model.heads]"),
        }
    }
}

impl std::error::Error for LossMismatch {}
