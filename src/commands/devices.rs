//! `kiln devices`

use std::io::Write;

use serde_json::json;

use crate::cli::DevicesArgs;
use crate::console;
use crate::device::{Choice, NO_GPU_SUPPORT, adapters, choose};
use crate::report::tables;

pub fn run(args: &DevicesArgs) -> anyhow::Result<u8> {
    let found = adapters();
    let cpu = choose(Choice::Cpu)?.label;
    let cpu = cpu.trim_start_matches("CPU, ");
    let mut out = console::out();
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"device": "cpu", "kind": "CPU", "name": cpu})
        )?;
        for adapter in &found {
            let object = json!({
                "device": format!("gpu:{}", adapter.number),
                "name": adapter.name,
                "kind": adapter.kind,
                "api": adapter.api,
                "driver": adapter.driver,
                "max_buffer_bytes": adapter.max_buffer_bytes,
                "max_binding_bytes": adapter.max_binding_bytes,
                "f16": adapter.f16,
            });
            writeln!(out, "{object}")?;
        }
        return Ok(0);
    }
    write!(out, "{}", tables::devices(cpu, &found))?;
    if cfg!(not(feature = "gpu")) {
        writeln!(out, "\n{NO_GPU_SUPPORT}")?;
    } else if found.iter().all(|adapter| adapter.is_software()) {
        writeln!(out, "\nno GPU found: --device auto takes the CPU")?;
    }
    Ok(0)
}
