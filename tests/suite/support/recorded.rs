//! Figures that other libraries computed, and the inputs that both sides make by the same formula.

use burn::tensor::Tensor;
use serde_json::Value as Json;

/// Values between -`scale` / 2 and `scale` / 2 that look drawn; the scripts in `tests/reference` make the same.
pub fn wave(count: usize, key: usize, scale: f64) -> Vec<f32> {
    let value = |i: usize| scale * (((i * 37 + key * 101) % 97) as f64 / 97.0 - 0.5);
    (0..count).map(|i| value(i) as f32).collect()
}

/// The values of a tensor of 32-bit floats.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("32-bit floats")
}

/// A list of numbers.
pub fn numbers(list: &Json) -> Vec<f64> {
    let list = list.as_array().expect("a list").iter();
    list.map(|value| value.as_f64().expect("a number"))
        .collect()
}

/// The list under `key` of a recorded file.
pub fn cases(text: &str, key: &str) -> Vec<Json> {
    let all: Json = serde_json::from_str(text).expect("JSON");
    all[key].as_array().expect("a list").clone()
}

/// Fails unless both lists agree; `tolerance` is relative to the largest recorded value.
#[track_caller]
pub fn close(what: &str, found: &[f32], expected: &Json, tolerance: f64) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1e-3f64, |most, x| most.max(x.abs()));
    for (index, (&found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / size;
        assert!(
            error < tolerance,
            "{what}[{index}]: {found}, recorded {expected}"
        );
    }
}
