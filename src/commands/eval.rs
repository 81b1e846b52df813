//! `kiln eval`

use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use burn::tensor::Device;
use serde_json::{Map, Value, json};

use super::memory::fitting_batch;
use super::predict::NOT_FINITE;
use super::shared::{num_workers, require_apart, take_device};
use crate::cli::EvalArgs;
use crate::console::{Show as _, json_path, out, text_path};
use crate::data::{Dataset, LabelledPath, LeftOut, Loader, Progress};
use crate::metrics::regression::REGRESSION_METRICS;
use crate::metrics::{ClassPredictions, Figure, Predictions, compute_all, wilson};
use crate::model::ModelFile;
use crate::report::{DecodeBar, FILES, left_out, left_out_json, tables};
use crate::storage::{require_writable, write_output};
use crate::train::{Decision, Evaluation, Scorer};

/// Samples of one forward pass.
pub const BATCH: usize = 64;

pub fn run(args: EvalArgs) -> anyhow::Result<u8> {
    if let Some(path) = &args.predictions {
        let inputs = [&args.model, &args.data].into_iter().chain(&args.labels);
        require_apart(path, &inputs.cloned().collect::<Vec<_>>())?;
        require_writable(path)?;
    }
    let device = take_device(args.device, args.quiet || args.json)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let batch = fitting_batch(&args.model, &model, BATCH, &device)?;
    let eval_run = EvalRun {
        path: &args.data,
        tables: &args.labels,
        device: &device.device,
        batch,
        numeric_labels: args.numeric_labels,
        quiet: args.quiet,
    };
    let evaluated = eval_run.run(&model);
    let Evaluated {
        evaluation,
        dataset,
        left_out: passed_over,
    } = evaluated.map_err(|error| anyhow::anyhow!("--data {error}"))?;
    let skipped = &evaluation.failed;
    if let Some(path) = &args.predictions {
        write_predictions(path, &*dataset, &evaluation)?;
    }
    let mut out = out();
    if args.json {
        let mut object = as_json(&evaluation.predictions, skipped.len());
        object["left_out"] = left_out_json(&passed_over);
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{}", tables::evaluation(&evaluation.predictions))?;
        if let Some(text) = left_out(&passed_over, FILES) {
            crate::say!("note: {text}");
        }
    }
    Ok(u8::from(!skipped.is_empty()))
}

/// A model evaluated on labelled samples.
pub struct Evaluated {
    pub evaluation: Evaluation,
    pub dataset: Arc<dyn Dataset>,
    /// Files that are not samples.
    pub left_out: LeftOut,
}

/// The model, the samples and the options of an evaluation.
pub struct EvalRun<'a> {
    /// Where the samples lie.
    pub path: &'a Path,
    /// The tables of their labels, where the labels lie outside the samples.
    pub tables: &'a [PathBuf],
    pub device: &'a Device,
    /// Samples of one forward pass.
    pub batch: usize,
    /// Whether classes that are written as numbers are compared as numbers.
    pub numeric_labels: bool,
    pub quiet: bool,
}

