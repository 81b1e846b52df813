//! Helpers of several commands: loading the experiment, opening the device, checks of output paths, shell quoting.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::cli::ExperimentArgs;
use crate::config::{Fault, Path as Key, Source};
use crate::console::{path_text, shown, text_path, visible};
use crate::device::{Choice, ChoiceError, Chosen, choose};
use crate::kernels::has_bf16;
use crate::model::{Compute, Half};
use crate::storage::is_same_file;

/// Loads an experiment; `--device` wins over the file.
pub fn load(args: &ExperimentArgs) -> anyhow::Result<(Source, Choice)> {
    let source = crate::train::load(&args.config, &args.sets)?;
    let kind = &source.experiment.device.kind;
    let written: Choice = kind.parse().map_err(|error: ChoiceError| {
        source.explain(&[Fault::new(Key::parse("device.kind"), error.to_string())])
    })?;
    let choice = args.device.unwrap_or(written);
    Ok((source, choice))
}

/// Opens a device and prints the notices about it.
pub fn take_device(choice: Choice, quiet: bool) -> anyhow::Result<Chosen> {
    let chosen = choose(choice)?;
    if let Some(notice) = chosen.notice.as_ref().filter(|_| !quiet) {
        crate::say!("note: {notice}");
    }
    if !quiet {
        crate::say!("device: {}", chosen.label);
    }
    Ok(chosen)
}

/// The numeric type for training on the device, for the requested precision; prints notices about it.
///
/// # Errors
/// A GPU without a type of 16 bits.
pub fn take_compute(source: &Source, device: &Chosen, quiet: bool) -> anyhow::Result<Compute> {
    let precision = source.experiment.train.precision;
    let Some(compute) = Compute::on(precision, &device.device) else {
        return Err(source.explain(&[no_half(&device.label)]));
    };
    let notice = match compute {
        Compute::F32 => None,
        Compute::Bf16Kernels => (!has_bf16()).then_some(
            "note: this CPU does not multiply bf16 by itself; f32 is as fast here and more exact",
        ),
        Compute::Half(Half::Bf16) => Some("precision: bf16 on the GPU"),
        Compute::Half(Half::F16) => Some("precision: f16 on the GPU, with loss scaling"),
    };
    if let Some(notice) = notice.filter(|_| !quiet) {
        crate::say!("{notice}");
    }
    Ok(compute)
}

fn no_half(device: &str) -> Fault {
    Fault::new(
        Key::parse("train.precision"),
        format!(
            "is \"bf16\", but {device} has neither bf16 nor f16 (its driver offers no shader-f16)"
        ),
    )
    .hint("use precision = \"f32\", or --device cpu; a newer driver may bring f16")
}

/// Checks that an output replaces nothing that the command reads.
///
/// # Errors
/// An output that is one of the inputs, or a file within a folder that is one.
pub fn require_apart(output: &Path, inputs: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(found) = output.canonicalize().map(|path| (path.is_file(), path)) else {
        return Ok(()); // it is not there yet
    };
    let (true, output_at) = found else {
        return Ok(()); // a device or a pipe
    };
    for input in inputs {
        let Ok(input_at) = input.canonicalize() else {
            continue;
        };
        // Files at the top of a folder belong to no class, such as the sheet of an earlier call.
        let within = output_at.strip_prefix(&input_at);
        let is_sample = input_at.is_dir() && within.is_ok_and(|path| path.components().count() > 1);
        if is_sample || is_same_file(&output_at, &input_at) {
            bail!(
                "{} is {}, which this command reads; choose another name for what it writes",
                shown(output),
                match is_sample {
                    true => format!("a file of {}", shown(input)),
                    false => "a file".to_string(),
                }
            );
        }
    }
    Ok(())
}

/// The files and folders that an experiment names, and its own.
pub fn inputs_of(source: &Source, config: &Path) -> Vec<PathBuf> {
    let data = &source.experiment.data;
    let mut inputs = vec![config.to_path_buf()];
    for key in crate::data::path_keys(data) {
        match data.get(&key) {
            Some(serde_json::Value::String(path)) => inputs.push(text_path(path)),
            Some(serde_json::Value::Array(paths)) => {
                let paths = paths.iter().filter_map(serde_json::Value::as_str);
                inputs.extend(paths.map(text_path));
            }
            _ => {}
        }
    }
    inputs
}

/// Threads for loading: as many as compute.
pub fn num_workers() -> usize {
    rayon::current_num_threads()
}

/// A path quoted for a shell.
pub fn quoted(path: &Path) -> String {
    let text = match path_text(path) {
        text if text.starts_with('-') => Cow::Owned(format!("./{text}")), // no flag
        text => text,
    };
    if let Cow::Owned(_) = visible(&text) {
        // The escapes are those of Bash's and Zsh's $'...'.
        let text = text.replace('\\', "\\\\").replace('\'', "\\'");
        return format!("$'{}'", visible(&text));
    }
    let separator = std::path::MAIN_SEPARATOR;
    let plain = |c: char| c.is_alphanumeric() || "-_./:=".contains(c) || c == separator;
    if text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_without_a_type_of_16_bits_is_refused_with_the_reason_and_the_remedy() {
        let fault = no_half("gpu:0 Old Card (discrete GPU, vulkan)");
        assert_eq!(fault.path, Key::parse("train.precision"));
        let reason = "gpu:0 Old Card (discrete GPU, vulkan) has neither bf16 nor f16 (its driver";
        assert!(fault.message.contains(reason), "{}", fault.message);
        let hint = fault.hint.unwrap_or_default();
        assert!(hint.contains("precision = \"f32\""), "{hint}");
    }
}
