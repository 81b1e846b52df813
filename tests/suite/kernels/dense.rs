//! Fully connected layers agree with their definition.

use kiln::config::Precision;
use kiln::kernels::dense::{self, DenseShape};

use super::random;
use crate::support::process::at_every_simd_limit;

fn dense_agrees(shape: DenseShape) {
    let DenseShape {
        batch,
        features,
        units,
    } = shape;
    let x = random(batch * features, 1);
    let w = random(features * units, 2);
    let b = random(units, 3);
    let grad = random(batch * units, 4);
    let mut y = vec![0.0f64; batch * units];
    let mut dx = vec![0.0f64; batch * features];
    let mut dw = vec![0.0f64; features * units];
    for n in 0..batch {
        for u in 0..units {
            y[n * units + u] += f64::from(b[u]);
            for f in 0..features {
                let (value, weight) = (x[n * features + f], w[f * units + u]);
                let grad = f64::from(grad[n * units + u]);
                y[n * units + u] += f64::from(value) * f64::from(weight);
                dx[n * features + f] += grad * f64::from(weight);
                dw[f * units + u] += grad * f64::from(value);
            }
        }
    }
    let near = |what: &str, found: &[f32], expected: &[f64], bound: f64| {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let error = (f64::from(*found) - expected).abs() / expected.abs().max(1.0);
            assert!(error < bound, "{what}: {found} {expected} {shape:?}");
        }
    };
    let mut found = vec![f32::NAN; y.len()];
    dense::forward(&shape, &x, &w, Some(&b), &mut found);
    near("output", &found, &y, 1e-5);
    let mut found = vec![f32::NAN; dx.len()];
    dense::input_grad(&shape, &w, &grad, &mut found, Precision::F32);
    near("input gradient", &found, &dx, 1e-5);
    let mut found = vec![f32::NAN; dx.len()];
    dense::input_grad(&shape, &w, &grad, &mut found, Precision::Bf16);
    near("input gradient in bf16", &found, &dx, 0.02);
    let mut found = vec![f32::NAN; dw.len()];
    dense::weight_grad(&shape, &x, &grad, &mut found);
    near("weight gradient", &found, &dw, 1e-5);
}

#[test]
fn fully_connected_layers_agree_with_the_definition_over_odd_shapes() {
    at_every_simd_limit(|_| {
        for batch in [1, 2, 7, 32, 45, 300] {
            for features in [1, 5, 33, 700] {
                for units in [1, 10, 33, 64, 130] {
                    dense_agrees(DenseShape {
                        batch,
                        features,
                        units,
                    });
                }
            }
        }
    });
}
