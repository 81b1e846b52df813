//! The limit on the norm of each unit's weights, after an update.

use burn::backend::Flex;
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::device::on_cpu;

/// Keeps the division finite, as Keras's `MaxNorm` does.
const EPSILON: f64 = 1e-7;

/// Values that are summed at once: fixed, so that the bits do not depend on the number of threads.
const CHUNK: usize = 1 << 15;

/// Scales down the weights of each unit whose norm n is above `limit`, by `limit / (n + 1e-7)`; the others keep
/// their bits. `view` is the parameter as `[groups, before, units, after]`, a unit's values lying along
/// `before` and `after`. On the CPU in place, the squares summed in 64 bits.
///
/// # Shapes
/// Parameter and result `[elements]`, without autodiff.
pub fn limit_norms(param: Tensor<1>, view: [usize; 4], limit: f64) -> Tensor<1> {
    if on_cpu(&param.device()) {
        return in_place(param, view, limit);
    }
    let len = param.dims()[0];
    let param = param.reshape(view);
    let norm = param.clone().square().sum_dim(1).sum_dim(3).sqrt();
    let scale = ((norm + EPSILON).recip() * limit).clamp_max(1.0);
    (param * scale).reshape([len])
}

fn in_place(param: Tensor<1>, view: [usize; 4], limit: f64) -> Tensor<1> {
    let [groups, _, units, after] = view;
    let param = param.try_into_primitive::<Flex>();
    let mut param = param
        .expect("the tensor lies on the CPU, without autodiff")
        .to_contiguous();
    let values = param.storage_mut::<f32>();
    let group = values.len() / groups.max(1);
    let row = (units * after).max(1);
    let scale = |square: f64| match square.sqrt() {
        norm if norm > limit => (limit / (norm + EPSILON)) as f32,
        _ => 1.0,
    };
    for values in values.chunks_exact_mut(group.max(1)) {
        let parts = values.par_chunks(row * (CHUNK / row).max(1));
        let parts: Vec<Vec<f64>> = parts.map(|rows| squares(rows, units, after)).collect();
        let sums = (0..units).map(|unit| parts.iter().map(|part| part[unit]).sum());
        let scales: Vec<f32> = sums.map(scale).collect();
        values.par_chunks_exact_mut(row).for_each(|row| {
            for (part, &scale) in row.chunks_exact_mut(after).zip(&scales) {
                if scale != 1.0 {
                    part.iter_mut().for_each(|w| *w *= scale);
                }
            }
        });
    }
    Tensor::from_primitive::<Flex>(param)
}

/// Of each unit, the sum of its squares in some rows, `[rows, units, after]`.
fn squares(rows: &[f32], units: usize, after: usize) -> Vec<f64> {
    let mut squares = vec![0.0f64; units];
    for row in rows.chunks_exact(units * after) {
        for (sum, part) in squares.iter_mut().zip(row.chunks_exact(after)) {
            *sum += part
                .iter()
                .map(|&w| f64::from(w) * f64::from(w))
                .sum::<f64>();
        }
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn limited(values: &[f32], view: [usize; 4], limit: f64) -> Vec<f32> {
        let param = Tensor::<1>::from_floats(values, &Device::flex());
        let limited = limit_norms(param, view, limit);
        limited.into_data().try_to_vec().expect("floats")
    }

    /// [[3, 0.1], [4, 0.1]]: the first column has norm 5, the second 0.14.
    #[test]
    fn a_unit_beyond_the_limit_is_scaled_to_it_and_the_others_keep_their_bits() {
        let found = limited(&[3.0, 0.1, 4.0, 0.1], [1, 2, 2, 1], 1.0);
        for (found, expected) in found.iter().zip([0.6, 0.1, 0.8, 0.1]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(found[1], 0.1);
    }

    /// 40 rows of 3000 units are several parts; each column has the norm of 40 equal numbers.
    #[test]
    fn parts_of_a_large_parameter_count_together() {
        let values: Vec<f32> = (0..40 * 3000).map(|i| (i % 3000) as f32 / 1000.0).collect();
        let found = limited(&values, [1, 40, 3000, 1], 2.0);
        for (index, (found, value)) in found.iter().zip(&values).enumerate() {
            let norm = f64::from(*value) * 40f64.sqrt();
            let expected = f64::from(*value) * (2.0 / norm.max(2.0));
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{index}: {found} {expected}"
            );
        }
    }

    #[test]
    fn rows_and_groups_are_units_where_the_view_says_so() {
        let rows = limited(&[3.0, 4.0, 0.0, 2.0], [1, 1, 2, 2], 2.5);
        for (found, expected) in rows.iter().zip([1.5, 2.0, 0.0, 2.0]) {
            assert!((found - expected).abs() < 1e-6, "{rows:?}");
        }
        let groups = limited(&[3.0, 4.0, 0.0, 2.0], [2, 2, 1, 1], 2.5);
        for (found, expected) in groups.iter().zip([1.5, 2.0, 0.0, 2.0]) {
            assert!((found - expected).abs() < 1e-6, "{groups:?}");
        }
    }
}
