//! The numeric type of a training pass: the experiment's precision on the device that runs it.

use burn::tensor::{Device, FloatDType};
use serde::Serialize;

use crate::config::Precision;
use crate::device::on_cpu;

/// The numeric type in which the heavy layers of a training pass compute. Master weights, their gradients and the
/// optimizer's state always have 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compute {
    /// 32-bit floats.
    #[default]
    F32,
    /// 32-bit tensors; the CPU's kernels round the operands of fast products to bf16.
    Bf16Kernels,
    /// Tensors of 16 bits through Burn's operations, as on a GPU: inputs, activations and operands.
    /// Batch norm, global average pooling, exponentials, logits and loss have 32. Flex, the CPU backend,
    /// can do it too, slowly, so the tests of this path need no GPU.
    Half(Half),
}

/// A 16-bit float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// 8 bits of mantissa, the range of 32-bit floats.
    Bf16,
    /// 11 bits of mantissa; the largest value is 65504 and the smallest 6e-8, below which gradients
    /// underflow to 0: they need loss scaling.
    F16,
}

impl Compute {
    /// The type that a device uses for `precision`; `None` if it supports none.
    pub fn on(precision: Precision, device: &Device) -> Option<Compute> {
        Compute::choose(precision, on_cpu(device), |dtype| {
            device.supports_dtype(dtype)
        })
    }

    /// bf16 before f16: it needs no loss scaling.
    fn choose(
        precision: Precision,
        cpu: bool,
        supports: impl Fn(FloatDType) -> bool,
    ) -> Option<Compute> {
        match precision {
            Precision::F32 => Some(Compute::F32),
            Precision::Bf16 if cpu => Some(Compute::Bf16Kernels),
            Precision::Bf16 => [Half::Bf16, Half::F16]
                .into_iter()
                .find(|half| supports(half.dtype()))
                .map(Compute::Half),
        }
    }

    /// The precision to which the CPU's fused products round their operands.
    pub fn kernels(self) -> Precision {
        match self {
            Compute::Bf16Kernels => Precision::Bf16,
            Compute::F32 | Compute::Half(_) => Precision::F32,
        }
    }

    /// The type of the heavy layers' tensors, where it is not f32.
    pub fn half(self) -> Option<FloatDType> {
        match self {
            Compute::Half(half) => Some(half.dtype()),
            Compute::F32 | Compute::Bf16Kernels => None,
        }
    }

    /// Whether small gradients would underflow without loss scaling.
    pub fn needs_loss_scale(self) -> bool {
        self == Compute::Half(Half::F16)
    }

    /// "f32", "bf16", "f16".
    pub fn name(self) -> &'static str {
        match self {
            Compute::F32 => "f32",
            Compute::Bf16Kernels | Compute::Half(Half::Bf16) => "bf16",
            Compute::Half(Half::F16) => "f16",
        }
    }
}

impl Half {
    fn dtype(self) -> FloatDType {
        match self {
            Half::Bf16 => FloatDType::BF16,
            Half::F16 => FloatDType::F16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(precision: Precision, cpu: bool, supported: &[FloatDType]) -> Option<Compute> {
        Compute::choose(precision, cpu, |dtype| supported.contains(&dtype))
    }

    #[test]
    fn a_gpu_takes_bf16_before_f16_and_neither_where_it_has_none() {
        let (bf16, f16) = (FloatDType::BF16, FloatDType::F16);
        let on_gpu = |supported: &[FloatDType]| chosen(Precision::Bf16, false, supported);
        assert_eq!(on_gpu(&[f16, bf16]), Some(Compute::Half(Half::Bf16)));
        assert_eq!(on_gpu(&[f16]), Some(Compute::Half(Half::F16)));
        assert_eq!(on_gpu(&[]), None);
    }

    #[test]
    fn the_cpu_has_kernels_of_its_own_and_f32_runs_everywhere() {
        let both = [FloatDType::BF16, FloatDType::F16];
        let cpu = chosen(Precision::Bf16, true, &both);
        assert_eq!(cpu, Some(Compute::Bf16Kernels));
        assert_eq!(chosen(Precision::F32, false, &[]), Some(Compute::F32));
    }

    #[test]
    fn only_f16_needs_its_loss_scaled() {
        assert!(Compute::Half(Half::F16).needs_loss_scale());
        assert!(!Compute::Half(Half::Bf16).needs_loss_scale());
        assert!(!Compute::Bf16Kernels.needs_loss_scale());
    }
}
