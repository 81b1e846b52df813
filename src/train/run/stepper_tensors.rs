//! The saved tensors of a stepper: every parameter, its average and the optimizer's state, by name.

use burn::tensor::Tensor;
use xxhash_rust::xxh3::Xxh3;

use super::stepper::Stepper;
use crate::device::copy_to_host;
use crate::model::upload;

impl Stepper<'_> {
    /// Every parameter, its average and the optimizer's state, in order: `model.2.weight`, `ema/model.2.weight`,
    /// `adam.m/model.2.weight`, ... The average of a frozen parameter is the parameter itself, and is left out.
    pub fn tensors(&self) -> impl Iterator<Item = (String, &[usize], &Tensor<1>)> {
        let names = self.optimizer.slots();
        let params = self.params.params.iter();
        let slots = params.clone().zip(&self.slots).flat_map(|(param, slots)| {
            let named = names.iter().zip(slots);
            named.map(|(slot, tensor)| (slot_name(slot, &param.name), &param.shape[..], tensor))
        });
        let average = self.average.iter().flat_map(|average| {
            let name = average.averaging.name();
            let means = average.params.iter().flat_map(|store| &store.params);
            let pairs = means.zip(&self.params.params);
            let own = pairs.filter(|(_, param)| !param.frozen);
            own.map(move |(mean, _)| (slot_name(name, &mean.name), &mean.shape[..], &mean.tensor))
        });
        params
            .map(|param| (param.name.clone(), &param.shape[..], &param.tensor))
            .chain(average)
            .chain(slots)
    }

    /// Puts other values in the place of each of the [`tensors`](Self::tensors), in their order; the
    /// counters come first.
    ///
    /// # Errors
    /// Whatever `values` has to say of a name and a shape.
    pub fn restore(
        &mut self,
        mut values: impl FnMut(&str, &[usize]) -> anyhow::Result<Vec<f32>>,
    ) -> anyhow::Result<()> {
        let names = self.optimizer.slots();
        self.gathered = None;
        for param in &mut self.params.params {
            let device = param.tensor.device();
            param.tensor = upload(values(&param.name, &param.shape)?, &device);
        }
        if let Some(average) = &mut self.average {
            let name = average.averaging.name();
            let means = average.params.iter_mut().flat_map(|p| &mut p.params);
            for (mean, param) in means.zip(&self.params.params) {
                if param.frozen {
                    mean.tensor = param.tensor.clone();
                    continue;
                }
                let device = mean.tensor.device();
                let values = values(&slot_name(name, &mean.name), &mean.shape)?;
                mean.tensor = upload(values, &device);
            }
        }
        for (param, slots) in self.params.params.iter().zip(&mut self.slots) {
            let device = param.tensor.device();
            for (slot, tensor) in names.iter().zip(slots) {
                let values = values(&slot_name(slot, &param.name), &param.shape)?;
                *tensor = upload(values, &device);
            }
        }
        Ok(())
    }

    /// A digest of all parameters and optimizer state, by name.
    pub fn digest(&self) -> String {
        let mut hash = Xxh3::new();
        let mut values = Vec::new();
        for (name, _, tensor) in self.tensors() {
            copy_to_host(tensor, &mut values);
            hash.update(name.as_bytes());
            hash.update(bytemuck::cast_slice(&values));
        }
        format!("{:032x}", hash.digest128())
    }
}

/// The name of a parameter's optimizer state.
pub fn slot_name(slot: &str, param: &str) -> String {
    format!("{slot}/{param}")
}
