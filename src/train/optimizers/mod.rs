//! Optimizers: one file each. An optimizer gives the [`Update`](crate::kernels::Update) of a step, with its
//! numbers; the state lies in named slots beside the parameter.
//!
//! Adding an optimizer: one file, and one line in [`OPTIMIZERS`].

mod adagrad;
mod adam;
mod adamw;
mod defaults;
mod lamb;
mod lion;
mod nadam;
pub mod optimizer;
mod options;
mod rmsprop;
mod sgd;

use crate::config::Member;
use crate::family;
use crate::train::optimizers::optimizer::Optimizer;

/// Every optimizer.
pub const OPTIMIZERS: &[Member<dyn Optimizer>] = family! { dyn Optimizer:
    "adagrad" => adagrad::Adagrad,
    "adam" => adam::Adam,
    "adamw" => adamw::AdamW,
    "lamb" => lamb::Lamb,
    "lion" => lion::Lion,
    "nadam" => nadam::Nadam,
    "rmsprop" => rmsprop::RmsProp,
    "sgd" => sgd::Sgd,
};
