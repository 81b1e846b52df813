//! Numbers that options of several optimizers have where the experiment does not set them: Keras's.

pub fn rate() -> f64 {
    1e-3
}

pub fn beta1() -> f64 {
    0.9
}

pub fn beta2() -> f64 {
    0.999
}

pub fn epsilon() -> f64 {
    1e-7
}
