//! Activations that kernels apply to what they are about to store, a vector at a time.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::device::simd::{arch, load, store};
use crate::kernels::scratch::in_pieces;

/// An activation of each value by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pointwise {
    /// `x`
    #[default]
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x min(max(x + 3, 0), 6) / 6`, also called hard swish
    HardSilu,
    /// `x sigmoid(x)`, also called swish
    Silu,
}

impl Pointwise {
    /// Whether the output is constant or the input itself: then the gradient passes or it does not, and the output
    /// says which.
    pub fn is_cut(self) -> bool {
        matches!(self, Pointwise::Linear | Pointwise::Relu | Pointwise::Relu6)
    }

    /// Whether a gradient passes where the output of a cut is `y`. Of what is not a number it does.
    #[inline(always)]
    pub fn is_open<S: Simd>(self, simd: S, y: S::f32s) -> S::m32s {
        let above = simd.not_m32s(simd.less_than_or_equal_f32s(y, simd.splat_f32s(0.0)));
        match self {
            Pointwise::Relu => above,
            Pointwise::Relu6 => {
                let below = simd.greater_than_or_equal_f32s(y, simd.splat_f32s(6.0));
                simd.and_m32s(above, simd.not_m32s(below))
            }
            _ => simd.equal_u32s(simd.splat_u32s(0), simd.splat_u32s(0)),
        }
    }

    /// The activation; what is not a number stays visible.
    #[inline(always)]
    pub fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Pointwise::Linear => x,
            Pointwise::Relu => at_least_zero(simd, x),
            Pointwise::Relu6 => at_most_six(simd, at_least_zero(simd, x)),
            Pointwise::HardSilu => simd.mul_f32s(x, hard_sigmoid(simd, x)),
            Pointwise::Silu => simd.mul_f32s(x, sigmoid(simd, x)),
        }
    }

    /// The activation of some vectors: it is chosen once for all of them.
    #[inline(always)]
    pub fn of_each<S: Simd, const N: usize>(self, simd: S, mut x: [S::f32s; N]) -> [S::f32s; N] {
        // Loops, not closures: those may stay functions of their own, compiled without the vectors' instructions.
        match self {
            Pointwise::Linear => {}
            Pointwise::Relu => {
                for x in &mut x {
                    *x = Pointwise::Relu.of(simd, *x);
                }
            }
            Pointwise::Relu6 => {
                for x in &mut x {
                    *x = Pointwise::Relu6.of(simd, *x);
                }
            }
            Pointwise::HardSilu => {
                for x in &mut x {
                    *x = Pointwise::HardSilu.of(simd, *x);
                }
            }
            Pointwise::Silu => {
                for x in &mut x {
                    *x = Pointwise::Silu.of(simd, *x);
                }
            }
        }
        x
    }

    /// The gradient of the activation's input `x`, from that of its output.
    #[inline(always)]
    pub fn gradient<S: Simd>(self, simd: S, x: S::f32s, grad: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let one = simd.splat_f32s(1.0);
        match self {
            Pointwise::Linear | Pointwise::Relu | Pointwise::Relu6 => {
                simd.select_f32s(self.is_open(simd, x), grad, zero)
            }
            Pointwise::HardSilu => {
                // 0 up to -3, 1 from 3 on, (2 x + 3) / 6 between.
                let slope = simd.mul_add_e_f32s(x, splat(simd, 1.0 / 3.0), splat(simd, 0.5));
                let low = simd.less_than_or_equal_f32s(x, splat(simd, -3.0));
                let slope = simd.select_f32s(low, zero, slope);
                let high = simd.greater_than_or_equal_f32s(x, splat(simd, 3.0));
                simd.mul_f32s(grad, simd.select_f32s(high, one, slope))
            }
            Pointwise::Silu => {
                // s (1 + x (1 - s))
                let s = sigmoid(simd, x);
                let slope = simd.mul_add_e_f32s(x, simd.sub_f32s(one, s), one);
                simd.mul_f32s(grad, simd.mul_f32s(s, slope))
            }
        }
    }
}

/// Values of a piece of work.
const PIECE: usize = 1 << 14;

impl Pointwise {
    /// The activation of every value.
    pub fn apply(self, input: &[f32]) -> Vec<f32> {
        in_pieces(input.len(), PIECE, |index, out| {
            let input = &input[index * PIECE..][..out.len()];
            let then = self;
            arch().dispatch(Apply { then, input, out });
        })
    }

    /// Makes gradients of outputs gradients of inputs, in place. `kept` are the inputs; of a cut the outputs do as well.
    pub fn go_back(self, kept: &[f32], grad: &mut [f32]) {
        let pieces = grad.par_chunks_mut(PIECE).zip(kept.par_chunks(PIECE));
        pieces.for_each(|(grad, kept)| {
            let then = self;
            arch().dispatch(GoBack { then, kept, grad });
        });
    }
}

struct Apply<'a> {
    then: Pointwise,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.out.chunks_mut(S::F32_LANES);
        for (out, x) in vectors.zip(self.input.chunks(S::F32_LANES)) {
            let x = load::<S>(simd, x);
            store::<S>(simd, out, self.then.of(simd, x));
        }
    }
}

struct GoBack<'a> {
    then: Pointwise,
    kept: &'a [f32],
    grad: &'a mut [f32],
}

impl WithSimd for GoBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.grad.chunks_mut(S::F32_LANES);
        for (grad, kept) in vectors.zip(self.kept.chunks(S::F32_LANES)) {
            let (kept, before) = (load::<S>(simd, kept), load::<S>(simd, grad));
            store::<S>(simd, grad, self.then.gradient(simd, kept, before));
        }
    }
}

#[inline(always)]
fn splat<S: Simd>(simd: S, x: f32) -> S::f32s {
    simd.splat_f32s(x)
}

// Asked this way round, so that what is not a number passes.
#[inline(always)]
fn at_least_zero<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(x, zero), zero, x)
}

#[inline(always)]
fn at_most_six<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let six = simd.splat_f32s(6.0);
    simd.select_f32s(simd.greater_than_or_equal_f32s(x, six), six, x)
}

/// `min(max(x + 3, 0), 6) / 6`
#[inline(always)]
fn hard_sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let shifted = simd.add_f32s(x, splat(simd, 3.0));
    let cut = at_most_six(simd, at_least_zero(simd, shifted));
    simd.mul_f32s(cut, splat(simd, 1.0 / 6.0))
}

#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let e = exp(simd, simd.neg_f32s(x));
    simd.div_f32s(one, simd.add_f32s(one, e))
}

/// `exp(x)`, to about one part in 10^7; what is not a number stays that.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let most = splat(simd, 88.0);
    let least = splat(simd, -87.0);
    let x = simd.select_f32s(simd.greater_than_f32s(x, most), most, x);
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    // The nearest whole number of ln 2, by adding and taking away 1.5 * 2^23.
    let round = splat(simd, 12_582_912.0);
    let shifted = simd.mul_add_f32s(x, splat(simd, std::f32::consts::LOG2_E), round);
    let whole = simd.sub_f32s(shifted, round);
    let rest = simd.mul_add_f32s(whole, splat(simd, -0.693_359_4), x);
    let rest = simd.mul_add_f32s(whole, splat(simd, 2.121_944_4e-4), rest);
    // Cephes's polynomial.
    let mut p = splat(simd, 1.987_569_1e-4);
    for coefficient in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ] {
        p = simd.mul_add_f32s(p, rest, splat(simd, coefficient));
    }
    let one = splat(simd, 1.0);
    let value = simd.mul_add_f32s(p, simd.mul_f32s(rest, rest), simd.add_f32s(rest, one));
    let bits = simd.transmute_u32s_f32s(shifted);
    let power = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let power = simd.add_u32s(power, simd.splat_u32s(127 << 23));
    simd.mul_f32s(value, simd.transmute_f32s_u32s(power))
}
