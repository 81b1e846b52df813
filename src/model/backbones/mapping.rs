//! Which tensor of a file of weights belongs to which parameter of a planned backbone, and what has to be done to it.

use std::collections::HashMap;

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
    /// A tensor that is subtracted: the bias of a convolution before a batch normalisation, which has none here, from the
    /// running mean.
    pub minus: Option<String>,
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

/// A module with parameters of a planned backbone.
struct Module<'a> {
    /// Its layer's full name.
    name: String,
    layer: &'a PlannedLayer,
    names: &'a Names,
}

/// A parameter as the tags of layers name it, in PyTorch, in Keras, and its number in Keras 3. Empty: the tensor has the
/// module's name.
const FIELDS: [(&str, &str, &str, &str, usize); 11] = [
    ("conv2d", "weight", "weight", "kernel", 0),
    ("conv2d", "bias", "bias", "bias", 1),
    ("dense", "weight", "weight", "kernel", 0),
    ("dense", "bias", "bias", "bias", 1),
    ("batch_norm", "gamma", "weight", "gamma", 0),
    ("batch_norm", "beta", "bias", "beta", 1),
    (
        "batch_norm",
        "running_mean",
        "running_mean",
        "moving_mean",
        2,
    ),
    (
        "batch_norm",
        "running_variance",
        "running_var",
        "moving_variance",
        3,
    ),
    ("layer_norm", "gamma", "weight", "gamma", 0),
    ("layer_norm", "beta", "bias", "beta", 1),
    ("layer_scale", "gamma", "", "gamma", 0),
];

impl Module<'_> {
    /// The tensor of a parameter, where the module is called `module`.
    fn tensor(&self, module: &str, param: &str, scheme: Scheme) -> String {
        let mut fields = FIELDS.iter();
        let field = fields.find(|field| (field.0, field.1) == (&*self.layer.tag, param));
        let (_, _, torch, keras, number) = field.expect("every layer of a backbone has its fields");
        match scheme {
            Scheme::Keras => format!("{module}/{keras}"),
            Scheme::KerasLayers => format!("{module}/vars/{number}"),
            _ if torch.is_empty() => module.to_string(),
            _ => format!("{module}.{torch}"),
        }
    }

    fn transform(&self, shape: &[usize], scheme: Scheme) -> Transform {
        match (&*self.layer.tag, scheme, shape, self.names.flattened) {
            ("dense", Scheme::Keras | Scheme::KerasLayers, ..) => Transform::None,
            ("dense", _, [_, _], Some(image)) => Transform::Flattened(image),
            ("dense", _, [_, _], None) => Transform::Transpose,
            ("conv2d", Scheme::Keras | Scheme::KerasLayers, [_, inputs, _, _], _) => match inputs {
                1 => Transform::DepthwiseOfKeras,
                _ => Transform::ConvOfKeras,
            },
            _ => Transform::None,
        }
    }

    /// The name of its class in Keras.
    fn class(&self) -> &'static str {
        let params = self.layer.own_params();
        let depthwise = params
            .first()
            .is_some_and(|spec| spec.shape.get(1) == Some(&1));
        let excites = self.name.ends_with(".reduce") || self.name.ends_with(".expand");
        match &*self.layer.tag {
            "conv2d" if depthwise => "depthwise_conv2d",
            "conv2d" => "conv2d",
            "dense" if excites => "conv2d",
            "dense" => "dense",
            "batch_norm" => "batch_normalization",
            _ => "layer_normalization",
        }
    }
}

/// The names of modules in Keras 3: those of a class are numbered in the order of the net's layers.
fn keras_layers(modules: &[Module<'_>]) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut numbers: Vec<usize> = Vec::with_capacity(modules.len());
    for (index, module) in modules.iter().enumerate() {
        let class = module.class();
        let count = counts.entry(class).or_default();
        numbers.push(*count);
        *count += 1;
        if module.names.is_before_last {
            let mut earlier = (0..index).rev();
            if let Some(last) = earlier.find(|&earlier| modules[earlier].class() == class) {
                numbers.swap(last, index);
            }
        }
    }
    let named = modules
        .iter()
        .zip(numbers)
        .map(|(module, number)| match number {
            0 => format!("layers/{}", module.class()),
            number => format!("layers/{}_{number}", module.class()),
        });
    named.collect()
}

/// For every parameter of a planned backbone, in order, its tensor in a file of this scheme; `None` where no file of the
/// scheme has this net. `prefix` is what this project's files have before the names ("model.0.").
pub fn mapping(
    planned: &PlannedLayer,
    chosen: &Chosen,
    scheme: Scheme,
    prefix: &str,
) -> Option<Vec<Mapped>> {
    let (all, _) = chosen.modules();
    let mut all = all.iter();
    let mut modules = Vec::new();
    planned.visit(None, &mut |seen| {
        if !seen.layer.own_params().is_empty() {
            let names = all.next().expect("a name for every module");
            let (name, layer) = (seen.name, seen.layer);
            modules.push(Module { name, layer, names });
        }
    });
    let names: Vec<String> = match scheme {
        Scheme::Kiln => vec![String::new(); modules.len()],
        Scheme::KerasLayers => keras_layers(&modules),
        _ => {
            let names = modules.iter().map(|module| module.names.get(scheme));
            names
                .map(|name| name.map(str::to_string))
                .collect::<Option<_>>()?
        }
    };
    // Numbers alone say nothing of a net that Keras does not have.
    if modules
        .iter()
        .any(|module| module.names.get(Scheme::Keras).is_none())
        && scheme == Scheme::KerasLayers
    {
        return None;
    }
    let mut mapped = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        let within = module.name.strip_prefix(&planned.name).unwrap_or_default();
        for spec in module.layer.own_params() {
            let param = format!("{within}.{}", spec.name);
            let param = param.trim_start_matches('.').to_string();
            let shape = spec.shape.clone();
            let is_kiln = scheme == Scheme::Kiln;
            let folds = module.names.is_behind_bias && spec.name == "running_mean";
            let of_keras = matches!(scheme, Scheme::Keras | Scheme::KerasLayers);
            let bias = || {
                let number = if scheme == Scheme::Keras {
                    "bias"
                } else {
                    "vars/1"
                };
                format!("{}/{number}", names[index - 1])
            };
            mapped.push(Mapped {
                tensor: match is_kiln {
                    true => format!("{prefix}{param}"),
                    false => module.tensor(&names[index], &spec.name, scheme),
                },
                transform: match is_kiln {
                    true => Transform::None,
                    false => module.transform(&shape, scheme),
                },
                minus: (folds && of_keras).then(bias),
                param,
                shape,
            });
        }
    }
    Some(mapped)
}
