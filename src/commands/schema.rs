//! `kiln schema`: the JSON schema of experiments, or the table of what `style` sets.

use std::io::Write;

use crate::cli::SchemaArgs;
use crate::console;
use crate::guide::{published_schema, styles_table};

pub fn run(args: &SchemaArgs) -> anyhow::Result<u8> {
    if args.styles {
        write!(console::out(), "{}", styles_table())?;
        return Ok(0);
    }
    let schema = serde_json::to_string_pretty(&published_schema())?;
    writeln!(console::out(), "{schema}")?;
    Ok(0)
}
