//! One tensor moved towards another, or added to it, in place on the CPU: averages of the weights, sums of gradients.

use burn::backend::Flex;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::device::flex::{Primitive, floats};
use crate::device::on_cpu;
use crate::device::simd::{arch, load, store};

/// Values of one piece of work.
const CHUNK: usize = 1 << 15;

/// `mean + share (value - mean)`: a value that stays the same keeps its bits in the mean.
///
/// # Shapes
/// Both `[elements]`, without autodiff.
pub fn blend(mean: Tensor<1>, value: &Tensor<1>, share: f64) -> Tensor<1> {
    if on_cpu(&mean.device()) {
        in_place(mean, value, share as f32, true)
    } else {
        on_tensors(mean, value, share, true)
    }
}

/// `sum + times value`
///
/// # Shapes
/// Both `[elements]`, without autodiff.
pub fn add_scaled(sum: Tensor<1>, value: &Tensor<1>, times: f64) -> Tensor<1> {
    if on_cpu(&sum.device()) {
        in_place(sum, value, times as f32, false)
    } else {
        on_tensors(sum, value, times, false)
    }
}

/// As tensor operations, for other devices.
fn on_tensors(to: Tensor<1>, from: &Tensor<1>, factor: f64, towards: bool) -> Tensor<1> {
    let from = match towards {
        true => from.clone() - to.clone(),
        false => from.clone(),
    };
    to + from * factor
}

/// One pass, in place if the first tensor is not shared.
fn in_place(to: Tensor<1>, from: &Tensor<1>, factor: f32, towards: bool) -> Tensor<1> {
    let mut to = primitive(to);
    let from = primitive(from.clone());
    to.storage_mut::<f32>()
        .par_chunks_mut(CHUNK)
        .zip(floats(&from).par_chunks(CHUNK))
        .for_each(|(to, from)| {
            arch().dispatch(Blend {
                to,
                from,
                factor,
                towards,
            });
        });
    Tensor::from_primitive::<Flex>(to)
}

/// A tensor's own memory.
fn primitive(tensor: Tensor<1>) -> Primitive {
    tensor
        .try_into_primitive::<Flex>()
        .expect("the tensor lies on the CPU, without autodiff")
        .to_contiguous()
}

struct Blend<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    factor: f32,
    /// Whether the factor is of the difference.
    towards: bool,
}

impl WithSimd for Blend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factor = simd.splat_f32s(self.factor);
        for at in (0..self.to.len()).step_by(S::F32_LANES) {
            let end = (at + S::F32_LANES).min(self.to.len());
            let to = load::<S>(simd, &self.to[at..end]);
            let mut from = load::<S>(simd, &self.from[at..end]);
            if self.towards {
                from = simd.sub_f32s(from, to);
            }
            store::<S>(
                simd,
                &mut self.to[at..end],
                simd.mul_add_e_f32s(from, factor, to),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// More than one piece, and a part of a vector at the end.
    const LEN: usize = CHUNK + 13;

    fn tensor(value: impl Fn(usize) -> f32) -> Tensor<1> {
        let values: Vec<f32> = (0..LEN).map(value).collect();
        Tensor::from_floats(values.as_slice(), &Device::flex())
    }

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("floats")
    }

    #[test]
    fn a_mean_follows_by_the_share_and_what_others_hold_stays() {
        let mean = tensor(|i| i as f32);
        let held = mean.clone();
        let found = values(blend(mean, &tensor(|i| i as f32 + 4.0), 0.25));
        assert!(found.iter().enumerate().all(|(i, x)| *x == i as f32 + 1.0));
        assert_eq!(values(held)[LEN - 1], (LEN - 1) as f32);
    }

    #[test]
    fn a_value_that_stays_the_same_keeps_its_bits() {
        let third = |i: usize| 1.0 / (3.0 + i as f32);
        let found = values(blend(tensor(third), &tensor(third), 0.001));
        assert_eq!(found, values(tensor(third)));
    }

    #[test]
    fn the_pass_agrees_with_tensor_operations() {
        let (to, from) = (tensor(|i| (i % 17) as f32), tensor(|i| (i % 13) as f32));
        for towards in [false, true] {
            let found = values(in_place(to.clone(), &from, 0.3, towards));
            let expected = values(on_tensors(to.clone(), &from, 0.3, towards));
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
            assert!(found.iter().zip(&expected).all(close), "{towards}");
        }
    }

    #[test]
    fn a_sum_grows_by_a_multiple() {
        let found = values(add_scaled(tensor(|i| i as f32), &tensor(|_| 0.5), 3.0));
        assert!(found.iter().enumerate().all(|(i, x)| *x == i as f32 + 1.5));
    }
}