impl EvalRun<'_> {
    /// Evaluates a model and prints warnings about the samples.
    ///
    /// # Errors
    /// Samples that do not fit the model, or of which none can be used, answers that are not finite; in words that
    /// begin with the path.
    pub fn run(&self, model: &ModelFile) -> anyhow::Result<Evaluated> {
        let path = self.path;
        let mut preprocess = model.info.preprocess.clone();
        if self.numeric_labels {
            let layout = preprocess.layout_mut();
            let layout = layout
                .context("--numeric-labels is for tables and texts; the model is of images")?;
            layout.numeric_labels = Some(true);
        }
        let (task, data) = (&model.info.task, &model.info.experiment.data);
        let labelled = preprocess.reader().labelled(&LabelledPath {
            path,
            tables: self.tables,
            task,
            data,
        });
        let labelled = labelled.map_err(|message| anyhow::anyhow!("{} {message}", path.shown()))?;
        for warning in &labelled.warnings {
            crate::say!("warning: {warning}");
        }
        for notice in &labelled.notices {
            crate::say!("note: {notice}");
        }
        let dataset = labelled.dataset;
        let loader = Loader::in_order(dataset.clone(), self.batch, num_workers())?;
        let scorer = Scorer {
            network: &model.network,
            loss: &*model.loss,
            task,
            decision: decision(model),
            device: self.device,
            skipped: 0,
        };
        let bar = DecodeBar::new(!self.quiet && stderr().is_terminal());
        bar.begin("evaluating", dataset.len());
        let mut evaluation = scorer.evaluate(&model.params, &loader, &mut |samples| {
            (0..samples).for_each(|_| bar.tick());
            true
        });
        bar.end();
        evaluation.failed.extend(labelled.skipped);
        if let Some(text) = tables::skipped(&evaluation.failed, preprocess.what()) {
            crate::say!("warning: {text}");
        }
        if evaluation.indices.is_empty() {
            bail!("{} holds no sample that can be used", path.shown());
        }
        if let Some(sample) = evaluation.predictions.first_not_finite() {
            let name = dataset.name(evaluation.indices[sample]);
            bail!("{}: {name}: {NOT_FINITE}", path.shown());
        }
        Ok(Evaluated {
            evaluation,
            dataset,
            left_out: labelled.left_out,
        })
    }
}

/// The decision that the model's experiment describes.
pub fn decision(model: &ModelFile) -> Decision {
    let classes = model.info.task.classes();
    let eval = &model.info.experiment.eval;
    let named = eval
        .positive
        .as_ref()
        .and_then(|name| classes.iter().position(|c| c == name));
    Decision {
        positive: named.unwrap_or(classes.len().saturating_sub(1)),
        threshold: eval.threshold as f32,
    }
}

fn as_json(predictions: &Predictions, skipped: usize) -> Value {
    let mut object = figures_of(predictions);
    object.insert("samples".into(), json!(predictions.len()));
    object.insert("skipped".into(), json!(skipped));
    Value::Object(object)
}

/// Every metric, and the tables that are specific to the task.
fn figures_of(predictions: &Predictions) -> Map<String, Value> {
    let figures = |figures: Vec<Figure>| -> Map<String, Value> {
        let named = figures.into_iter();
        named
            .map(|(name, value)| (name.to_string(), Value::from(value)))
            .collect()
    };
    let named = predictions.figures().into_iter();
    let named = named.filter(|(name, _)| predictions.heads().is_empty() || name == "loss");
    let mut object: Map<String, Value> = named
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    match predictions {
        Predictions::Classes(predictions) => add_classes(&mut object, predictions),
        Predictions::MultiLabel(predictions) => {
            let each = predictions.names.iter().enumerate().map(|(label, name)| {
                let of_label = figures(compute_all(&predictions.label(label)));
                (name.clone(), Value::Object(of_label))
            });
            object.insert("per_label".into(), Value::Object(each.collect()));
        }
        Predictions::Regression(predictions) => {
            let each = predictions.names.iter().enumerate().map(|(number, name)| {
                let of_number = REGRESSION_METRICS
                    .iter()
                    .map(|metric| (metric.name, predictions.figure(metric, number)));
                (name.clone(), Value::Object(figures(of_number.collect())))
            });
            object.insert("per_target".into(), Value::Object(each.collect()));
        }
        Predictions::Heads(predictions) => {
            let each = predictions
                .heads
                .iter()
                .map(|(name, of_head)| (name.clone(), Value::Object(figures_of(of_head))));
            object.insert("heads".into(), Value::Object(each.collect()));
        }
    }
    object
}

/// Classes of which the whole confusion matrix is given.
const DENSE_CLASSES: usize = 1000;

