//! One file a subcommand, thin: resolve, call, report.

mod audit;
mod bench;
mod cache;
mod check;
mod completions;
mod devices;
mod eval;
mod guide;
mod init;
mod judge;
mod lr_find;
mod man;
mod memory;
mod pools;
mod predict;
mod prepared;
mod preview;
mod schema;
mod signals;
mod synth;
mod train;
mod verify;

use anyhow::bail;

use pools::{Pools, num_threads};

use crate::cli::{Cli, Command, ExperimentArgs};
use crate::config::{Fault, Path, Source};
use crate::console::{shown, text_path};
use crate::device::{Choice, Chosen, SimdLimit, choose, limit_simd};
use crate::kernels::has_bf16;
use crate::model::{Compute, Half};
use crate::storage::is_same_file;

/// Runs a command; the result is the exit code.
///
/// # Errors
/// Whatever keeps the command from doing what was asked.
pub fn run(cli: Cli) -> anyhow::Result<u8> {
    signals::listen()?;
    limit_instructions()?;
    let pools = Pools::start(num_threads(cli.threads)?)?;
    pools.run(|| dispatch(cli.command))
}

/// `KILN_SIMD` keeps the kernels from using all that the CPU has, to compare.
fn limit_instructions() -> anyhow::Result<()> {
    let Ok(limit) = std::env::var("KILN_SIMD") else {
        return Ok(());
    };
    limit_simd(match limit.as_str() {
        "native" => SimdLimit::Native,
        "avx2" => SimdLimit::Avx2,
        "portable" => SimdLimit::Portable,
        other => bail!("KILN_SIMD is {other:?}, expected native, avx2 or portable"),
    });
    Ok(())
}

fn dispatch(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Preview(args) => preview::run(args),
        Command::Audit(args) => audit::run(&args),
        Command::Bench(args) => bench::run(args),
        Command::LrFind(args) => lr_find::run(args),
        Command::Check(args) => check::run(args),
        Command::Init(args) => init::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Guide(args) => guide::run(&args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { folder } => man::run(&folder),
    }
}

/// Loads an experiment; `--device` wins over the file.
fn load(args: &ExperimentArgs) -> anyhow::Result<(Source, Choice)> {
    let source = crate::train::load(&args.config, &args.sets)?;
    let kind = &source.experiment.device.kind;
    let written: Choice = kind.parse().map_err(|message: String| {
        source.explain(&[Fault::new(Path::parse("device.kind"), message)])
    })?;
    let choice = args.device.unwrap_or(written);
    Ok((source, choice))
}

/// Takes a device and says what the user should know about it.
fn take_device(choice: Choice, quiet: bool) -> anyhow::Result<Chosen> {
    let chosen = choose(choice)?;
    if let Some(notice) = chosen.notice.as_ref().filter(|_| !quiet) {
        crate::say!("note: {notice}");
    }
    if !quiet {
        crate::say!("device: {}", chosen.label);
    }
    Ok(chosen)
}

/// What the device trains in, for the precision that the experiment asks for; says what the user
/// should know about it.
///
/// # Errors
/// A GPU without a type of 16 bits.
fn take_compute(source: &Source, device: &Chosen, quiet: bool) -> anyhow::Result<Compute> {
    let precision = source.experiment.train.precision;
    let Some(compute) = Compute::on(precision, &device.device) else {
        return Err(source.explain(&[no_half(&device.label)]));
    };
    let told = match compute {
        Compute::F32 => None,
        Compute::Bf16Kernels => (!has_bf16()).then_some(
            "note: this CPU does not multiply bf16 by itself; f32 is as fast here and more exact",
        ),
        Compute::Half(Half::Bf16) => Some("precision: bf16 on the GPU"),
        Compute::Half(Half::F16) => Some("precision: f16 on the GPU, with loss scaling"),
    };
    if let Some(told) = told.filter(|_| !quiet) {
        crate::say!("{told}");
    }
    Ok(compute)
}

fn no_half(device: &str) -> Fault {
    Fault::new(
        Path::parse("train.precision"),
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
fn require_apart(output: &std::path::Path, inputs: &[std::path::PathBuf]) -> anyhow::Result<()> {
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
        // What lies at the top of a folder is outside its classes: a sheet of before, say.
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
fn inputs_of(source: &Source, config: &std::path::Path) -> Vec<std::path::PathBuf> {
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
fn num_workers() -> usize {
    rayon::current_num_threads()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_without_a_type_of_16_bits_is_refused_with_the_reason_and_the_remedy() {
        let fault = no_half("gpu:0 Old Card (discrete GPU, vulkan)");
        assert_eq!(fault.path, Path::parse("train.precision"));
        let reason = "gpu:0 Old Card (discrete GPU, vulkan) has neither bf16 nor f16 (its driver";
        assert!(fault.message.contains(reason), "{}", fault.message);
        let hint = fault.hint.unwrap_or_default();
        assert!(hint.contains("precision = \"f32\""), "{hint}");
    }
}
