//! `kiln eval`

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::{num_workers, take_device};
use crate::cli::EvalArgs;
use crate::data::{Dataset, ImageDataset, Loader, Preprocessor, Progress};
use crate::metrics::{compute_all, wilson};
use crate::model::{ModelFile, write_atomically};
use crate::report::{DecodeBar, tables};
use crate::train::{Decision, Evaluation, Scorer};

/// Samples of one forward pass.
const BATCH: usize = 64;

pub fn run(args: EvalArgs) -> anyhow::Result<u8> {
    let device = take_device(args.device, args.quiet || args.json)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let Preprocessor::Image(preprocess) = &model.info.preprocess;
    let folder = &args.data;
    let dataset = ImageDataset::labelled(folder, &model.info.classes, preprocess)
        .map_err(|message| anyhow::anyhow!("--data {} {message}", folder.display()))?;
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    let loader = Loader::in_order(dataset.clone(), BATCH, num_workers())?;
    let scorer = Scorer {
        network: &model.network,
        loss: &*model.loss,
        classes: &model.info.classes,
        decision: decision(&model),
        device: &device.device,
    };
    let bar = DecodeBar::new(!args.quiet && stderr().is_terminal());
    bar.begin("evaluating", dataset.len());
    let evaluation = scorer.evaluate(&model.params, &loader, &mut |samples| {
        (0..samples).for_each(|_| bar.tick());
        true
    });
    bar.end();
    let skipped = &evaluation.failed;
    if let Some(text) = tables::skipped(skipped) {
        eprintln!("warning: {text}");
    }
    if evaluation.indices.is_empty() {
        bail!(
            "--data {} holds no picture that can be used",
            folder.display()
        );
    }
    if let Some(path) = &args.predictions {
        write_predictions(path, &*dataset, &evaluation)?;
    }
    let figures = compute_all(&evaluation.predictions);
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", as_json(&evaluation, &figures, skipped.len()))?;
    } else {
        writeln!(
            out,
            "{}",
            tables::evaluation(&evaluation.predictions, &figures)
        )?;
    }
    Ok(u8::from(!skipped.is_empty()))
}

/// The decision that the model's experiment describes.
pub fn decision(model: &ModelFile) -> Decision {
    let classes = &model.info.classes;
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

fn as_json(
    evaluation: &Evaluation,
    figures: &[(&'static str, Option<f64>)],
    skipped: usize,
) -> Value {
    let predictions = &evaluation.predictions;
    let confusion = predictions.confusion();
    let (low, high) = wilson(confusion.hits(), predictions.len());
    let mut object: Map<String, Value> = figures
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(*value)))
        .collect();
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
    object.insert("samples".into(), json!(predictions.len()));
    object.insert("skipped".into(), json!(skipped));
    object.insert("classes".into(), json!(predictions.classes));
    object.insert(
        "positive".into(),
        json!(predictions.classes[predictions.positive]),
    );
    object.insert("confusion".into(), json!(confusion.counts));
    object.insert("per_class".into(), Value::Object(per_class));
    Value::Object(object)
}

fn write_predictions(
    path: &Path,
    dataset: &dyn Dataset,
    evaluation: &Evaluation,
) -> anyhow::Result<()> {
    let predictions = &evaluation.predictions;
    let mut text = String::from("file,class,predicted,correct,loss");
    for class in &predictions.classes {
        let _ = write!(text, ",{}", quoted(&format!("p({class})")));
    }
    for (sample, &index) in evaluation.indices.iter().enumerate() {
        let (target, predicted) = (predictions.targets[sample], predictions.predicted(sample));
        let _ = write!(
            text,
            "\n{},{},{},{},{}",
            quoted(&dataset.name(index)),
            quoted(&predictions.classes[target]),
            quoted(&predictions.classes[predicted]),
            target == predicted,
            predictions.losses[sample]
        );
        for probability in predictions.row(sample) {
            let _ = write!(text, ",{probability}");
        }
    }
    text.push('\n');
    write_atomically(path, text.as_bytes())
}

/// A CSV field, quoted where it has to be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_string()
}