/// The part that only classification has.
fn add_classes(object: &mut Map<String, Value>, predictions: &ClassPredictions) {
    let confusion = predictions.confusion();
    let (low, high) = wilson(confusion.hits(), predictions.len());
    let per_class: Map<String, Value> = predictions
        .classes
        .iter()
        .enumerate()
        .map(|(class, name)| {
            let scores = confusion.class(class);
            let figures = json!({
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
                "samples": scores.samples,
            });
            (name.clone(), figures)
        })
        .collect();
    object.insert("accuracy_95".into(), json!([low, high]));
    object.insert("baseline".into(), json!(predictions.majority_share()));
    object.insert("classes".into(), json!(predictions.classes));
    object.insert(
        "positive".into(),
        json!(predictions.classes[predictions.positive]),
    );
    let num_classes = confusion.num_classes();
    if num_classes <= DENSE_CLASSES {
        let rows: Vec<_> = (0..num_classes).map(|class| confusion.row(class)).collect();
        object.insert("confusion".into(), json!(rows));
    } else {
        // [target, predicted, samples]: the whole matrix has too many zeros.
        object.insert(
            "confusion_cells".into(),
            json!(confusion.cells().collect::<Vec<_>>()),
        );
    }
    object.insert("per_class".into(), Value::Object(per_class));
}

fn write_predictions(
    path: &Path,
    dataset: &dyn Dataset,
    evaluation: &Evaluation,
) -> anyhow::Result<()> {
    let predictions = &evaluation.predictions;
    let mut rows = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once("file".to_string()).chain(names_of_fields(predictions));
    rows.write_record(header)?;
    for (sample, &index) in evaluation.indices.iter().enumerate() {
        let mut row = vec![json_path(&text_path(&dataset.name(index))).to_string()];
        add_fields(predictions, sample, &mut row);
        rows.write_record(row)?;
    }
    write_output(path, &rows.into_inner()?)
}

/// The names of the columns that the task has.
fn names_of_fields(predictions: &Predictions) -> Vec<String> {
    let (first, names, forms): (&[&str], &[String], &[&str]) = match predictions {
        Predictions::Classes(p) => (&["class", "predicted", "correct"], &p.classes, &["p({})"]),
        Predictions::MultiLabel(p) => (&[], &p.names, &["{}", "p({})"]),
        Predictions::Regression(p) => (&[], &p.names, &["{}", "predicted({})"]),
        Predictions::Heads(_) => (&[], &[], &[]),
    };
    let first = first.iter().chain(&["loss"]).map(|name| name.to_string());
    let each = names.iter().flat_map(|name| {
        let forms = forms.iter();
        forms.map(move |form| form.replace("{}", name))
    });
    let of_heads = predictions.heads().iter().flat_map(|(head, of_head)| {
        let names = names_of_fields(of_head).into_iter();
        names.map(move |name| format!("{head}.{name}"))
    });
    first.chain(each).chain(of_heads).collect()
}

/// Adds the fields of a sample, in the header's order.
fn add_fields(predictions: &Predictions, sample: usize, row: &mut Vec<String>) {
    let loss = predictions.losses()[sample].to_string();
    match predictions {
        Predictions::Classes(p) => {
            let (target, predicted) = (p.targets[sample], p.predicted(sample));
            row.extend([target, predicted].map(|class| p.classes[class].clone()));
            row.extend([(target == predicted).to_string(), loss]);
            row.extend(p.row(sample).iter().map(ToString::to_string));
        }
        Predictions::MultiLabel(p) => {
            row.push(loss);
            for pair in (sample * p.names.len()..).take(p.names.len()) {
                let target = u8::from(p.targets[pair]);
                row.extend([target.to_string(), p.probabilities[pair].to_string()]);
            }
        }
        Predictions::Regression(p) => {
            row.push(loss);
            for pair in (sample * p.names.len()..).take(p.names.len()) {
                row.extend([p.targets[pair].to_string(), p.predicted[pair].to_string()]);
            }
        }
        Predictions::Heads(p) => {
            row.push(loss);
            for (_, of_head) in &p.heads {
                add_fields(of_head, sample, row);
            }
        }
    }
}
