//! Dropout (Srivastava and others, 2014).

use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Purpose, Rng, Shape, Value, hash_text};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Planned, Scope, Training, Working, check_numbers,
};

/// In training, sets a random share of the values to 0 and multiplies the others by
/// `1 / (1 - rate)`; in evaluation changes nothing.
///
/// Which values are dropped is a function of (seed, layer, epoch, sample).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share of values set to 0.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    rate: f64,
}

impl Dropout {
    /// 0 or `1 / (1 - rate)` for every value of a batch, `[batch * features]`.
    fn mask(&self, name: &str, training: &Training<'_>, features: usize) -> Vec<f32> {
        let keep = (1.0 / (1.0 - self.rate)) as f32;
        let layer = hash_text(name);
        let mut mask = Vec::with_capacity(training.ids.len() * features);
        for &id in training.ids {
            let address = [layer, training.epoch, u64::from(id)];
            let mut rng = Rng::new(training.seed, Purpose::Dropout, &address);
            mask.extend((0..features).map(|_| if rng.uniform() < self.rate { 0.0 } else { keep }));
        }
        mask
    }
}

fn drop<const D: usize>(x: Tensor<D>, mask: impl FnOnce(usize) -> Vec<f32>) -> Tensor<D> {
    let dims = x.dims();
    let device: Device = x.device();
    let features = dims[1..].iter().product();
    let mask = Tensor::<D>::from_data(TensorData::new(mask(features), dims), &device);
    let mask = mask.cast(x.dtype());
    x * mask
}

impl Layer for Dropout {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        check_numbers(input)?;
        let mask = Working {
            per_sample: input.num_elements() as u64,
            fixed: 0,
        };
        Ok(Planned::new(self.clone(), input).working(mask))
    }
}

impl Forward for Dropout {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let Some(training) = scope.pass.training.filter(|_| self.rate > 0.0) else {
            return input;
        };
        let mask = |features| self.mask(scope.name, &training, features);
        match input {
            Value::Image(x) => Value::Image(drop(x, mask)),
            Value::Sequence(x) => Value::Sequence(drop(x, mask)),
            Value::Flat(x) => Value::Flat(drop(x, mask)),
            Value::Tokens(x) => Value::Tokens(x),
        }
    }

    fn is_random(&self) -> bool {
        self.rate > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_share_and_keeps_the_mean() {
        let dropout = Dropout { rate: 0.25 };
        let training = Training {
            seed: 1,
            epoch: 0,
            ids: &[7, 8],
        };
        let mask = dropout.mask("model.3", &training, 20_000);
        let dropped = mask.iter().filter(|&&m| m == 0.0).count() as f64 / mask.len() as f64;
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((dropped - 0.25).abs() < 0.01, "{dropped}");
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert_ne!(
            mask[..20_000],
            mask[20_000..],
            "each sample has its own mask"
        );
    }

    #[test]
    fn a_sample_keeps_its_mask_in_any_batch() {
        let dropout = Dropout { rate: 0.5 };
        let mask = |ids: &[u32]| {
            let training = Training {
                seed: 1,
                epoch: 2,
                ids,
            };
            dropout.mask("model.3", &training, 10)
        };
        assert_eq!(mask(&[4, 5])[10..], mask(&[5])[..]);
    }
}
