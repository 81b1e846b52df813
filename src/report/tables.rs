//! Text tables.

use comfy_table::{CellAlignment, presets};

use super::numbers::{bytes, figure, grouped};
use crate::console::visible;
use crate::data::{Column, Skipped, Summary, Task, list_names, short_name};
use crate::device::Adapter;
use crate::metrics::regression::REGRESSION_METRICS;
use crate::metrics::{
    ClassPredictions, Figure, LabelPredictions, METRICS, Metric, Predictions,
    RegressionPredictions, compute_all, wilson,
};
use crate::model::{Memory, Network};

/// Renders a table with one line per row, whatever its cells contain.
pub struct Table(comfy_table::Table);

impl Table {
    /// Adds a row of cells.
    pub fn add_row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Table {
        let cells = cells.into_iter();
        let cells: Vec<String> = cells
            .map(|cell| visible(cell.as_ref()).into_owned())
            .collect();
        self.0.add_row(cells);
        self
    }
}

/// A table without frames; the columns in `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    let header = header.iter().map(|name| visible(name).into_owned());
    table.set_header(header.collect::<Vec<_>>());
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Table(table)
}

/// The table's lines.
pub fn print(table: &Table) -> String {
    table
        .0
        .lines()
        .map(|line| line.trim_end().to_string() + "\n")
        .collect()
}

/// Every layer with its output, parameters and cost; totals; the memory that training takes at the batch size.
pub fn layers(network: &Network, batch_size: usize, memory: &Memory) -> String {
    let mut table = table(
        &["layer", "", "output", "parameters", "multiply-adds", ""],
        &[3, 4],
    );
    table.add_row(vec!["input", "", &network.input.to_string(), "", "", ""]);
    for layer in &network.layers {
        let counts = layer.params.iter().map(|spec| spec.num_elements() as u64);
        let notes = [layer.frozen_note(), layer.note()];
        let notes = notes.into_iter().filter(|note| !note.is_empty());
        let notes: Vec<String> = notes.collect();
        table.add_row(vec![
            layer.name.clone(),
            layer.tag.clone(),
            layer.output.to_string(),
            grouped(counts.fold(0, u64::saturating_add)),
            grouped(layer.multiply_adds),
            notes.join(", "),
        ]);
    }
    let total = vec![
        "total".into(),
        String::new(),
        String::new(),
        grouped(network.num_params()),
        grouped(network.multiply_adds()),
    ];
    table.add_row(total);
    let (trained, all) = (network.num_trained(), network.num_params());
    let has_frozen = network
        .layers
        .iter()
        .any(|layer| !layer.frozen_note().is_empty());
    let trained = match has_frozen {
        true => format!(
            "trained: {} of {} parameters\n",
            grouped(trained),
            grouped(all)
        ),
        false => String::new(),
    };
    format!(
        "{}{trained}\nmemory in training, batch of {batch_size}: about {} ({} for parameters, {} for activations, {} for loading)\n",
        print(&table),
        bytes(memory.total()),
        bytes(memory.params),
        bytes(memory.activations),
        bytes(memory.loading)
    )
}

/// The content of the data: the columns of a table; classes, labels or regression targets, and the samples of both
/// splits.
pub fn data(summary: &Summary, positive: usize, weights: Option<&[f32]>) -> String {
    let mut out = String::new();
    if !summary.columns.is_empty() {
        out.push_str(&columns(&summary.columns));
        out.push('\n');
    }
    match &summary.task {
        Task::Regression(_) => {
            let names = list_names(&summary.task.names());
            let (train, valid) = (summary.num_train as u64, summary.num_valid as u64);
            let (train, valid) = (grouped(train), grouped(valid));
            out.push_str(&format!(
                "predicts {names} from {train} samples, validated on {valid}\n"
            ));
        }
        Task::Classes(names) => out.push_str(&classes(names, summary, Some(positive), weights)),
        Task::MultiLabel(names) => out.push_str(&classes(names, summary, None, None)),
        Task::Heads(heads) => {
            let (train, valid) = (summary.num_train as u64, summary.num_valid as u64);
            let (train, valid) = (grouped(train), grouped(valid));
            out.push_str(&format!(
                "predicts {} targets from {train} samples, validated on {valid}:\n",
                heads.len()
            ));
            for head in heads {
                let what = match &head.task {
                    Task::Classes(classes) => format!("one of {}", list_names(classes)),
                    _ => "a number".to_string(),
                };
                out.push_str(&format!("  {}: {what}\n", short_name(&head.name)));
            }
        }
    }
    out.push_str(&format!("validation: {}\n", summary.valid_from));
    out
}

