//! Dynamic loss scaling (Micikevicius and others, 2018): f16 has nothing between 0 and 6e-8, so the
//! loss is multiplied before the backward pass, and the gradients are divided before the update.
//!
//! A step whose gradients overflow is left out and the scale halved; after 1000 good steps it is
//! doubled, to find out whether more fits. So a run leaves out at most 15 steps more than it
//! doubles the scale, until the scale is 1: gradients that overflow even then are diverged.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::kernels::Gradient;

/// Where the scale starts: 2^15. The gradient of a mean loss by a logit is at most 1 in magnitude,
/// and f16 ends at 65504: it is the largest power of two that never overflows by itself. Powers of
/// two change no bit of a gradient's mantissa.
const START: f32 = 32768.0;

/// Where doubling ends. What vanishes even then is under 2^-48; without an end, a net whose
/// gradients are all 0 would in time scale them to infinity times 0.
const MOST: f32 = 16_777_216.0;

/// Good steps in a row after which the scale is doubled.
const PATIENCE: u32 = 1000;

/// The number that the loss is multiplied by, as it follows the gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    scale: f32,
    /// In a row.
    good_steps: u32,
}

/// The decision about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its gradients are finite.
    Update,
    /// They are not; the next step has a smaller scale.
    Skip,
    /// They are not, and would not be with a scale of 1.
    Diverged,
}

impl Default for LossScale {
    fn default() -> Self {
        LossScale {
            scale: START,
            good_steps: 0,
        }
    }
}

impl LossScale {
    /// The scale of the next step.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Divides the gradients by the scale and decides about the step. What has no gradient keeps
    /// none.
    ///
    /// Reads one number from the device: whether all gradients are finite. So a GPU waits for the
    /// host once a step, which is what leaving an update out costs.
    pub fn unscale(&mut self, grads: Vec<Option<Gradient>>) -> (Verdict, Vec<Option<Gradient>>) {
        let factor = 1.0 / self.scale;
        let mut total: Option<Tensor<1>> = None;
        let grads = grads
            .into_iter()
            .map(|grad| {
                let Gradient::Whole(grad) = grad? else {
                    unreachable!("only the CPU's kernels give factors, and they need no scale")
                };
                let grad = *grad * factor;
                // A sum stays infinite, or not a number, where one value is; a maximum on a GPU
                // need not. Values that come from f16 are too small for a sum beyond f32.
                let sum = grad.clone().sum();
                total = Some(match total.take() {
                    Some(total) => total + sum,
                    None => sum,
                });
                Some(Gradient::Whole(Box::new(grad)))
            })
            .collect();
        let finite = total.is_none_or(|total| total.into_scalar::<f32>().is_finite());
        (self.judge(finite), grads)
    }

    /// Judges a step by whether all its gradients are finite.
    pub fn judge(&mut self, finite: bool) -> Verdict {
        if !finite {
            self.good_steps = 0;
            if self.scale <= 1.0 {
                return Verdict::Diverged;
            }
            self.scale /= 2.0;
            return Verdict::Skip;
        }
        self.good_steps += 1;
        if self.good_steps == PATIENCE {
            self.good_steps = 0;
            self.scale = (self.scale * 2.0).min(MOST);
        }
        Verdict::Update
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn unscaled(scale: &mut LossScale, grads: &[&[f32]]) -> (Verdict, Vec<Vec<f32>>) {
        let whole = |values: &&[f32]| {
            let grad = Tensor::from_floats(*values, &Device::flex());
            Some(Gradient::Whole(Box::new(grad)))
        };
        let (verdict, grads) = scale.unscale(grads.iter().map(whole).chain([None]).collect());
        let values = grads.into_iter().flatten().map(|grad| match grad {
            Gradient::Whole(grad) => grad.into_data().try_to_vec().expect("floats"),
            Gradient::Factors(_) => unreachable!("made whole above"),
        });
        (verdict, values.collect())
    }

    #[test]
    fn gradients_are_divided_by_the_scale_exactly() {
        let mut scale = LossScale::default();
        let (verdict, grads) = unscaled(&mut scale, &[&[32768.0, -65536.0], &[8192.0]]);
        assert_eq!(verdict, Verdict::Update);
        assert_eq!(grads, [vec![1.0, -2.0], vec![0.25]]);
    }

    #[test]
    fn one_value_that_is_not_finite_condemns_the_step() {
        for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let mut scale = LossScale::default();
            let (verdict, _) = unscaled(&mut scale, &[&[1.0, 2.0], &[0.5, bad, 1.0]]);
            assert_eq!(verdict, Verdict::Skip, "{bad}");
        }
        let both = [f32::INFINITY, f32::NEG_INFINITY];
        let (verdict, _) = unscaled(&mut LossScale::default(), &[&both]);
        assert_eq!(verdict, Verdict::Skip);
    }

    #[test]
    fn a_step_that_overflows_is_left_out_and_halves_the_scale() {
        let mut scale = LossScale::default();
        assert_eq!(scale.judge(false), Verdict::Skip);
        assert_eq!(scale.scale(), 16384.0);
        assert_eq!(scale.judge(true), Verdict::Update);
        assert_eq!(scale.scale(), 16384.0);
    }

    #[test]
    fn a_thousand_good_steps_in_a_row_double_the_scale() {
        let mut scale = LossScale::default();
        (0..999).for_each(|_| assert_eq!(scale.judge(true), Verdict::Update));
        assert_eq!(scale.scale(), 32768.0);
        scale.judge(true);
        assert_eq!(scale.scale(), 65536.0);
        (0..999).for_each(|_| assert_eq!(scale.judge(true), Verdict::Update));
        scale.judge(false);
        assert_eq!(scale.scale(), 32768.0);
        scale.judge(true);
        assert_eq!(scale.scale(), 32768.0, "the count starts again");
    }

    #[test]
    fn what_overflows_with_a_scale_of_1_has_diverged() {
        let mut scale = LossScale::default();
        for _ in 0..15 {
            assert_eq!(scale.judge(false), Verdict::Skip);
        }
        assert_eq!(scale.scale(), 1.0);
        assert_eq!(scale.judge(false), Verdict::Diverged);
    }

    #[test]
    fn the_scale_stays_finite_however_long_nothing_overflows() {
        let mut scale = LossScale::default();
        (0..200_000).for_each(|_| assert_eq!(scale.judge(true), Verdict::Update));
        assert_eq!(scale.scale(), 16_777_216.0);
    }
}
