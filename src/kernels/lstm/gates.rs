//! The cell update by the gates of one time step, and its gradient. The loops are plain: inside of a
//! dispatch the compiler makes them vectors.

use pulp::{Simd, WithSimd};

/// `exp(x)`, to about one part in 10^7; what is not a number stays that.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Asked this way round, so that what is not a number passes.
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    // The nearest whole number of ln 2, by adding and taking away 1.5 * 2^23.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let rest = whole.mul_add(-0.693_359_4, x);
    let rest = whole.mul_add(2.121_944_4e-4, rest);
    // Cephes's polynomial.
    let p = 1.987_569_1e-4_f32.mul_add(rest, 1.398_2e-3);
    let p = p.mul_add(rest, 8.333_452e-3);
    let p = p.mul_add(rest, 4.166_579_6e-2);
    let p = p.mul_add(rest, 1.666_666_5e-1);
    let p = p.mul_add(rest, 5e-1);
    let value = p.mul_add(rest * rest, rest + 1.0);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    value * power
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// One time step forward.
pub struct Gates<'a> {
    pub units: usize,
    /// `[batch, 4 units]`: before the activations, and after.
    pub z: &'a mut [f32],
    /// The cells of the step before, `[batch, units]`; empty at the first step.
    pub before: &'a [f32],
    /// `[batch, units]`
    pub cells: &'a mut [f32],
    /// `[batch, units]`
    pub hidden: &'a mut [f32],
}

impl WithSimd for Gates<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let units = self.units;
        let rows = self.z.chunks_exact_mut(4 * units);
        let cells = self.cells.chunks_exact_mut(units);
        let hidden = self.hidden.chunks_exact_mut(units);
        for (sample, ((z, cells), hidden)) in rows.zip(cells).zip(hidden).enumerate() {
            let (i, rest) = z.split_at_mut(units);
            let (f, rest) = rest.split_at_mut(units);
            let (g, o) = rest.split_at_mut(units);
            for x in i.iter_mut() {
                *x = sigmoid(*x);
            }
            for x in f.iter_mut() {
                *x = sigmoid(*x);
            }
            for x in g.iter_mut() {
                *x = tanh(*x);
            }
            for x in o.iter_mut() {
                *x = sigmoid(*x);
            }
            for (cell, (i, g)) in cells.iter_mut().zip(i.iter().zip(g.iter())) {
                *cell = i * g;
            }
            if !self.before.is_empty() {
                let before = &self.before[sample * units..][..units];
                for (cell, (f, before)) in cells.iter_mut().zip(f.iter().zip(before)) {
                    *cell = f.mul_add(*before, *cell);
                }
            }
            for (hidden, (o, cell)) in hidden.iter_mut().zip(o.iter().zip(cells.iter())) {
                *hidden = o * tanh(*cell);
            }
        }
    }
}

/// One time step backward.
pub struct GateGrads<'a> {
    pub units: usize,
    /// `[batch, 4 units]`, after the activations.
    pub gates: &'a [f32],
    /// The cells of the step before; empty at the first step.
    pub before: &'a [f32],
    pub cells: &'a [f32],
    /// The gradient of the output, `[batch, units]`.
    pub dh: &'a [f32],
    /// The gradient of the cells from the steps behind; becomes that for the step before.
    pub dc: &'a mut [f32],
    /// The gradient before the activations, `[batch, 4 units]`.
    pub dz: &'a mut [f32],
}

impl WithSimd for GateGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let units = self.units;
        let rows = self.dz.chunks_exact_mut(4 * units).enumerate();
        for (sample, dz) in rows {
            let gates = &self.gates[sample * 4 * units..][..4 * units];
            let (i, rest) = gates.split_at(units);
            let (f, rest) = rest.split_at(units);
            let (g, o) = rest.split_at(units);
            let own = sample * units..(sample + 1) * units;
            let (cells, dh) = (&self.cells[own.clone()], &self.dh[own.clone()]);
            let dc = &mut self.dc[own.clone()];
            let (di, rest) = dz.split_at_mut(units);
            let (df, rest) = rest.split_at_mut(units);
            let (dg, d_o) = rest.split_at_mut(units);
            for k in 0..units {
                let tanh = tanh(cells[k]);
                d_o[k] = dh[k] * tanh * o[k] * (1.0 - o[k]);
                dc[k] += dh[k] * o[k] * (1.0 - tanh * tanh);
            }
            for k in 0..units {
                di[k] = dc[k] * g[k] * i[k] * (1.0 - i[k]);
                dg[k] = dc[k] * i[k] * (1.0 - g[k] * g[k]);
            }
            if self.before.is_empty() {
                df.fill(0.0);
            } else {
                let before = &self.before[own];
                for k in 0..units {
                    df[k] = dc[k] * before[k] * f[k] * (1.0 - f[k]);
                }
            }
            for k in 0..units {
                dc[k] *= f[k];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right_to_the_last_digits() {
        for step in -8000..8000 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 3e-7, "{x}: {error}");
            let exact = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - exact).abs() < 3e-7, "tanh {x}");
        }
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert_eq!(sigmoid(200.0), 1.0);
        assert_eq!(tanh(-200.0), -1.0);
    }
}
