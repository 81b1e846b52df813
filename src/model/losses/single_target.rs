//! The losses of one target. They have a table of their own because `per_head` reads its losses from it and is itself in
//! the table of all.

use super::loss::Loss;
use crate::config::Member;
use crate::family;

/// Every loss of one target.
pub const SINGLE_TARGET_LOSSES: &[Member<dyn Loss>] = family! { dyn Loss:
    "binary_cross_entropy" => super::binary_cross_entropy::BinaryCrossEntropy,
    "sparse_categorical_cross_entropy" =>
        super::sparse_categorical_cross_entropy::SparseCategoricalCrossEntropy,
    "categorical_cross_entropy" =>
        super::sparse_categorical_cross_entropy::SparseCategoricalCrossEntropy,
    "focal" => super::focal::Focal,
    "hinge" => super::hinge::Hinge,
    "squared_hinge" => super::hinge::SquaredHinge,
    "kl_divergence" => super::kl_divergence::KlDivergence,
    "mse" => super::mse::Mse,
    "mae" => super::mae::Mae,
    "huber" => super::huber::Huber,
    "log_cosh" => super::log_cosh::LogCosh,
    "poisson" => super::poisson::Poisson,
};
