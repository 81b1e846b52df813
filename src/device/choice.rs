//! Devices: the CPU (Burn's Flex backend) and, with the feature `gpu`, every graphics adapter that wgpu finds.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use burn::tensor::{Device, DeviceKind};
#[cfg(feature = "gpu")]
use burn_wgpu::graphics::AutoGraphicsApi;
#[cfg(feature = "gpu")]
use burn_wgpu::wgpu;

/// The requested device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU where there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The adapter with this number, or the best.
    Gpu(Option<usize>),
}

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Choice::Auto),
            "cpu" => Ok(Choice::Cpu),
            "gpu" => Ok(Choice::Gpu(None)),
            other => other
                .strip_prefix("gpu:")
                .and_then(|number| number.parse().ok())
                .map(|number| Choice::Gpu(Some(number)))
                .ok_or_else(|| ChoiceError(other.to_string())),
        }
    }
}

/// A text that names no device, in words that follow the flag or key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}, expected auto, cpu, gpu or gpu:N")]
pub struct ChoiceError(String);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Auto => f.write_str("auto"),
            Choice::Cpu => f.write_str("cpu"),
            Choice::Gpu(None) => f.write_str("gpu"),
            Choice::Gpu(Some(number)) => write!(f, "gpu:{number}"),
        }
    }
}

/// A graphics adapter.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Its number in `gpu:N`.
    pub number: usize,
    /// What its driver calls it.
    pub name: String,
    /// "discrete GPU", "integrated GPU", "virtual GPU", "software rasterizer", "other".
    pub kind: &'static str,
    /// "vulkan", "metal", "dx12", "gl".
    pub api: String,
    /// The driver and its version.
    pub driver: String,
    /// The largest buffer, bytes.
    pub max_buffer_bytes: u64,
    /// The largest buffer that a kernel can use, bytes.
    pub max_binding_bytes: u64,
    /// Whether kernels can compute in 16-bit floats.
    pub f16: bool,
    device_kind: DeviceKind,
}

impl Adapter {
    /// Whether it is a program on the CPU that plays a GPU.
    pub fn is_software(&self) -> bool {
        self.device_kind == DeviceKind::Cpu
    }
}

/// Every adapter of the first graphics API that has a real GPU, or that has any adapter; real
/// GPUs first, then in the driver's order.
#[cfg(feature = "gpu")]
pub fn adapters() -> Vec<Adapter> {
    let mut software_only = Vec::new();
    // OpenGL is left out: probing it prints warnings on machines without a display.
    let apis = AutoGraphicsApi::chain().into_iter();
    for api in apis.filter(|api| *api != wgpu::Backend::Gl) {
        let found = probe(api);
        if found.iter().any(|adapter| !adapter.is_software()) {
            return found;
        }
        if software_only.is_empty() {
            software_only = found;
        }
    }
    software_only
}

#[cfg(feature = "gpu")]
fn probe(api: wgpu::Backend) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(api.into()));
    let mut seen = [0usize; 5];
    let mut adapters: Vec<Adapter> = found
        .iter()
        .map(|adapter| describe(adapter, api, &mut seen))
        .collect();
    adapters.sort_by_key(|adapter| match adapter.device_kind {
        DeviceKind::DiscreteGpu(_) => 0,
        DeviceKind::IntegratedGpu(_) => 1,
        DeviceKind::Cpu => 3,
        _ => 2,
    });
    for (number, adapter) in adapters.iter_mut().enumerate() {
        adapter.number = number;
    }
    adapters
}

/// `seen` counts the adapters of each kind so far: Burn numbers each kind on its own.
#[cfg(feature = "gpu")]
fn describe(adapter: &wgpu::Adapter, api: wgpu::Backend, seen: &mut [usize; 5]) -> Adapter {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let (slot, kind) = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => (0, "discrete GPU"),
        wgpu::DeviceType::IntegratedGpu => (1, "integrated GPU"),
        wgpu::DeviceType::VirtualGpu => (2, "virtual GPU"),
        wgpu::DeviceType::Cpu => (3, "software rasterizer"),
        wgpu::DeviceType::Other => (4, "other"),
    };
    let index = seen[slot];
    seen[slot] += 1;
    let device_kind = match slot {
        0 => DeviceKind::DiscreteGpu(index),
        1 => DeviceKind::IntegratedGpu(index),
        2 => DeviceKind::VirtualGpu(index),
        3 => DeviceKind::Cpu,
        _ => DeviceKind::DefaultDevice,
    };
    Adapter {
        number: 0,
        name: info.name,
        kind,
        api: api.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_string(),
        max_buffer_bytes: limits.max_buffer_size,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        f16: adapter.features().contains(wgpu::Features::SHADER_F16),
        device_kind,
    }
}

