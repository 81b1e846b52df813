//! From an opened file of weights to the values of a planned backbone's parameters.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, bail};

use super::Chosen;
use super::detect::{canonical, detect_scheme, left_out};
use super::differences::{Difference, sizes, table};
use super::layout::{adapt, adaptation, fits, laid_out};
use super::mapping::{Mapped, mapping};
use super::names::Scheme;
use crate::config::Style;
use crate::console::visible;
use crate::model::graph::PlannedLayer;
use crate::model::import::WeightsFile;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTensor {
    /// Its name.
    pub name: String,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
}

/// Where tensors come from: an opened file.
pub trait TensorSource {
    /// Every tensor there is.
    fn tensors(&self) -> Vec<SourceTensor>;

    /// The values of one of them, outermost dimension slowest.
    ///
    /// # Errors
    /// What cannot be read.
    fn read(&self, name: &str) -> Result<Vec<f32>>;

    /// Why a tensor that is there is not read; words that follow its name.
    fn unreadable(&self, _name: &str) -> Option<String> {
        None
    }
}

impl TensorSource for WeightsFile {
    fn tensors(&self) -> Vec<SourceTensor> {
        let tensors = WeightsFile::tensors(self).iter();
        let tensors = tensors.map(|tensor| SourceTensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
        });
        tensors.collect()
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        Ok(WeightsFile::read(self, name)?)
    }

    fn unreadable(&self, name: &str) -> Option<String> {
        let why = WeightsFile::unreadable(self).get(name);
        why.map(ToString::to_string)
    }
}

/// The values of a backbone's parameters.
#[derive(Clone, Debug)]
pub struct LoadedWeights {
    /// Full names ("model.0.0.weight") and values as this project lays them out, in the order of the parameters.
    pub values: Vec<(String, Vec<f32>)>,
    /// Whose names the file has.
    pub scheme: Scheme,
    /// Tensors of the old classifier, which were left out.
    pub left_out: Vec<String>,
    /// What was done to the first convolution where the images have other than three channels.
    pub adapted: Option<String>,
}

/// Reads the parameters of a planned backbone.
///
/// The first convolution of weights for three channels fits any number of them: for one its weights are summed; for any
/// other number `n` they are repeated in turn and multiplied by `3 / n`, so that its outputs stay of the same size.
///
/// # Errors
/// A file of another net; one error that lists the tensors that are missing, those of another shape and those that
/// belong to nothing.
pub fn load_weights(planned: &PlannedLayer, source: &dyn TensorSource) -> Result<LoadedWeights> {
    let matched = matched(planned, source)?;
    let mut adapted = None;
    let mut values = Vec::with_capacity(matched.mapped.len());
    for one in &matched.mapped {
        let found = &matched.tensors[&one.tensor];
        let mut laid = laid_out(one, source.read(&found.name)?, &found.shape);
        if laid.len() != one.shape.iter().product::<usize>() {
            adapted = Some(adaptation(one.shape[1]));
            laid = adapt(&laid, &one.shape);
        }
        if let Some(minus) = &one.minus {
            let minus = source.read(&matched.tensors[minus].name)?;
            let pairs = laid.iter_mut().zip(minus);
            pairs.for_each(|(value, minus)| *value -= minus);
        }
        values.push((format!("{}.{}", planned.name, one.param), laid));
    }
    Ok(LoadedWeights {
        values,
        scheme: matched.scheme,
        left_out: matched.left_out,
        adapted,
    })
}

/// Checks that a file holds the parameters of a planned backbone, by their names and sizes.
///
/// # Errors
/// As [`load_weights`], but for values that cannot be read.
pub fn check_weights(planned: &PlannedLayer, source: &dyn TensorSource) -> Result<()> {
    matched(planned, source).map(|_| ())
}

/// The tensors of a file that are a backbone's parameters.
struct Matched {
    scheme: Scheme,
    mapped: Vec<Mapped>,
    /// Of the whole file, by the names that the scheme has.
    tensors: BTreeMap<String, SourceTensor>,
    /// Those of the old classifier.
    left_out: Vec<String>,
}

