//! Values that options of many layers have where the experiment says nothing.

use super::window::Pair;
use crate::model::activation::Activation;
use crate::model::init::Init;

pub fn one() -> usize {
    1
}

pub fn two() -> Pair {
    Pair::Both(2)
}

pub fn yes() -> bool {
    true
}

pub fn linear() -> Activation {
    Activation::Linear
}

pub fn glorot() -> Init {
    Init::GlorotUniform
}

pub fn zeros() -> Init {
    Init::Zeros
}

pub fn orthogonal() -> Init {
    Init::Orthogonal
}
