//! The preprocessing that belongs to trained weights: it fills in what the experiment leaves out, and says so.

use serde_json::{Value, json};

use crate::config::{
    Experiment, Fault, Path, Preprocess, PreprocessPreset, Source, Spec, Statistic,
};
use crate::data::SOURCES;
use crate::model::bare_name;
use crate::model::import::{CATALOGUE, CatalogueEntry, catalogue_entry};

/// Fills in the preprocessing of the trained weights, where the experiment asks for it or gives none itself.
///
/// # Errors
/// `preset = "weights"` in an experiment without weights.
pub fn apply_preset(source: &mut Source) -> anyhow::Result<()> {
    let asked = source.experiment.preprocess.preset.is_some();
    let Some((backbone, weights)) = trained(&source.experiment) else {
        if asked {
            let path = Path::parse("preprocess.preset");
            let fault = Fault::new(path, "is \"weights\", but no backbone has trained weights");
            let hint =
                "{ backbone = { name = \"resnet18\", weights = \"resnet18-f37072fd.pth\" } }";
            return Err(source.explain(&[fault.hint(hint)]));
        }
        return Ok(());
    };
    let known = catalogue_entry(bare_name(&weights));
    let of_backbone = || CATALOGUE.iter().find(|entry| entry.backbone == backbone);
    let Some(entry) = known.or_else(of_backbone) else {
        return Ok(());
    };
    let given = &source.experiment.preprocess;
    if !asked && *given != Preprocess::default() {
        if !is_of(given, entry) {
            let notice = format!(
                "[preprocess] is not what {} was trained with ({}); preset = \"weights\" takes that",
                entry.file,
                scaling(entry)
            );
            source.notices.push(notice);
        }
        return Ok(());
    }
    fill_scaling(&mut source.experiment.preprocess, entry);
    let (filled, others) = fill_resizing(&mut source.experiment, entry);
    let from = match known {
        Some(_) => format!("of {}", entry.file),
        None => format!("of {}, as {} is not known", entry.file, bare_name(&weights)),
    };
    let mut notice = format!("preprocessing {from}: {}", scaling(entry));
    if !filled.is_empty() {
        notice += &format!("; {}", filled.join(", "));
    }
    source.notices.push(notice);
    if !others.is_empty() {
        let others = others.join(", ");
        let notice = format!("{} was trained with other resizing: {others}", entry.file);
        source.notices.push(notice);
    }
    Ok(())
}

/// The first backbone with trained weights: its name, and the file's.
fn trained(experiment: &Experiment) -> Option<(String, String)> {
    let mut backbones = experiment
        .model
        .layers
        .iter()
        .filter(|spec| spec.name() == "backbone");
    backbones.find_map(|spec: &Spec| {
        let options = spec.options();
        let text = |key: &str| options.get(key)?.as_str().map(str::to_string);
        Some((text("name")?, text("weights")?))
    })
}

/// Numbers as they are written, without the digits of a longer number.
fn numbers(values: [f32; 3]) -> Vec<f64> {
    let read = |value: f32| value.to_string().parse().unwrap_or(f64::from(value));
    values.map(read).to_vec()
}

/// Mean and deviation, in words.
fn scaling(entry: &CatalogueEntry) -> String {
    let of = &entry.preprocess;
    let (mean, std) = (numbers(of.mean), numbers(of.std));
    format!("divide_by 255, mean {mean:?}, std {std:?}")
}

/// Whether the scaling is that of the weights.
fn is_of(given: &Preprocess, entry: &CatalogueEntry) -> bool {
    let mut theirs = Preprocess::default();
    fill_scaling(&mut theirs, entry);
    (given.divide_by, &given.mean, &given.std) == (theirs.divide_by, &theirs.mean, &theirs.std)
}

fn fill_scaling(preprocess: &mut Preprocess, entry: &CatalogueEntry) {
    let of = &entry.preprocess;
    preprocess.preset = Some(PreprocessPreset::Weights);
    preprocess.divide_by.get_or_insert(255.0);
    let mean = Statistic::PerChannel(numbers(of.mean));
    let std = Statistic::PerChannel(numbers(of.std));
    preprocess.mean.get_or_insert(mean);
    preprocess.std.get_or_insert(std);
}

/// Fills in how images get their size. Returns what was filled in, and what the experiment has otherwise.
fn fill_resizing(
    experiment: &mut Experiment,
    entry: &CatalogueEntry,
) -> (Vec<String>, Vec<String>) {
    let of = &entry.preprocess;
    let theirs = [
        ("size", json!([of.crop, of.crop])),
        ("resize", json!(of.filter)),
        ("aspect", json!("cover")),
        ("crop", json!(of.crop as f64 / of.resize as f64)),
    ];
    let kind = experiment.data.get("kind").and_then(Value::as_str);
    let member = SOURCES.iter().find(|member| Some(member.name) == kind);
    let schema = member.map(|member| (member.schema)()).unwrap_or_default();
    let (mut filled, mut others) = (Vec::new(), Vec::new());
    let has_aspect = experiment.data.contains_key("aspect");
    for (key, value) in theirs {
        if schema["properties"].get(key).is_none() {
            continue;
        }
        match experiment.data.get(key) {
            None if key == "crop" && has_aspect => {}
            None => {
                filled.push(format!("{key} {}", shown(&value)));
                experiment.data.insert(key.to_string(), value);
            }
            // Any size will do; features of the size that was trained are the best.
            Some(given) if *given != value && key != "size" => {
                let (theirs, given) = (shown(&value), shown(given));
                others.push(format!("{key} {theirs}, not {given}"));
            }
            Some(_) => {}
        }
    }
    (filled, others)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
