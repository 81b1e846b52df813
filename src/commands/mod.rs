//! One file per subcommand, thin: resolve, call, report.

mod audit;
mod audit_findings;
mod bench;
mod cache;
mod check;
mod completions;
mod devices;
mod eval;
mod guide;
mod init;
mod lr_find;
mod man;
mod memory;
mod pools;
mod predict;
mod prepare;
mod preview;
mod schema;
mod shared;
mod signals;
mod synth;
mod train;
mod verify;
mod weights;

use anyhow::bail;

use pools::{Pools, num_threads};

use crate::cli::{Cli, Command};
use crate::device::{SimdLimit, limit_simd};

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
        Command::Weights(args) => weights::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Guide(args) => guide::run(&args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { folder } => man::run(&folder),
    }
}