fn matched(planned: &PlannedLayer, source: &dyn TensorSource) -> Result<Matched> {
    let Some(chosen) = planned.forward.backbone() else {
        let (name, tag) = (&planned.name, &planned.tag);
        bail!("{name} is a {tag}, which has no trained weights");
    };
    let tensors = source.tensors().into_iter();
    let tensors: BTreeMap<String, SourceTensor> = tensors
        .map(|tensor| (canonical(&tensor.name), tensor))
        .collect();
    let names: HashSet<&str> = tensors.keys().map(String::as_str).collect();
    let Some((scheme, prefix)) = detect_scheme(planned, chosen, &names) else {
        let some: Vec<_> = tensors
            .values()
            .take(3)
            .map(|tensor| visible(&tensor.name))
            .collect();
        let (name, count, some) = (chosen.backbone.name, tensors.len(), some.join(", "));
        bail!("holds no weights of {name}: its {count} tensors are called {some}, ..");
    };
    check_style(chosen, scheme)?;
    let mapped = mapping(planned, chosen, scheme, &prefix).expect("the scheme has the net");
    let mut differences = differences(&mapped, &tensors, source);
    let minus = mapped.iter().filter_map(|one| one.minus.as_ref());
    let needed: HashSet<&String> = mapped.iter().map(|one| &one.tensor).chain(minus).collect();
    let mut dropped = Vec::new();
    for (name, tensor) in tensors.iter().filter(|(name, _)| !needed.contains(name)) {
        let is_left_out = match scheme {
            // Behind the backbone this project's files have layers of their own.
            Scheme::Kiln => !name.starts_with(&prefix),
            _ => left_out(name, chosen, scheme),
        };
        match is_left_out {
            true if name.ends_with("num_batches_tracked") => {}
            true => dropped.push(tensor.name.clone()),
            false => differences.push(Difference::new(
                &tensor.name,
                "nothing",
                sizes(&tensor.shape),
            )),
        }
    }
    if !differences.is_empty() {
        let (name, table) = (chosen.backbone.name, table(&differences));
        bail!("does not hold the weights of {name}:\n{table}");
    }
    drop((names, needed));
    Ok(Matched {
        scheme,
        mapped,
        tensors,
        left_out: dropped,
    })
}

/// Weights of Keras need its padding.
fn check_style(chosen: &Chosen, scheme: Scheme) -> Result<()> {
    let needed = match scheme {
        Scheme::Keras | Scheme::KerasLayers | Scheme::EfficientNetPytorch => Style::Keras,
        Scheme::Torchvision => Style::Torch,
        Scheme::Timm | Scheme::Kiln => return Ok(()),
    };
    let several = chosen.backbone.styles.len() > 1;
    if several && needed != chosen.choice.style {
        let style = match needed {
            Style::Keras => "keras",
            Style::Torch => "torch",
        };
        bail!(
            "holds weights of {}, which pads and normalises differently: write style = \"{style}\" in the backbone",
            scheme.name()
        );
    }
    Ok(())
}

/// What is missing, and what has other sizes.
fn differences(
    mapped: &[Mapped],
    tensors: &BTreeMap<String, SourceTensor>,
    source: &dyn TensorSource,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut check = |tensor: &str, expected: &[usize], fits: &dyn Fn(&[usize]) -> bool| {
        let found = tensors.get(tensor);
        if found.is_some_and(|found| fits(&found.shape)) {
            return;
        }
        let unreadable = || {
            source
                .unreadable(tensor)
                .map(|why| format!("one that {why}"))
        };
        let words = found.map(|found| sizes(&found.shape)).or_else(unreadable);
        let words = words.unwrap_or_else(|| "nothing".into());
        differences.push(Difference::new(tensor, &sizes(expected), words));
    };
    for (index, one) in mapped.iter().enumerate() {
        check(&one.tensor, &one.expected(), &|found| {
            fits(one, found, index == 0)
        });
        if let Some(minus) = &one.minus {
            check(minus, &one.shape, &|found| found == one.shape);
        }
    }
    differences
}
