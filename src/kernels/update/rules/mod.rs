//! The rules of the optimizers: one file each, with its fused and its plain form.

mod adam;
mod lamb;
mod lion;
mod momentum;
mod nadam;
mod sgd;
mod squares;

pub use adam::Adam;
pub use lamb::Lamb;
pub use lion::Lion;
pub use momentum::Momentum;
pub use nadam::Nadam;
pub use sgd::Sgd;
pub use squares::{Squares, SquaresMomentum};
