//! The epilogue of the convolution: bias, pooling, ReLU, and the store.

use pulp::Simd;
use rayon::prelude::*;

use super::shape::{ConvShape, SHUT};
use crate::device::simd::{largest, load, store};

/// 32-bit lanes of the widest vectors.
const MAX_LANES: usize = 16;

/// Calls `run` for every `len` outputs, with their places where these are kept, in parallel.
pub fn for_each_chunk(
    out: &mut [f32],
    places: Option<&mut [u8]>,
    len: usize,
    run: impl Fn(usize, &mut [f32], Option<&mut [u8]>) + Sync,
) {
    match places {
        Some(places) => out
            .par_chunks_mut(len)
            .zip(places.par_chunks_mut(len))
            .enumerate()
            .for_each(|(index, (out, places))| run(index, out, Some(places))),
        None => out
            .par_chunks_mut(len)
            .enumerate()
            .for_each(|(index, out)| run(index, out, None)),
    }
}

/// A bias filled up with zeros to whole blocks of `lanes`.
pub fn pad_bias(bias: &[f32], lanes: usize) -> Vec<f32> {
    let mut padded = bias.to_vec();
    padded.resize(bias.len().next_multiple_of(lanes), 0.0);
    padded
}

/// Some whole rows of one image's outputs.
pub struct Outputs<'a> {
    pub shape: &'a ConvShape,
    /// Filled up to whole vectors.
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    pub places: Option<&'a mut [u8]>,
}

impl Outputs<'_> {
    /// Takes the sums of one cell for one vector of filters from `filter` on; writes nothing where
    /// the cell lies outside.
    #[inline(always)]
    pub fn finish<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        sums: &[S::f32s; N],
        row: usize,
        column: usize,
        filter: usize,
    ) {
        let shape = self.shape;
        let [_, columns] = shape.out_size();
        let to = (row * columns + column) * shape.filters + filter;
        if column >= columns || to >= self.out.len() {
            return;
        }
        let zero = simd.splat_f32s(0.0);
        let (mut best, mut place) = largest(simd, sums);
        let bias = load::<S>(simd, &self.bias[filter..filter + S::F32_LANES]);
        best = simd.add_f32s(best, bias);
        if shape.relu {
            // Asked this way round, so that what is not a number stays visible.
            let shut = simd.less_than_or_equal_f32s(best, zero);
            best = simd.select_f32s(shut, zero, best);
            place = simd.select_u32s(shut, simd.splat_u32s(u32::from(SHUT)), place);
        }
        let wide = S::F32_LANES.min(shape.filters - filter);
        store::<S>(simd, &mut self.out[to..to + wide], best);
        if let Some(places) = &mut self.places {
            let mut marks = [0u32; MAX_LANES];
            if let ([to, ..], _) = S::as_mut_simd_u32s(&mut marks) {
                *to = place;
            }
            let places = &mut places[to..to + wide];
            if let ([places, ..], _) = places.as_chunks_mut::<16>() {
                *places = std::array::from_fn(|lane| marks[lane] as u8);
            } else {
                for (to, mark) in places.iter_mut().zip(&marks) {
                    *to = *mark as u8;
                }
            }
        }
    }
}
