//! The normalisation of a value, and its gradient.

use std::ops::Range;

use pulp::Simd;

use super::moments::Moments;
use crate::device::simd::load;

/// The affine map of each channel: `(x - mean) * scale + beta`.
pub struct Affine<'a> {
    pub mean: &'a [f32],
    /// `gamma / sqrt(variance + epsilon)`
    pub scale: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`
    pub shrink: Vec<f32>,
    pub beta: &'a [f32],
}

impl<'a> Affine<'a> {
    /// By these moments.
    pub fn new(moments: &'a Moments, gamma: &[f32], beta: &'a [f32], epsilon: f32) -> Affine<'a> {
        let variances = moments.variance.iter();
        let shrink: Vec<f32> = variances.map(|v| 1.0 / (v + epsilon).sqrt()).collect();
        Affine {
            mean: &moments.mean,
            scale: shrink.iter().zip(gamma).map(|(s, g)| s * g).collect(),
            shrink,
            beta,
        }
    }

    pub fn channels(&self) -> usize {
        self.scale.len()
    }

    /// A vector of channels.
    #[inline(always)]
    pub fn vector<S: Simd>(&self, simd: S, at: Range<usize>) -> AffineVector<S> {
        AffineVector {
            mean: load::<S>(simd, &self.mean[at.clone()]),
            scale: load::<S>(simd, &self.scale[at.clone()]),
            beta: load::<S>(simd, &self.beta[at]),
        }
    }
}

/// An [`Affine`] of one vector of channels.
#[derive(Clone, Copy)]
pub struct AffineVector<S: Simd> {
    pub mean: S::f32s,
    pub scale: S::f32s,
    pub beta: S::f32s,
}

impl<S: Simd> AffineVector<S> {
    #[inline(always)]
    pub fn centred(&self, simd: S, x: S::f32s) -> S::f32s {
        simd.sub_f32s(x, self.mean)
    }

    #[inline(always)]
    pub fn of(&self, simd: S, x: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(self.centred(simd, x), self.scale, self.beta)
    }
}

/// Where a ReLU is shut: `value` there is 0. Not for what is not a number, so that it stays visible.
#[inline(always)]
pub fn open<S: Simd>(simd: S, y: S::f32s, value: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(y, zero), zero, value)
}

/// Gradients of gamma and beta, and what the gradient of the input needs of them.
pub struct NormSums {
    /// `[channels]`
    pub gamma: Vec<f32>,
    /// `[channels]`
    pub beta: Vec<f32>,
    /// The mean gradient, 0 where the moments are given.
    pub mean: Vec<f32>,
    /// By how much it changes with the distance from the mean.
    pub slope: Vec<f32>,
}

impl NormSums {
    pub fn new(
        [beta, centred]: [Vec<f64>; 2],
        rows: usize,
        affine: &Affine<'_>,
        own: bool,
    ) -> NormSums {
        let through = if own { 1.0 / rows.max(1) as f64 } else { 0.0 };
        let pairs = centred.iter().zip(&affine.shrink);
        let gamma: Vec<f32> = pairs.map(|(sum, s)| (sum * f64::from(*s)) as f32).collect();
        let slopes = gamma.iter().zip(&affine.shrink);
        NormSums {
            mean: beta.iter().map(|sum| (sum * through) as f32).collect(),
            slope: slopes.map(|(sum, s)| sum * through as f32 * s).collect(),
            beta: beta.iter().map(|&sum| sum as f32).collect(),
            gamma,
        }
    }

    /// A vector of channels.
    #[inline(always)]
    pub fn vector<S: Simd>(
        &self,
        simd: S,
        affine: AffineVector<S>,
        at: Range<usize>,
    ) -> Through<S> {
        Through {
            affine,
            mean: load::<S>(simd, &self.mean[at.clone()]),
            slope: load::<S>(simd, &self.slope[at]),
        }
    }
}

/// Maps output gradients to input gradients, for one vector of channels.
#[derive(Clone, Copy)]
pub struct Through<S: Simd> {
    pub affine: AffineVector<S>,
    pub mean: S::f32s,
    pub slope: S::f32s,
}

impl<S: Simd> Through<S> {
    /// `scale (grad - mean - slope (x - its mean))`
    #[inline(always)]
    pub fn input(&self, simd: S, x: S::f32s, grad: S::f32s) -> S::f32s {
        let rest = simd.sub_f32s(grad, self.mean);
        let centred = self.affine.centred(simd, x);
        let rest = simd.negate_mul_add_e_f32s(centred, self.slope, rest);
        simd.mul_f32s(self.affine.scale, rest)
    }
}