/// The columns of a table, each with its role; at most fifty by name.
fn columns(columns: &[Column]) -> String {
    let mut table = table(&["column", "role", "inputs", "missing"], &[2, 3]);
    for column in columns.iter().take(50) {
        table.add_row(vec![
            short_name(&column.name).into_owned(),
            column.role.clone(),
            grouped(column.inputs as u64),
            grouped(column.missing as u64),
        ]);
    }
    let mut out = print(&table);
    if let Some(more) = columns.len().checked_sub(50).filter(|more| *more > 0) {
        out.push_str(&format!("and {more} more columns\n"));
    }
    out
}

/// Classes or labels with their counts in both splits and, where there are any, their weights in the loss.
fn classes(
    names: &[String],
    summary: &Summary,
    positive: Option<usize>,
    weights: Option<&[f32]>,
) -> String {
    let first = if positive.is_some() { "class" } else { "label" };
    let header = [first, "train", "valid", "weight", ""];
    let mut table = match weights {
        Some(_) => table(&header, &[1, 2, 3]),
        None => table(&[&header[..3], &header[4..]].concat(), &[1, 2]),
    };
    for (index, name) in names.iter().enumerate() {
        let note = if names.len() == 2 && Some(index) == positive {
            "positive"
        } else {
            ""
        };
        let mut row = vec![
            short_name(name).into_owned(),
            grouped(summary.train_counts[index] as u64),
            grouped(summary.valid_counts[index] as u64),
        ];
        row.extend(weights.map(|weights| format!("{:.3}", weights[index])));
        row.push(note.to_string());
        table.add_row(row);
    }
    print(&table)
}

/// Samples that are named with their reasons; of a table, millions may share one.
const SKIPPED_SHOWN: usize = 1000;

/// Samples that could not be used, each with its reason; `what` names them in singular and plural.
pub fn skipped(skipped: &[Skipped], [one, many]: [&str; 2]) -> Option<String> {
    if skipped.is_empty() {
        return None;
    }
    let what = if skipped.len() == 1 { one } else { many };
    let mut out = format!(
        "{} {what} cannot be used and will be left out:",
        skipped.len()
    );
    for Skipped { name, reason } in skipped.iter().take(SKIPPED_SHOWN) {
        out.push_str(&format!("\n  {}: {reason}", visible(name)));
    }
    if skipped.len() > SKIPPED_SHOWN {
        out.push_str(&format!("\n  and {} more", skipped.len() - SKIPPED_SHOWN));
    }
    Some(out)
}

