//! What follows the convolution's sums: bias, pooling, activation, and the store.

use pulp::Simd;
use rayon::prelude::*;

use super::shape::{ConvShape, SHUT};
use crate::device::simd::{largest, load, prefetch, store};
use crate::kernels::scratch::{in_pieces, in_pieces_beside};

/// 32-bit lanes of the widest vectors.
const MAX_LANES: usize = 16;

/// `len` outputs in pieces of `piece`, with their places where these are kept, in parallel: `run` gets the number of
/// a piece.
pub fn outputs_in_pieces(
    len: usize,
    piece: usize,
    places: Option<&mut [u8]>,
    run: impl Fn(usize, &mut [f32], Option<&mut [u8]>) + Sync,
) -> Vec<f32> {
    let Some(places) = places else {
        return in_pieces(len, piece, |index, out| run(index, out, None));
    };
    in_pieces_beside(len, piece, places, |index, out, places| {
        run(index, out, Some(places));
    })
}

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

/// Some outputs, one behind the other.
pub struct Outputs<'a> {
    pub shape: &'a ConvShape,
    /// Filled up to whole vectors.
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    /// Of pooled outputs.
    pub places: Option<&'a mut [u8]>,
}

impl Outputs<'_> {
    /// Takes the sums of one cell for one vector of filters from `filter` on.
    #[inline(always)]
    pub fn finish<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        sums: &[S::f32s; N],
        cell: usize,
        filter: usize,
    ) {
        let shape = self.shape;
        let to = cell * shape.filters + filter;
        let (best, mut place) = largest(simd, sums);
        let bias = load::<S>(simd, &self.bias[filter..filter + S::F32_LANES]);
        let best = shape.then.of(simd, simd.add_f32s(best, bias));
        let wide = S::F32_LANES.min(shape.filters - filter);
        store::<S>(simd, &mut self.out[to..to + wide], best);
        if let Some(places) = &mut self.places {
            let open = shape.then.is_open(simd, best);
            place = simd.select_u32s(open, place, simd.splat_u32s(u32::from(SHUT)));
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

    /// Takes the sums of some positions from `first` on, those of a cell side by side, for `V` vectors of filters from
    /// `filter` on.
    #[inline(always)]
    pub fn finish_tile<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        sums: &[[S::f32s; V]],
        first: usize,
        filter: usize,
    ) {
        let (filters, lanes) = (self.shape.filters, S::F32_LANES);
        let len = (V * lanes).min(filters - filter);
        if !self.shape.pool {
            return self.put::<S, V>(simd, sums, first * filters + filter, len);
        }
        for v in 0..len.div_ceil(lanes) {
            for (cell, [a, b, c, d]) in sums.as_chunks::<4>().0.iter().enumerate() {
                let values = [a[v], b[v], c[v], d[v]];
                self.finish::<S, _>(simd, &values, first / 4 + cell, filter + v * lanes);
            }
        }
    }

    /// The same for `len` filters, where nothing is pooled; `at` is the place of the first output.
    #[inline(always)]
    fn put<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        sums: &[[S::f32s; V]],
        at: usize,
        len: usize,
    ) {
        let (filters, lanes) = (self.shape.filters, S::F32_LANES);
        let mut biases = [simd.splat_f32s(0.0); V];
        for (v, vector) in biases.iter_mut().enumerate().take(len.div_ceil(lanes)) {
            *vector = load::<S>(simd, &self.bias[at % filters + v * lanes..][..lanes]);
        }
        for (p, sums) in sums.iter().enumerate() {
            let mut values = [simd.splat_f32s(0.0); V];
            for ((value, sum), bias) in values.iter_mut().zip(sums).zip(&biases) {
                *value = simd.add_f32s(*sum, *bias);
            }
            // The piece behind this one is likely to be the thread's next: its zeros are written faster then.
            for v in 0..V {
                prefetch(self.out, self.out.len() + at + p * filters + v * lanes);
            }
            let values = self.shape.then.of_each(simd, values);
            let row = &mut self.out[at + p * filters..][..len];
            if len == V * lanes {
                S::as_mut_simd_f32s(row).0.copy_from_slice(&values);
            } else {
                for (to, value) in row.chunks_mut(lanes).zip(values) {
                    store::<S>(simd, to, value);
                }
            }
        }
    }
}
