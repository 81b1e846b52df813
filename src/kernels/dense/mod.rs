//! Fully connected layers on the CPU, on plain slices: `y = x W + b` and its gradients. Samples are
//! few and weights are many, so every pass reads the weights once, a panel at a time.
//!
//! Inputs are `[batch, features]`, weights `[features, units]`, outputs `[batch, units]`. Work is
//! cut by the sizes alone and sums have a fixed order: the bits do not depend on the threads.

mod forward;
mod input_grad;
mod weight_grad;

pub use forward::forward;
pub use input_grad::input_grad;
pub use weight_grad::{PART_ROWS, for_each_rows, weight_grad};

/// Sizes of a fully connected layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseShape {
    /// Samples.
    pub batch: usize,
    /// Inputs of a sample.
    pub features: usize,
    /// Outputs of a sample.
    pub units: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Purpose, Rng};

    fn random(len: usize, key: u64) -> Vec<f32> {
        let mut rng = Rng::new(1, Purpose::Synth, &[key]);
        (0..len).map(|_| rng.range(-0.5, 0.5) as f32).collect()
    }

    fn close(what: &str, shape: &DenseShape, found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(found) - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-5, "{what}[{index}] {found} {expected} {shape:?}");
        }
    }

    #[test]
    fn agrees_with_the_definition_over_odd_shapes() {
        for batch in [1, 2, 7, 32, 45, 300] {
            for features in [1, 5, 33, 700] {
                for units in [1, 10, 33, 64, 130] {
                    agrees(DenseShape {
                        batch,
                        features,
                        units,
                    });
                }
            }
        }
    }

    fn agrees(shape: DenseShape) {
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
        let mut found = vec![f32::NAN; y.len()];
        forward(&shape, &x, &w, Some(&b), &mut found);
        close("output", &shape, &found, &y);
        let mut found = vec![f32::NAN; dx.len()];
        input_grad(&shape, &w, &grad, &mut found);
        close("input gradient", &shape, &found, &dx);
        let mut found = vec![f32::NAN; dw.len()];
        weight_grad(&shape, &x, &grad, &mut found);
        close("weight gradient", &shape, &found, &dw);
    }
}
