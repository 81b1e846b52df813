//! `kiln weights`: weights that others trained.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `kiln weights`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln weights                         the files there are, and which of them are on this machine
  kiln weights get resnet18
  kiln weights get resnet18 --from https://mirror.example.org/models
  kiln weights info checkpoint.pth     the tensors of any file of PyTorch, safetensors or Keras

KILN_WEIGHTS names a folder of weights; beside it, Kiln's cache folder, PyTorch's hub folder and Hugging Face's cache are
searched. KILN_WEIGHTS_URL names a mirror, as --from does. Nothing else than `kiln weights get` downloads anything.")]
pub struct WeightsArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<WeightsCommand>,

    /// Print one JSON object a file
    #[arg(long)]
    pub json: bool,
}

/// What `kiln weights` can do.
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Download a file, check its digest, and keep it
    #[command(after_help = "Examples:
  kiln weights get efficientnet_lite0
  kiln weights get resnet18 --from https://mirror.example.org/models --json

The file goes into the folder that KILN_WEIGHTS names, else into Kiln's cache folder. A download that broke off goes on
where it ended. The file gets its name once all of it is there and its SHA-256 is
right. HTTPS_PROXY and NO_PROXY are honoured; SSL_CERT_FILE names other certificates than those of the system.")]
    Get(WeightsGetArgs),
    /// Show what a file holds: its tensors' names, shapes and types; no code in it is run
    #[command(after_help = "Examples:
  kiln weights info checkpoint.pth
  kiln weights info resnet18-f37072fd.pth    also where it lies in a folder of weights
  kiln weights info model.weights.h5 --json")]
    Info(WeightsInfoArgs),
}

/// `kiln weights get`
#[derive(Debug, Args)]
pub struct WeightsGetArgs {
    /// A name, or a file's name, of those that `kiln weights` lists
    pub name: String,

    /// The address under which the file lies with its name, in place of its publisher's
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,
}

/// `kiln weights info`
#[derive(Debug, Args)]
pub struct WeightsInfoArgs {
    /// The file: a path, or a name that is looked for in the folders of weights
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Read the values too, and print the SHA-256 of each tensor's values as 32-bit floats (little-endian)
    #[arg(long)]
    pub digests: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
