//! Tables for people, as text.

use comfy_table::presets;
use comfy_table::{CellAlignment, Table};

use super::{bytes, figure, grouped};
use crate::data::{Skipped, Summary};
use crate::kernels::Adapter;
use crate::metrics::{METRICS, Metric, Predictions, wilson};
use crate::model::Network;

/// A table without frames; the columns in `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.to_vec());
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The table's lines.
pub fn print(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.trim_end().to_string() + "\n")
        .collect()
}

/// Every layer with its output, parameters and cost; totals; memory at the batch size.
pub fn layers(network: &Network, batch_size: usize, state_slots: usize) -> String {
    let mut table = table(
        &["layer", "", "output", "parameters", "multiply-adds", ""],
        &[3, 4],
    );
    table.add_row(vec!["input", "", &network.input.to_string(), "", "", ""]);
    let (mut params, mut cost, mut values) = (0u64, 0u64, network.input.num_elements() as u64);
    for layer in &network.layers {
        let count: usize = layer.params.iter().map(|spec| spec.num_elements()).sum();
        table.add_row(vec![
            layer.name.clone(),
            layer.tag.clone(),
            layer.output.to_string(),
            grouped(count as u64),
            grouped(layer.multiply_adds),
            layer.note(),
        ]);
        params += count as u64;
        cost += layer.multiply_adds;
        values += layer.output.num_elements() as u64;
    }
    let total = vec![
        "total".into(),
        String::new(),
        String::new(),
        grouped(params),
        grouped(cost),
    ];
    table.add_row(total);
    // weights, gradients and the optimizer's state; activations and their gradients
    let weights = params * 4 * (2 + state_slots as u64);
    let activations = values * 4 * 2 * batch_size as u64;
    format!(
        "{}\nmemory in training, batch of {batch_size}: about {} ({} for parameters, {} for activations)\n",
        print(&table),
        bytes(weights + activations),
        bytes(weights),
        bytes(activations)
    )
}

/// Classes with their counts in both splits and, where there are any, their weights in the loss.
pub fn classes(summary: &Summary, positive: usize, weights: Option<&[f32]>) -> String {
    let header = ["class", "train", "valid", "weight", ""];
    let mut table = match weights {
        Some(_) => table(&header, &[1, 2, 3]),
        None => table(&[&header[..3], &header[4..]].concat(), &[1, 2]),
    };
    for (index, name) in summary.classes.iter().enumerate() {
        let note = if summary.classes.len() == 2 && index == positive {
            "positive"
        } else {
            ""
        };
        let mut row = vec![
            name.clone(),
            grouped(summary.train_counts[index] as u64),
            grouped(summary.valid_counts[index] as u64),
        ];
        row.extend(weights.map(|weights| format!("{:.3}", weights[index])));
        row.push(note.to_string());
        table.add_row(row);
    }
    let mut out = print(&table);
    out.push_str(&format!("validation: {}\n", summary.valid_from));
    out
}

/// Files that were left out, at most ten by name.
pub fn left_out(summary: &Summary) -> Option<String> {
    let names = &summary.left_out;
    if names.is_empty() {
        return None;
    }
    let shown: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown.len());
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Some(format!(
        "{} left out, not being labelled pictures: {}{rest}",
        files(names.len()),
        shown.join(", ")
    ))
}

fn files(count: usize) -> String {
    if count == 1 {
        "1 file".to_string()
    } else {
        format!("{count} files")
    }
}

/// Samples that could not be used, every one with its reason.
pub fn skipped(skipped: &[Skipped]) -> Option<String> {
    if skipped.is_empty() {
        return None;
    }
    let mut out = format!(
        "{} cannot be used and will be left out:",
        files(skipped.len())
    );
    for Skipped { name, reason } in skipped {
        out.push_str(&format!("\n  {name}: {reason}"));
    }
    Some(out)
}

/// The figures of a split: accuracy with its interval beside the majority baseline, the confusion
/// matrix, the figures of each class.
pub fn evaluation(predictions: &Predictions, figures: &[(&'static str, Option<f64>)]) -> String {
    let mut summary = table(&["metric", "value", ""], &[1]);
    let num_classes = predictions.classes.len();
    let shown = |metric: &&Metric| metric.in_tables && metric.min_classes <= num_classes;
    for metric in METRICS.iter().filter(shown) {
        let value = figures.iter().find(|(name, _)| *name == metric.name);
        summary.add_row(vec![
            metric.name.to_string(),
            figure(value.and_then(|(_, value)| *value)),
            note(metric.name, predictions),
        ]);
    }
    let note = "accuracy of always guessing the most frequent class".to_string();
    summary.add_row(vec![
        "baseline".to_string(),
        figure(predictions.majority_share()),
        note,
    ]);
    format!(
        "{}\n{}\n{}",
        print(&summary),
        matrix(predictions),
        per_class(predictions)
    )
}

/// What a figure speaks of.
fn note(metric: &str, predictions: &Predictions) -> String {
    match metric {
        "accuracy" => {
            let (low, high) = wilson(predictions.confusion().hits(), predictions.len());
            format!("95% interval {low:.4} to {high:.4}")
        }
        "balanced_accuracy" => "mean of the classes' recalls".to_string(),
        "precision" | "recall" | "f1" | "auc" | "pr_auc" if predictions.classes.len() == 2 => {
            format!("of {}", predictions.classes[predictions.positive])
        }
        "precision" | "recall" | "f1" | "auc" | "pr_auc" => "mean over the classes".to_string(),
        "brier" => "squared error of the probabilities; less is better".to_string(),
        "ece" => "calibration error: confidence against accuracy; less is better".to_string(),
        _ => String::new(),
    }
}

fn matrix(predictions: &Predictions) -> String {
    let confusion = predictions.confusion();
    let header: Vec<String> = std::iter::once("is \\ predicted".to_string())
        .chain(predictions.classes.iter().cloned())
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let right: Vec<usize> = (1..header.len()).collect();
    let mut table = table(&header, &right);
    for (name, row) in predictions.classes.iter().zip(&confusion.counts) {
        let counts = row.iter().map(|&count| grouped(count as u64));
        table.add_row(
            std::iter::once(name.clone())
                .chain(counts)
                .collect::<Vec<_>>(),
        );
    }
    print(&table)
}

fn per_class(predictions: &Predictions) -> String {
    let confusion = predictions.confusion();
    let mut table = table(
        &["class", "precision", "recall", "f1", "samples"],
        &[1, 2, 3, 4],
    );
    for (class, name) in predictions.classes.iter().enumerate() {
        let scores = confusion.class(class);
        table.add_row(vec![
            name.clone(),
            figure(Some(scores.precision)),
            figure(Some(scores.recall)),
            figure(Some(scores.f1)),
            grouped(scores.samples as u64),
        ]);
    }
    print(&table)
}

/// The devices there are.
pub fn devices(cpu: &str, adapters: &[Adapter]) -> String {
    let header = [
        "device",
        "name",
        "kind",
        "api",
        "driver",
        "largest buffer",
        "in a kernel",
        "f16",
    ];
    let mut table = table(&header, &[5, 6]);
    table.add_row(vec!["cpu", cpu, "CPU", "flex", "", "", "", ""]);
    for adapter in adapters {
        table.add_row(vec![
            format!("gpu:{}", adapter.number),
            adapter.name.clone(),
            adapter.kind.to_string(),
            adapter.api.clone(),
            adapter.driver.clone(),
            bytes(adapter.max_buffer_bytes),
            bytes(adapter.max_binding_bytes),
            if adapter.f16 { "yes" } else { "no" }.to_string(),
        ]);
    }
    print(&table)
}
