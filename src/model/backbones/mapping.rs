//! Which tensor of a file of weights belongs to which parameter of a planned backbone, and what has to be done to it.

use super::Chosen;
use super::names::{Names, Scheme};
use crate::model::graph::PlannedLayer;

/// How a tensor of a file becomes a parameter. Convolutions are `[out, in, height, width]` here, fully connected layers
/// `[in, out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As it is.
    None,
    /// From `[out, in]`, also with sizes of 1 behind.
    Transpose,
    /// From `[out, channels * height * width]`, in this order, to `[height * width * channels, out]`.
    Flattened([usize; 3]),
    /// From `[height, width, in, out]`.
    ConvOfKeras,
    /// From `[height, width, channels, multiplier]`.
    DepthwiseOfKeras,
}

/// A parameter and its tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// The parameter's name within the backbone ("0.weight").
    pub param: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// The tensor's name in the file.
    pub tensor: String,
    /// From the tensor to the parameter.
    pub transform: Transform,
}

impl Mapped {
    /// The sizes that the tensor must have in the file.
    pub fn expected(&self) -> Vec<usize> {
        match (self.transform, &self.shape[..]) {
            (Transform::Transpose | Transform::Flattened(_), &[inputs, outputs]) => {
                vec![outputs, inputs]
            }
            (Transform::ConvOfKeras, &[out, inputs, height, width]) => {
                vec![height, width, inputs, out]
            }
            (Transform::DepthwiseOfKeras, &[out, _, height, width]) => vec![height, width, out, 1],
            _ => self.shape.clone(),
        }
    }
}

/// A parameter as the tags of layers name it, in PyTorch and in Keras. Empty: the tensor has the module's name.
const FIELDS: [(&str, &str, &str, &str); 12] = [
    ("conv2d", "weight", "weight", "kernel"),
    ("conv2d", "bias", "bias", "bias"),
    ("dense", "weight", "weight", "kernel"),
    ("dense", "bias", "bias", "bias"),
    ("batch_norm", "gamma", "weight", "gamma"),
    ("batch_norm", "beta", "bias", "beta"),
    ("batch_norm", "running_mean", "running_mean", "moving_mean"),
    (
        "batch_norm",
        "running_variance",
        "running_var",
        "moving_variance",
    ),
    ("layer_norm", "gamma", "weight", "gamma"),
    ("layer_norm", "beta", "bias", "beta"),
    ("layer_scale", "gamma", "", "gamma"),
    ("squeeze_excite", "", "", ""),
];

/// The tensor of a parameter of the layer with this tag, within the module called `module`.
fn tensor(module: &str, tag: &str, param: &str, scheme: Scheme) -> String {
    let mut fields = FIELDS.iter();
    let field = fields.find(|field| (field.0, field.1) == (tag, param));
    let field = field.map_or(param, |field| match scheme {
        Scheme::Keras => field.3,
        _ => field.2,
    });
    match (field, scheme) {
        ("", _) => module.to_string(),
        (field, Scheme::Keras) => format!("{module}/{field}"),
        (field, _) => format!("{module}.{field}"),
    }
}

fn transform(tag: &str, shape: &[usize], scheme: Scheme, names: &Names) -> Transform {
    match (tag, scheme, shape, names.flattened) {
        ("dense", Scheme::Keras, ..) => Transform::None,
        ("dense", _, [_, _], Some(image)) => Transform::Flattened(image),
        ("dense", _, [_, _], None) => Transform::Transpose,
        ("conv2d", Scheme::Keras, [_, 1, _, _], _) => Transform::DepthwiseOfKeras,
        ("conv2d", Scheme::Keras, [_, _, _, _], _) => Transform::ConvOfKeras,
        _ => Transform::None,
    }
}

/// For every parameter of a planned backbone, in order, its tensor in a file of this scheme; `None` where no file of the
/// scheme has this net. `prefix` is what this project's files have before the names ("model.0.").
pub fn mapping(
    planned: &PlannedLayer,
    chosen: &Chosen,
    scheme: Scheme,
    prefix: &str,
) -> Option<Vec<Mapped>> {
    let (modules, _) = chosen.modules();
    let mut modules = modules.iter();
    let (mut mapped, mut complete) = (Vec::new(), true);
    planned.visit(None, &mut |seen| {
        let specs = seen.layer.own_params();
        if specs.is_empty() {
            return;
        }
        let names = modules.next().expect("a name for every module");
        let within = seen.name.strip_prefix(&planned.name).unwrap_or_default();
        for spec in specs {
            let param = format!("{}.{}", within, spec.name);
            let param = param.trim_start_matches('.').to_string();
            let tag = &seen.layer.tag;
            let (tensor, transform) = match (scheme, names.get(scheme)) {
                (Scheme::Kiln, _) => (format!("{prefix}{param}"), Transform::None),
                (_, Some(module)) => (
                    tensor(module, tag, &spec.name, scheme),
                    transform(tag, &spec.shape, scheme, names),
                ),
                (_, None) => {
                    complete = false;
                    return;
                }
            };
            let shape = spec.shape.clone();
            mapped.push(Mapped {
                param,
                shape,
                tensor,
                transform,
            });
        }
    });
    complete.then_some(mapped)
}

/// Whether a tensor of a file is the old classifier's, which the layers behind the backbone replace, or says nothing
/// about the net (the number of batches that a normalisation has seen).
pub fn left_out(tensor: &str, chosen: &Chosen, scheme: Scheme) -> bool {
    if tensor.ends_with("num_batches_tracked") {
        return true;
    }
    let (modules, classifier) = chosen.modules();
    let begin = modules.len() - classifier;
    modules[begin..].iter().any(|names| {
        let module = names.get(scheme).unwrap_or_default();
        // A classifier of somebody's own may lie deeper: "fc.0.weight".
        tensor
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with(['.', '/']))
    })
}

/// The scheme whose names a file has most of, and the prefix of this project's names; `None` where it has no more than
/// half of any.
pub fn detect_scheme(
    planned: &PlannedLayer,
    chosen: &Chosen,
    tensors: &[&str],
) -> Option<(Scheme, String)> {
    let own = tensors.iter().filter_map(|tensor| {
        let rest = tensor.strip_suffix("0.weight")?;
        let digits = rest.strip_prefix("model.")?.strip_suffix('.')?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| rest.to_string())
    });
    let own = own.map(|prefix| (Scheme::Kiln, prefix));
    let others = Scheme::OTHERS.map(|scheme| (scheme, String::new()));
    let has = |(scheme, prefix): &(Scheme, String)| {
        let mapped = mapping(planned, chosen, *scheme, prefix).unwrap_or_default();
        let found = mapped
            .iter()
            .filter(|one| tensors.contains(&one.tensor.as_str()));
        (found.count(), mapped.len())
    };
    let counted = others
        .into_iter()
        .chain(own)
        .map(|scheme| (has(&scheme), scheme));
    // Of equals the first.
    let best = counted.rev().max_by_key(|((found, _), _)| *found)?;
    let ((found, all), scheme) = best;
    (2 * found > all).then_some(scheme)
}
