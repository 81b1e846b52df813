//! Commands for information: guide, schema, devices, completions.

use clap::{Args, ValueEnum};

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// `kiln schema`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln schema > kiln.schema.json
  kiln schema --styles

Editors that know JSON schemas complete and check experiments with it: Taplo, and Even Better TOML for Visual Studio Code,
by a first line `#:schema ./kiln.schema.json`.")]
pub struct SchemaArgs {
    /// Print the defaults that `style = "keras"` and `style = "torch"` set, as a table
    #[arg(long)]
    pub styles: bool,
}

/// `kiln guide`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln guide                           the pages
  kiln guide tables                    a page
  kiln guide train.optimizer.adam      a key of the experiment, with its options, types, defaults and ranges
  kiln guide conv2d                    a layer, loss, optimizer, schedule, augmentation or metric by its name
  kiln guide layers                    what there is to pick from; also losses, optimizers, metrics, data, ...")]
pub struct GuideArgs {
    /// A page, a key, or a name [default: the list of pages]
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,

    /// Do not use a pager for long output
    #[arg(long)]
    pub no_pager: bool,

    /// Print one JSON object per entry: a page as Markdown, a key with its schema
    #[arg(long)]
    pub json: bool,
}

/// `kiln devices`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln devices
  kiln devices --json")]
pub struct DevicesArgs {
    /// Print one JSON object per device
    #[arg(long)]
    pub json: bool,
}
