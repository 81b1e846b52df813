//! `kiln man`

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::{console, storage};

/// Writes `kiln.1` and one page for each subcommand, `kiln-train.1` and so on, into `folder`.
pub fn run(folder: &Path) -> anyhow::Result<u8> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", console::shown(folder)))?;
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    write_pages(&program, folder)?;
    Ok(0)
}

/// Writes the page of a command and those of its subcommands.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<()> {
    let version = concat!("kiln ", env!("CARGO_PKG_VERSION"));
    let manual = clap_mangen::Man::new(command.clone()).source(version);
    let mut page = Vec::new();
    manual.render(&mut page)?;
    storage::write_output(&folder.join(manual.get_filename()), &page)?;
    command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .try_for_each(|subcommand| write_pages(subcommand, folder))
}
