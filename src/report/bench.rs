//! What `kiln bench` found, as text.

use std::time::Duration;

use super::numbers::bytes;
use super::tables::{print, table};
use crate::train::Figures;

/// Speeds, the share of each layer, memory.
pub fn bench_table(figures: &Figures, batch: usize) -> String {
    let mut speeds = table(&["", "samples/s", "ms", "GFLOP/s"], &[1, 2, 3]);
    let mut row = |what: &str, time: Duration, samples: usize, gflops: Option<f64>| {
        speeds.add_row(vec![
            what.to_string(),
            format!("{:.1}", samples as f64 / time.as_secs_f64()),
            ms(time),
            gflops.map_or_else(String::new, |gflops| format!("{gflops:.0}")),
        ]);
    };
    let train = figures.train_gflops(batch);
    row("training step", figures.train, batch, Some(train));
    let infer = figures.infer_gflops(batch);
    row("inference", figures.infer, batch, Some(infer));
    row("inference of one", figures.infer_one, 1, None);
    let mut layers = table(
        &["layer", "", "forward ms", "backward ms", "share", "active"],
        &[2, 3, 4, 5],
    );
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    for layer in &figures.layers {
        layers.add_row(vec![
            layer.name.clone(),
            layer.tags.join(" + "),
            ms(layer.forward),
            ms(layer.backward),
            percent(figures.share(layer.forward + layer.backward)),
            percent(layer.active),
        ]);
    }
    layers.add_row(vec![
        "update".to_string(),
        String::new(),
        String::new(),
        ms(figures.update),
        percent(figures.share(figures.update)),
    ]);
    let memory = peak_memory().map_or_else(String::new, |peak| {
        format!("\npeak memory of the program: {}\n", bytes(peak))
    });
    format!("{}\n{}{memory}", print(&speeds), print(&layers))
}

fn ms(time: Duration) -> String {
    format!("{:.2}", 1e3 * time.as_secs_f64())
}

/// The most memory that the program has held, bytes; if the system reports it.
pub fn peak_memory() -> Option<u64> {
    let status =
        crate::storage::read_text(std::path::Path::new("/proc/self/status"), 1 << 20).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
