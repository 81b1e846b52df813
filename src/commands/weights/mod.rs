//! `kiln weights`

#[cfg(feature = "download")]
mod get;
mod info;
mod list;

use crate::cli::{WeightsArgs, WeightsCommand};

pub fn run(args: &WeightsArgs) -> anyhow::Result<u8> {
    match &args.command {
        None => list::run(args.json),
        #[cfg(feature = "download")]
        Some(WeightsCommand::Get(get)) => get::run(get),
        #[cfg(not(feature = "download"))]
        Some(WeightsCommand::Get(_)) => anyhow::bail!(
            "this kiln was built without the feature `download`\nhint: `kiln weights` lists the addresses; a file that \
             came another way belongs into the folder that KILN_WEIGHTS names"
        ),
        Some(WeightsCommand::Info(info)) => info::run(info),
    }
}