/// The device in use.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// For tensors; without autodiff.
    pub device: Device,
    /// The name in messages: "CPU, 8 threads", "gpu:0 NVIDIA H200 (discrete GPU, vulkan)".
    pub label: String,
    /// A notice about the choice.
    pub notice: Option<String>,
    /// Whether it is a GPU.
    pub is_gpu: bool,
}

/// Whether tensors of this device lie in the CPU's memory, where the fused operations take them.
pub fn on_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// The notice that the first steps on a GPU are slow.
#[cfg(feature = "gpu")]
const TUNING: &str = if cfg!(feature = "tune-cache") {
    "kernels are tuned for this GPU in the first step, which takes longer; the result is kept"
} else {
    "kernels are tuned for this GPU in the first step, which takes longer; the result is kept until \
     the program ends (a build with the feature tune-cache keeps it for later runs)"
};

/// The hint where no adapter is found: what to install.
#[cfg(feature = "gpu")]
const INSTALL: &str = "no graphics adapter was found. Install the GPU's Vulkan driver (Debian and \
     Ubuntu: libvulkan1 with nvidia-driver, or mesa-vulkan-drivers for AMD and Intel), check with \
     `kiln devices`, or use --device cpu";

/// Opens the requested device.
///
/// # Errors
/// A GPU that is not there.
#[cfg(feature = "gpu")]
pub fn choose(choice: Choice) -> anyhow::Result<Chosen> {
    match choice {
        Choice::Cpu => Ok(cpu(None)),
        Choice::Auto => match adapters()
            .into_iter()
            .find(|adapter| !adapter.is_software())
        {
            Some(adapter) => Ok(gpu(&adapter)),
            None => Ok(cpu(Some("no GPU found: using the CPU".to_string()))),
        },
        Choice::Gpu(number) => {
            let found = adapters();
            if found.is_empty() {
                bail!("--device {choice}: {INSTALL}");
            }
            match found.get(number.unwrap_or(0)) {
                Some(adapter) => Ok(gpu(adapter)),
                None => bail!(
                    "--device {choice}: there are {} adapters, gpu:0 to gpu:{}; `kiln devices` \
                     lists them",
                    found.len(),
                    found.len() - 1
                ),
            }
        }
    }
}

/// The message of a build without the feature `gpu`.
pub const NO_GPU_SUPPORT: &str = "this build of kiln has no GPU support. Use --device cpu, or build with the \
     feature gpu, which is on by default: `cargo install --path .` without --no-default-features";

/// None: the build has no GPU support.
#[cfg(not(feature = "gpu"))]
pub fn adapters() -> Vec<Adapter> {
    Vec::new()
}

/// Takes the CPU.
///
/// # Errors
/// A GPU was asked for.
#[cfg(not(feature = "gpu"))]
pub fn choose(choice: Choice) -> anyhow::Result<Chosen> {
    match choice {
        Choice::Auto | Choice::Cpu => Ok(cpu(None)),
        Choice::Gpu(_) => bail!("--device {choice}: {NO_GPU_SUPPORT}"),
    }
}

fn cpu(notice: Option<String>) -> Chosen {
    let threads = rayon::current_num_threads();
    let plural = if threads == 1 { "" } else { "s" };
    Chosen {
        device: Device::flex(),
        label: format!("CPU, {threads} thread{plural}"),
        notice,
        is_gpu: false,
    }
}

#[cfg(feature = "gpu")]
fn gpu(adapter: &Adapter) -> Chosen {
    let notice = if adapter.is_software() {
        let name = &adapter.name;
        format!("{name} is a program that plays a GPU, for tests; --device cpu is faster")
    } else {
        TUNING.to_string()
    };
    Chosen {
        device: Device::wgpu(adapter.device_kind.clone()),
        label: format!(
            "gpu:{} {} ({}, {})",
            adapter.number, adapter.name, adapter.kind, adapter.api
        ),
        notice: Some(notice),
        is_gpu: true,
    }
}

#[cfg(test)]
mod tests {
    use crate::device::*;

    #[test]
    fn a_choice_reads_as_it_prints() {
        for text in ["auto", "cpu", "gpu", "gpu:1"] {
            assert_eq!(
                text.parse::<Choice>().map(|c| c.to_string()).as_deref(),
                Ok(text)
            );
        }
        assert!("cuda".parse::<Choice>().is_err());
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn a_build_without_gpu_support_says_so_and_how_to_get_it() {
        let message = choose(Choice::Gpu(Some(1))).unwrap_err().to_string();
        assert!(message.starts_with("--device gpu:1: this build of kiln has no GPU support"));
        assert!(message.contains("cargo install"), "{message}");
        assert!(!choose(Choice::Auto).unwrap().is_gpu);
    }
}
