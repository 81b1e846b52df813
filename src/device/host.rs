//! Values of tensors on the host.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::choice::on_cpu;
use super::flex::floats;

/// Values of one piece of work.
const CHUNK: usize = 1 << 18;

/// Copies the values of a tensor of 32-bit floats, without autodiff, into `into`, whose memory is
/// used again.
pub fn copy_to_host(tensor: &Tensor<1>, into: &mut Vec<f32>) {
    on_host(tensor, |values| {
        into.resize(values.len(), 0.0);
        into.par_chunks_mut(CHUNK)
            .zip(values.par_chunks(CHUNK))
            .for_each(|(to, from)| to.copy_from_slice(from));
    });
}

/// Whether a tensor of 32-bit floats, without autodiff, holds neither infinity nor NaN.
pub fn is_finite(tensor: &Tensor<1>) -> bool {
    on_host(tensor, |values| {
        values.par_chunks(CHUNK).all(|chunk| {
            // Without a way out in the middle it runs over vectors.
            !chunk
                .iter()
                .fold(false, |bad, value| bad | !value.is_finite())
        })
    })
}

/// Shows the values of a tensor of 32-bit floats, without autodiff; on the CPU without a copy.
pub fn on_host<R>(tensor: &Tensor<1>, read: impl FnOnce(&[f32]) -> R) -> R {
    if !on_cpu(&tensor.device()) {
        let data: TensorData = tensor.to_data();
        return read(data.as_slice().expect("32-bit floats"));
    }
    let primitive = tensor
        .clone()
        .try_into_primitive::<Flex>()
        .expect("the tensor lies on the CPU, without autodiff")
        .to_contiguous();
    read(floats(&primitive))
}

/// Shows the values of all of some tensors of 32-bit floats on the CPU, without autodiff and without
/// a copy; `None` if they lie elsewhere.
pub fn all_on_host<R>(tensors: &[&Tensor<1>], read: impl FnOnce(&[&[f32]]) -> R) -> Option<R> {
    if !tensors.iter().all(|tensor| on_cpu(&tensor.device())) {
        return None;
    }
    let primitives: Option<Vec<_>> = tensors
        .iter()
        .map(|tensor| {
            let primitive = Tensor::clone(tensor).try_into_primitive::<Flex>().ok()?;
            Some(primitive.to_contiguous())
        })
        .collect();
    let primitives = primitives?;
    let values: Vec<&[f32]> = primitives.iter().map(floats).collect();
    Some(read(&values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn one_value_among_many_that_is_not_finite_is_found() {
        let device = Device::flex();
        let mut values = vec![f32::MAX; CHUNK + 7];
        let tensor = |values: &Vec<f32>| Tensor::<1>::from_floats(values.as_slice(), &device);
        assert!(is_finite(&tensor(&values)));
        for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            values[CHUNK + 3] = bad;
            assert!(!is_finite(&tensor(&values)), "{bad}");
        }
    }

    #[test]
    fn a_copy_takes_the_memory_it_is_given() {
        let mut into = Vec::with_capacity(8);
        let memory = into.as_ptr();
        copy_to_host(
            &Tensor::from_floats([1.0, 2.0, 3.0], &Device::flex()),
            &mut into,
        );
        assert_eq!(into, [1.0, 2.0, 3.0]);
        assert_eq!(into.as_ptr(), memory);
    }
}
