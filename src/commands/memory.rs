//! Checks that there is enough memory for a command before it allocates any: a failed allocation would abort the program.

use std::path::Path;

use anyhow::bail;
use serde_json::json;

use crate::config::{ByteSize, Fault, Path as Place, Source};
use crate::console::shown;
use crate::data::PREFETCH;
use crate::device::{Chosen, MemoryLimit, memory_limit, on_cpu, unknown_memory};
use crate::model::{Compute, Memory, MemoryUse, ModelFile, Network};
use crate::report::bytes;
use crate::train::{Net, Plan, bench_memory};

/// Overrides the free memory that the system reports.
const VARIABLE: &str = "KILN_MEMORY_LIMIT";

/// Checks that the training of a plan has room.
///
/// # Errors
/// How much it takes, how much there is, the layer that takes most, and what to change.
pub fn check_training(plan: &Plan, device: &Chosen, compute: Compute) -> anyhow::Result<Memory> {
    let memory = plan.memory(&device.device, compute);
    let batch = plan.batch_size().min(plan.num_train().max(1));
    let of = format!("training with batches of {batch}");
    let way = "a smaller train.batch_size, smaller samples (data.size, data.length) or smaller layers (units, filters, \
               dim, size)";
    check(
        &plan.source,
        &plan.network,
        memory,
        &of,
        way,
        limit(device)?,
    )?;
    Ok(memory)
}

/// The same for the measurements of `kiln bench`.
///
/// # Errors
/// As [`check_training`].
pub fn check_bench(
    source: &Source,
    net: &Net,
    batch: usize,
    device: &Chosen,
    compute: Compute,
) -> anyhow::Result<()> {
    let train = &source.experiment.train;
    let on = (&device.device, compute);
    let memory = bench_memory(&net.network, &*net.optimizer, train, batch, on);
    let of = format!("measuring with batches of {batch}");
    let way = "a smaller --batch, smaller samples (data.size, data.length) or smaller layers (units, filters, dim, size)";
    check(source, &net.network, memory, &of, way, limit(device)?)
}

/// How many samples a model runs at a time: `most`, or the fewer that there is room for. Predictions have the same bits
/// in any batch.
///
/// # Errors
/// No room for a single one.
pub fn fitting_batch(
    path: &Path,
    model: &ModelFile,
    most: usize,
    device: &Chosen,
) -> anyhow::Result<usize> {
    let limit = limit(device)?;
    let network = &model.network;
    let memory = |batch| {
        network.memory(&MemoryUse {
            batch,
            copies: 1,
            training: false,
            fused: on_cpu(&device.device),
            loaded: PREFETCH as u64 + 1,
        })
    };
    // The parameters are there.
    let needed = |memory: Memory| memory.total().saturating_sub(memory.params);
    let halves = std::iter::successors(Some(most), |batch| (*batch > 1).then(|| batch / 2));
    let mut fitting = halves.filter(|&batch| needed(memory(batch)) <= limit.bytes);
    let Some(batch) = fitting.next() else {
        let one = memory(1);
        bail!(
            "{} takes about {} of memory for a single sample{}, but {}; {VARIABLE}=\"64 GB\" overrides what the system tells",
            shown(path),
            bytes(needed(one)),
            most_of(network, one),
            words(limit)
        );
    };
    Ok(batch)
}

fn check(
    source: &Source,
    network: &Network,
    memory: Memory,
    of: &str,
    way: &str,
    limit: MemoryLimit,
) -> anyhow::Result<()> {
    if memory.total() <= limit.bytes {
        return Ok(());
    }
    let layer = memory.most.filter(|(_, most)| *most >= memory.loading);
    let place = match layer {
        Some((index, _)) => network.place(index),
        None => Place::parse("data"),
    };
    let most = match layer {
        Some((index, most)) => {
            let tag = &network.layers[index].tag;
            format!(
                "({tag}) takes about {} of the {}",
                bytes(most),
                bytes(memory.total())
            )
        }
        None => format!(
            "takes about {} for batches that are loaded, of the {}",
            bytes(memory.loading),
            bytes(memory.total())
        ),
    };
    let message = format!("{most} of memory that {of} takes, but {}", words(limit));
    let hint = format!("{way} take less; {VARIABLE}=\"64 GB\" overrides what the system tells");
    Err(source.explain(&[Fault::new(place, message).hint(hint)]))
}

fn words(limit: MemoryLimit) -> String {
    format!("{} {}", bytes(limit.bytes), limit.why)
}

fn most_of(network: &Network, memory: Memory) -> String {
    let Some((index, most)) = memory.most else {
        return String::new();
    };
    let layer = &network.layers[index];
    format!(
        ", most of it ({}) for {} ({})",
        bytes(most),
        layer.name,
        layer.tag
    )
}

/// The memory that is free. Graphics drivers do not report the memory of a GPU here.
fn limit(device: &Chosen) -> anyhow::Result<MemoryLimit> {
    if let Ok(text) = std::env::var(VARIABLE) {
        let number = text.trim().parse::<u64>().map(ByteSize);
        let size = number.or_else(|_| serde_json::from_value(json!(text)));
        let Ok(ByteSize(bytes)) = size else {
            bail!("{VARIABLE} is {text:?}, expected a size such as \"8 GB\"");
        };
        let why = "is what KILN_MEMORY_LIMIT allows";
        return Ok(MemoryLimit { bytes, why });
    }
    Ok(match device.is_gpu {
        true => unknown_memory(),
        false => memory_limit(),
    })
}