/// The figures of a split: accuracy with its interval beside the majority baseline, the confusion
/// matrix, the figures of each class.
pub fn evaluation(predictions: &Predictions) -> String {
    match predictions {
        Predictions::Classes(p) => evaluated_classes(p),
        Predictions::MultiLabel(p) => evaluated_labels(p),
        Predictions::Regression(p) => evaluated_regression(p),
        Predictions::Heads(p) => {
            let heads = p.heads.iter();
            let heads = heads
                .map(|(name, of_head)| format!("{}:\n{}", short_name(name), evaluation(of_head)));
            heads.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The figures of predicted labels, of all and of each.
fn evaluated_labels(predictions: &LabelPredictions) -> String {
    let summary = metric_values(&predictions.figures());
    let names = ["accuracy", "precision", "recall", "f1", "auc"];
    let header: Vec<&str> = std::iter::once("label").chain(names).collect();
    let mut each = table(&header, &[1, 2, 3, 4, 5]);
    for (label, name) in predictions.names.iter().enumerate() {
        let figures = compute_all(&predictions.label(label));
        let of = |metric| figures.iter().find(|(name, _)| *name == metric);
        let values = names.map(|metric| figure(of(metric).and_then(|(_, value)| *value)));
        each.add_row(
            std::iter::once(short_name(name).into_owned())
                .chain(values)
                .collect::<Vec<_>>(),
        );
    }
    format!("{summary}\n{}", print(&each))
}

/// The metrics of regression, of all targets and, if there are several, of each.
fn evaluated_regression(predictions: &RegressionPredictions) -> String {
    let summary = metric_values(&predictions.figures());
    if predictions.names.len() < 2 {
        return summary;
    }
    let metrics = REGRESSION_METRICS.iter();
    let names = metrics.map(|metric| metric.name);
    let header: Vec<&str> = std::iter::once("target").chain(names).collect();
    let right: Vec<usize> = (1..header.len()).collect();
    let mut each = table(&header, &right);
    for (number, name) in predictions.names.iter().enumerate() {
        let metrics = REGRESSION_METRICS.iter();
        let values = metrics.map(|metric| figure(predictions.figure(metric, number)));
        each.add_row(
            std::iter::once(short_name(name).into_owned())
                .chain(values)
                .collect::<Vec<_>>(),
        );
    }
    format!("{summary}\n{}", print(&each))
}

fn metric_values(figures: &[Figure]) -> String {
    let mut summary = table(&["metric", "value"], &[1]);
    for (name, value) in figures {
        summary.add_row(vec![name.to_string(), figure(*value)]);
    }
    print(&summary)
}

fn evaluated_classes(predictions: &ClassPredictions) -> String {
    let figures = compute_all(predictions);
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

/// The part of the data that a metric is about.
fn note(metric: &str, predictions: &ClassPredictions) -> String {
    match metric {
        "accuracy" => {
            let (low, high) = wilson(predictions.confusion().hits(), predictions.len());
            format!("95% interval {low:.4} to {high:.4}")
        }
        "balanced_accuracy" => "mean of the classes' recalls".to_string(),
        "precision" | "recall" | "f1" | "auc" | "pr_auc" if predictions.classes.len() == 2 => {
            format!(
                "of {}",
                short_name(&predictions.classes[predictions.positive])
            )
        }
        "precision" | "recall" | "f1" | "auc" | "pr_auc" => "mean over the classes".to_string(),
        "brier" => "squared error of the probabilities; less is better".to_string(),
        "ece" => "calibration error: confidence against accuracy; less is better".to_string(),
        _ => String::new(),
    }
}

/// Classes of which the confusion matrix is shown.
const MATRIX_CLASSES: usize = 200;

fn matrix(predictions: &ClassPredictions) -> String {
    let confusion = predictions.confusion();
    let num_classes = predictions.classes.len();
    if num_classes > MATRIX_CLASSES {
        return format!(
            "the confusion matrix of {num_classes} classes is not shown; `eval --json` has it\n"
        );
    }
    let header: Vec<String> = std::iter::once("is \\ predicted".to_string())
        .chain(
            predictions
                .classes
                .iter()
                .map(|name| short_name(name).into_owned()),
        )
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let right: Vec<usize> = (1..header.len()).collect();
    let mut table = table(&header, &right);
    for (class, name) in predictions.classes.iter().enumerate() {
        let counts = confusion
            .row(class)
            .into_iter()
            .map(|count| grouped(count as u64));
        table.add_row(
            std::iter::once(short_name(name).into_owned())
                .chain(counts)
                .collect::<Vec<_>>(),
        );
    }
    print(&table)
}

fn per_class(predictions: &ClassPredictions) -> String {
    let confusion = predictions.confusion();
    let mut table = table(
        &["class", "precision", "recall", "f1", "samples"],
        &[1, 2, 3, 4],
    );
    for (class, name) in predictions.classes.iter().enumerate() {
        let scores = confusion.class(class);
        // A class without samples has no metrics.
        let of_class = |value: f64| figure((scores.samples > 0).then_some(value));
        table.add_row(vec![
            short_name(name).into_owned(),
            of_class(scores.precision),
            of_class(scores.recall),
            of_class(scores.f1),
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
