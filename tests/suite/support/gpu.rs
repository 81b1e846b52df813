//! The GPU path. Its tests are ignored by default; `KILN_TEST_GPU=1 cargo test -- --ignored gpu` runs them, on the
//! software Vulkan driver where there is no GPU, and then a missing adapter fails. They take turns: they share the
//! adapter's queue and memory.

use std::sync::{Mutex, PoisonError};

use kiln::device::{Choice, Chosen, choose};

static TURN: Mutex<()> = Mutex::new(());

/// Fails where the GPU path is not to be tested, so that no test of it passes without a GPU.
#[track_caller]
pub fn ask() {
    let asked = std::env::var("KILN_TEST_GPU").is_ok_and(|value| value == "1");
    assert!(asked, "not run: KILN_TEST_GPU is not 1");
}

/// Runs a test on the adapter.
pub fn run(test: impl FnOnce(&Chosen)) {
    ask();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    test(&choose(Choice::Gpu(None)).expect("an adapter"));
}
