//! From an opened file of weights to the values of a planned backbone's parameters.

use std::collections::HashMap;

use anyhow::{Result, bail};

use super::Chosen;
use super::mapping::{Mapped, Transform, detect_scheme, left_out, mapping};
use super::names::Scheme;
use crate::config::Style;
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
    let Matched {
        scheme,
        mapped,
        shapes,
        left_out,
    } = matched(planned, source)?;
    let mut adapted = None;
    let mut values = Vec::with_capacity(mapped.len());
    for (index, one) in mapped.iter().enumerate() {
        let read = source.read(&one.tensor)?;
        let shape = &shapes[&one.tensor][..];
        let (from, to) = (channels(one, shape), one.shape.get(1).copied().unwrap_or(1));
        let laid = laid_out(one, read, shape);
        let laid = match index == 0 && from != to {
            true => {
                adapted = Some(adaptation(to));
                adapt(&laid, from, &one.shape)
            }
            false => laid,
        };
        values.push((format!("{}.{}", planned.name, one.param), laid));
    }
    Ok(LoadedWeights {
        values,
        scheme,
        left_out,
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
    /// Of all tensors of the file.
    shapes: HashMap<String, Vec<usize>>,
    /// Those of the old classifier.
    left_out: Vec<String>,
}

fn matched(planned: &PlannedLayer, source: &dyn TensorSource) -> Result<Matched> {
    let Some(chosen) = planned.forward.backbone() else {
        bail!(
            "{} is a {}, which has no trained weights",
            planned.name,
            planned.tag
        );
    };
    let tensors = source.tensors();
    let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let Some((scheme, prefix)) = detect_scheme(planned, chosen, &names) else {
        let some: Vec<&str> = names.iter().take(5).copied().collect();
        bail!(
            "holds no weights of {}: its {} tensors are called {}, ..",
            chosen.backbone.name,
            names.len(),
            some.join(", ")
        );
    };
    check_style(chosen, scheme)?;
    let mapped = mapping(planned, chosen, scheme, &prefix).expect("the scheme has the net");
    let shapes = tensors.iter();
    let shapes = shapes.map(|tensor| (tensor.name.clone(), tensor.shape.clone()));
    let shapes: HashMap<String, Vec<usize>> = shapes.collect();
    let mut wrong = compare(&mapped, &shapes, source);
    let (mut dropped, ours) = (Vec::new(), |name: &str| name.starts_with(&prefix));
    for tensor in &tensors {
        if mapped.iter().any(|one| one.tensor == tensor.name) {
            continue;
        }
        // Behind the backbone this project's files have layers of their own.
        match scheme == Scheme::Kiln && !ours(&tensor.name)
            || left_out(&tensor.name, chosen, scheme)
        {
            true if tensor.name.ends_with("num_batches_tracked") => {}
            true => dropped.push(tensor.name.clone()),
            false => wrong.push(Row::of(
                &tensor.name,
                "nothing".into(),
                sizes(&tensor.shape),
            )),
        }
    }
    if !wrong.is_empty() {
        bail!(
            "does not hold the weights of {}:\n{}",
            chosen.backbone.name,
            table(&wrong)
        );
    }
    Ok(Matched {
        scheme,
        mapped,
        shapes,
        left_out: dropped,
    })
}

/// Weights of Keras need its padding.
fn check_style(chosen: &Chosen, scheme: Scheme) -> Result<()> {
    let needed = match scheme {
        Scheme::Keras | Scheme::EfficientNetPytorch => Style::Keras,
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

/// A line of the table of what is wrong.
struct Row {
    tensor: String,
    expected: String,
    found: String,
}

impl Row {
    fn of(tensor: &str, expected: String, found: String) -> Row {
        let tensor = tensor.to_string();
        Row {
            tensor,
            expected,
            found,
        }
    }
}

fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// The most lines of a table.
const MOST_ROWS: usize = 20;

fn table(rows: &[Row]) -> String {
    let longest = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let (first, second) = (
        longest(|row| &row.tensor).max("tensor".len()),
        longest(|row| &row.expected).max("expected".len()),
    );
    let line = |a: &str, b: &str, c: &str| format!("  {a:<first$}  {b:<second$}  {c}");
    let mut lines = vec![line("tensor", "expected", "found")];
    let shown = rows.iter().take(MOST_ROWS);
    lines.extend(shown.map(|row| line(&row.tensor, &row.expected, &row.found)));
    if rows.len() > MOST_ROWS {
        lines.push(format!("  and {} more", rows.len() - MOST_ROWS));
    }
    lines.join("\n")
}

/// Without sizes of 1 at the end: a fully connected layer may be kept as a convolution of 1 x 1, a factor of each
/// channel as `[channels, 1, 1]`.
fn squeezed(shape: &[usize], rank: usize) -> &[usize] {
    let mut shape = shape;
    while let [rest @ .., 1] = shape
        && shape.len() > rank
    {
        shape = rest;
    }
    shape
}

/// What is missing, and what has other sizes.
fn compare(
    mapped: &[Mapped],
    shapes: &HashMap<String, Vec<usize>>,
    source: &dyn TensorSource,
) -> Vec<Row> {
    let wrong = mapped.iter().enumerate().filter_map(|(index, one)| {
        let expected = one.expected();
        let Some(found) = shapes.get(&one.tensor) else {
            let found = source
                .unreadable(&one.tensor)
                .map(|why| format!("one that {why}"));
            let found = found.unwrap_or_else(|| "nothing".into());
            return Some(Row::of(&one.tensor, sizes(&expected), found));
        };
        let mut wanted = expected.clone();
        if index == 0 && adapts(one, found) {
            *channel_place(one, &mut wanted) = channels(one, found);
        }
        let fits = squeezed(found, wanted.len()) == wanted;
        (!fits).then(|| Row::of(&one.tensor, sizes(&expected), sizes(found)))
    });
    wrong.collect()
}

/// Whether the first convolution is one of colours, which fits any number of channels.
fn adapts(one: &Mapped, found: &[usize]) -> bool {
    one.shape.len() == 4 && found.len() == 4 && channels(one, found) == 3
}

fn channel_place<'a>(one: &Mapped, shape: &'a mut [usize]) -> &'a mut usize {
    match one.transform {
        Transform::ConvOfKeras => &mut shape[2],
        _ => &mut shape[1],
    }
}

/// Input channels of a convolution in a file; of other parameters what they have here.
fn channels(one: &Mapped, found: &[usize]) -> usize {
    match (one.transform, found, &one.shape[..]) {
        (Transform::ConvOfKeras, [_, _, inputs, _], _) => *inputs,
        (Transform::None, [_, inputs, _, _], _) => *inputs,
        (_, _, shape) => shape.get(1).copied().unwrap_or(1),
    }
}

/// `values` of the sizes `shape`, with the dimensions in the order `order`.
fn permuted(values: &[f32], shape: &[usize], order: &[usize]) -> Vec<f32> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let steps: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    let mut at = vec![0; sizes.len()];
    let mut laid = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let place: usize = at.iter().zip(&steps).map(|(at, step)| at * step).sum();
        laid.push(values[place]);
        for axis in (0..sizes.len()).rev() {
            at[axis] += 1;
            if at[axis] < sizes[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    laid
}

/// The values of a tensor of the sizes `shape` as this project lays them out.
fn laid_out(one: &Mapped, values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    match one.transform {
        Transform::None => values,
        Transform::Transpose => permuted(&values, squeezed(shape, 2), &[1, 0]),
        Transform::Flattened([height, width, channels]) => {
            permuted(&values, &[shape[0], channels, height, width], &[2, 3, 1, 0])
        }
        Transform::ConvOfKeras => permuted(&values, shape, &[3, 2, 0, 1]),
        Transform::DepthwiseOfKeras => permuted(&values, shape, &[2, 3, 0, 1]),
    }
}

fn adaptation(to: usize) -> String {
    match to {
        1 => "the weights of the first convolution are summed over the colours".into(),
        _ => format!(
            "the weights of the first convolution are repeated for {to} channels and scaled by 3/{to}"
        ),
    }
}

/// The weights `[out, from, height, width]` of a convolution for as many input channels as `shape` has.
fn adapt(values: &[f32], from: usize, shape: &[usize]) -> Vec<f32> {
    let (to, area) = (shape[1], shape[2] * shape[3]);
    let filters = values.chunks(from * area);
    let laid = filters.flat_map(|filter| {
        (0..to * area).map(move |at| {
            let (channel, place) = (at / area, at % area);
            match to {
                1 => (0..from)
                    .map(|channel| filter[channel * area + place])
                    .sum(),
                _ => filter[channel % from * area + place] * from as f32 / to as f32,
            }
        })
    });
    laid.collect()
}
