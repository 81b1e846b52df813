//! Random nets: layers with random options, each kept where its plan takes what the one before gives.

use kiln::config::{Path, Spec, read_member};
use kiln::data::{Purpose, Rng, Shape};
use kiln::model::{LAYERS, LayerReader, Tuning};
use serde_json::{Value as Json, json};

/// Values of an output a sample, and of a layer's parameters: nets are small, so that many can be tried.
const MOST_OUTPUTS: usize = 1500;
const MOST_PARAMS: usize = 12_000;
/// How deep layers lie within layers.
const MOST_DEPTH: usize = 2;

const ACTIVATIONS: [&str; 18] = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "softsign",
    "mish",
    "tanh",
    "sigmoid",
    "hard_tanh",
    "hard_sigmoid",
    "hard_silu",
    "softmax",
    "relu",
];

const INITS: [&str; 8] = [
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "torch_uniform",
    "orthogonal",
];

/// Draws that a seed gives.
pub struct Dice(Rng);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(Rng::new(seed, Purpose::Synth, &[15]))
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.0.below(count)
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.0.uniform() < share
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Adds an option in a share of all cases.
    fn maybe(&mut self, options: &mut Json, share: f64, key: &str, value: Json) {
        if self.chance(share) {
            options[key] = value;
        }
    }

    pub fn activation(&mut self) -> Json {
        json!(self.pick(&ACTIVATIONS))
    }

    /// What every layer with weights may have.
    fn weighted(&mut self, mut options: Json) -> Json {
        self.maybe(&mut options, 0.1, "l1", json!(1e-3));
        self.maybe(&mut options, 0.15, "l2", json!(0.01));
        self.maybe(&mut options, 0.15, "max_norm", json!(1.5));
        options
    }

    /// And where it also has an activation, a bias and an initialiser.
    fn filtered(&mut self, options: Json) -> Json {
        let mut options = self.weighted(options);
        let activation = self.activation();
        self.maybe(&mut options, 0.6, "activation", activation);
        self.maybe(&mut options, 0.3, "bias", json!(false));
        let init = json!(self.pick(&INITS));
        self.maybe(&mut options, 0.3, "weight_init", init);
        self.maybe(&mut options, 0.2, "bias_init", json!("ones"));
        options
    }

    fn padding(&mut self) -> Json {
        self.pick(&[json!("valid"), json!("same"), json!(1), json!(2)])
    }

    /// A window of images.
    fn window(&mut self, mut options: Json) -> Json {
        let stride = self.pick(&[json!(1), json!(2), json!([1, 2]), json!(3)]);
        self.maybe(&mut options, 0.3, "stride", stride);
        let padding = self.padding();
        let padding = self.pick(&[padding.clone(), padding, json!([[0, 1], [1, 0]])]);
        self.maybe(&mut options, 0.5, "padding", padding);
        options
    }

    /// A number of filters that `groups` divides, and the groups.
    fn groups(&mut self, channels: usize, mut options: Json) -> Json {
        let divisors: Vec<usize> = (1..=channels)
            .filter(|n| channels.is_multiple_of(*n))
            .collect();
        let groups = if self.chance(0.25) {
            self.pick(&divisors)
        } else {
            1
        };
        options["filters"] = json!(groups * self.pick(&[1, 2, 3, 5, 16]));
        self.maybe(&mut options, 0.9, "groups", json!(groups));
        if groups > 1 {
            options["groups"] = json!(groups);
        }
        options
    }
}

/// Values of the last dimension.
fn features(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        Shape::Sequence { features, .. } | Shape::Flat { features } => features,
        Shape::Tokens { .. } => 1,
    }
}

/// Random options of the layer called `tag`, before which comes `shape`; `None` where this generator does not know the
/// layer: a new one needs a line here.
pub fn options(tag: &str, shape: Shape, dice: &mut Dice, depth: usize) -> Option<Json> {
    let units = dice.pick(&[1, 2, 3, 5, 8, 17, 33]);
    let channels = features(shape);
    let kernel = dice.pick(&[json!(1), json!(2), json!(3), json!([3, 1]), json!([1, 2])]);
    let steps = dice.pick(&[1, 2, 3]);
    let few = dice.pick(&[1, 2, 3]);
    let some = dice.padding();
    Some(match tag {
        "conv2d" => {
            let options = dice.groups(channels, json!({"kernel": kernel}));
            let mut options = dice.window(options);
            dice.maybe(&mut options, 0.2, "dilation", json!(2));
            dice.filtered(options)
        }
        "depthwise_conv2d" | "separable_conv2d" => {
            let key = if tag == "depthwise_conv2d" {
                "multiplier"
            } else {
                "filters"
            };
            let options = dice.window(json!({"kernel": kernel, key: few}));
            dice.filtered(options)
        }
        "conv1d" => {
            let options = dice.groups(channels, json!({"kernel": steps}));
            let mut options = dice.filtered(options);
            dice.maybe(&mut options, 0.3, "stride", json!(2));
            dice.maybe(&mut options, 0.3, "dilation", json!(2));
            let padding = dice.pick(&[json!("causal"), some]);
            dice.maybe(&mut options, 0.6, "padding", padding);
            options
        }
        "depthwise_conv1d" | "separable_conv1d" => {
            let key = if tag == "depthwise_conv1d" {
                "multiplier"
            } else {
                "filters"
            };
            let mut options = dice.filtered(json!({"kernel": steps, key: few}));
            dice.maybe(&mut options, 0.3, "stride", json!(2));
            dice.maybe(&mut options, 0.5, "padding", json!("causal"));
            options
        }
        "conv_transpose2d" => {
            let options = dice.groups(channels, json!({"kernel": kernel}));
            let mut options = dice.window(options);
            dice.maybe(&mut options, 0.2, "dilation", json!(2));
            dice.maybe(&mut options, 0.2, "output_padding", json!(1));
            dice.filtered(options)
        }
        "conv_transpose1d" => {
            let options = dice.groups(channels, json!({"kernel": steps}));
            let mut options = dice.filtered(options);
            dice.maybe(&mut options, 0.4, "stride", json!(2));
            dice.maybe(&mut options, 0.4, "padding", some);
            dice.maybe(&mut options, 0.2, "output_padding", json!(1));
            options
        }
        "max_pool2d" => dice.window(json!({"size": kernel})),
        "avg_pool2d" | "avg_pool1d" => {
            let size = if tag == "avg_pool2d" {
                kernel
            } else {
                json!(steps)
            };
            let mut options = json!({"size": size});
            dice.maybe(&mut options, 0.4, "padding", some);
            dice.maybe(&mut options, 0.3, "stride", json!(1));
            dice.maybe(&mut options, 0.5, "count_padding", json!(true));
            options
        }
        "max_pool1d" => {
            let mut options = json!({"size": steps});
            dice.maybe(&mut options, 0.4, "padding", some);
            dice.maybe(&mut options, 0.3, "stride", json!(1));
            options
        }
        "global_avg_pool" | "global_max_pool" | "flatten" => json!({}),
        "attention_pool" => {
            let mut options = dice.weighted(json!({}));
            dice.maybe(&mut options, 0.5, "units", json!(units));
            options
        }
        "embedding" => dice.weighted(json!({"dim": few})),
        "lstm" | "gru" => {
            let mut options = dice.weighted(json!({"units": units.min(9)}));
            dice.maybe(&mut options, 0.5, "return_sequences", json!(true));
            dice.maybe(&mut options, 0.3, "go_backwards", json!(true));
            dice.maybe(&mut options, 0.2, "dropout", json!(0.3));
            dice.maybe(&mut options, 0.2, "recurrent_dropout", json!(0.3));
            if tag == "lstm" {
                dice.maybe(&mut options, 0.2, "recurrent_bias", json!(true));
            }
            options
        }
        "bidirectional" => {
            let inner = dice.pick(&["lstm", "gru"]);
            let own = options(inner, shape, dice, depth)?;
            json!({"layer": {inner: own}, "merge": dice.pick(&["concat", "sum", "ave", "mul"])})
        }
        "residual" => residual(shape, dice, depth),
        // Too large to be drawn; tests/suite/backbones.rs has them all.
        "backbone" => json!({"name": "resnet18"}),
        "dense" => dice.filtered(json!({"units": units})),
        "dropout" | "spatial_dropout" => json!({"rate": dice.pick(&[0.0, 0.3, 0.9])}),
        "batch_norm" => {
            let mut options = json!({});
            dice.maybe(&mut options, 0.4, "momentum", json!(0.9));
            dice.maybe(&mut options, 0.4, "unbiased", json!(true));
            options
        }
        "layer_norm" => json!({}),
        "layer_scale" => json!({"initial": 0.5}),
        "squeeze_excite" => {
            json!({"reduced": few, "gate": dice.pick(&["sigmoid", "hard_sigmoid"])})
        }
        "adaptive_avg_pool2d" => json!({"size": kernel}),
        "group_norm" => {
            let fits = |n: &usize| channels.is_multiple_of(*n);
            let divisors: Vec<usize> = (1..=channels).filter(fits).collect();
            json!({"groups": dice.pick(&divisors)})
        }
        "reshape" => json!({"shape": reshaped(shape.num_elements(), dice)}),
        "upsample" => {
            let mut options = json!({"size": dice.pick(&[json!(1), json!(2), json!([1, 3])])});
            dice.maybe(&mut options, 0.4, "mode", json!("bilinear"));
            options
        }
        "leaky_relu" => json!({"slope": 0.2}),
        "elu" => json!({"alpha": 0.7}),
        "relu" | "relu6" | "selu" | "gelu" | "silu" | "softplus" | "softsign" | "mish" | "tanh"
        | "sigmoid" | "hard_tanh" | "hard_sigmoid" | "hard_silu" | "softmax" => json!({}),
        _ => return None,
    })
}

/// A block of one to three layers, often of the shape that a shortcut needs.
fn residual(shape: Shape, dice: &mut Dice, depth: usize) -> Json {
    let mut layers = Vec::new();
    if depth < MOST_DEPTH {
        let count = 1 + dice.below(3);
        let (_, list) = extend(shape, count, dice, depth + 1);
        layers = list;
    }
    if layers.is_empty() {
        layers.push(json!("tanh"));
    }
    let mut options = json!({"layers": layers});
    let activation = dice.activation();
    dice.maybe(&mut options, 0.4, "activation", activation);
    dice.maybe(&mut options, 0.3, "drop_path", json!(0.5));
    dice.maybe(&mut options, 0.3, "shortcut_norm", json!(true));
    options
}

fn reshaped(values: usize, dice: &mut Dice) -> Vec<i64> {
    let divisors: Vec<usize> = (1..=values.min(12))
        .filter(|n| values.is_multiple_of(*n))
        .collect();
    match dice.below(3) {
        0 => vec![-1],
        1 => vec![dice.pick(&divisors) as i64, -1],
        _ => {
            let height = dice.pick(&divisors);
            let fits = |n: &&usize| (values / height).is_multiple_of(**n);
            let widths: Vec<usize> = divisors.iter().filter(fits).copied().collect();
            vec![height as i64, dice.pick(&widths) as i64, -1]
        }
    }
}

/// What a layer gives, or why it cannot stand there.
pub fn planned(spec: &Json, shape: Shape) -> Result<Shape, String> {
    let spec: Spec = serde_json::from_value(spec.clone()).map_err(|error| error.to_string())?;
    let layer = read_member(LAYERS, "layer", &spec, &Path::default());
    let layer = layer.map_err(|faults| format!("{faults:?}"))?;
    let plan = layer
        .plan(shape, LayerReader::new(LAYERS))
        .and_then(|plan| plan.named("model.0", spec.name(), shape, Tuning::default()))
        .map_err(|mismatch| format!("{:?}", mismatch.faults))?;
    let params: usize = plan.params.iter().map(|spec| spec.num_elements()).sum();
    match plan.output.num_elements() <= MOST_OUTPUTS && params <= MOST_PARAMS {
        true => Ok(plan.output),
        false => Err("too large".into()),
    }
}

/// Adds up to `count` random layers.
fn extend(mut shape: Shape, count: usize, dice: &mut Dice, depth: usize) -> (Shape, Vec<Json>) {
    let mut layers = Vec::new();
    for _ in 0..count * 4 {
        if layers.len() == count {
            break;
        }
        let tag = drawn_tag(shape, dice);
        let Some(options) = options(tag, shape, dice, depth) else {
            panic!("tests/suite/random_nets does not know the layer {tag}: give it options");
        };
        let spec = json!({tag: options});
        if let Ok(output) = planned(&spec, shape) {
            layers.push(spec);
            shape = output;
        }
    }
    (shape, layers)
}

/// Layers with weights come more often than the many activations.
fn drawn_tag(shape: Shape, dice: &mut Dice) -> &'static str {
    let often: &[&'static str] = match shape {
        Shape::Image { .. } => &["conv2d", "conv2d", "max_pool2d", "residual", "batch_norm"],
        Shape::Sequence { .. } => &[
            "conv1d",
            "depthwise_conv1d",
            "lstm",
            "gru",
            "bidirectional",
            "residual",
            "dense",
        ],
        Shape::Flat { .. } => &["dense", "dense", "residual", "residual", "batch_norm"],
        Shape::Tokens { .. } => &["embedding"],
    };
    match dice.chance(0.5) {
        true => dice.pick(often),
        false => LAYERS[dice.below(LAYERS.len())].name,
    }
}

/// A trunk of random layers, which may give anything.
pub fn trunk(input: Shape, dice: &mut Dice) -> (Shape, Vec<Json>) {
    let count = dice.below(6);
    let (shape, mut layers) = extend(input, count, dice, 0);
    if layers.is_empty() && matches!(shape, Shape::Tokens { .. }) {
        layers.push(json!({"embedding": {"dim": 4}}));
    } else if layers.is_empty() {
        layers.push(json!("tanh"));
    }
    let shape = layers.iter().fold(input, |shape, layer| {
        planned(layer, shape).expect("it was planned")
    });
    (shape, layers)
}

/// Layers that end with so many outputs; `last`: the activation that the loss computes itself.
pub fn ending(shape: Shape, outputs: usize, last: &str, dice: &mut Dice) -> Vec<Json> {
    let more = dice.below(2);
    let (mut shape, mut layers) = extend(shape, more, dice, 1);
    while !matches!(shape, Shape::Flat { .. }) {
        let spec = match shape {
            Shape::Tokens { .. } => json!({"embedding": {"dim": 3}}),
            Shape::Image { .. } => {
                json!(dice.pick(&["flatten", "global_avg_pool", "global_max_pool"]))
            }
            _ => dice.pick(&[
                json!("flatten"),
                json!("global_avg_pool"),
                json!("global_max_pool"),
                json!("attention_pool"),
                json!({"lstm": {"units": 3}}),
                json!({"gru": {"units": 3}}),
                json!({"bidirectional": {"layer": {"lstm": {"units": 2}}}}),
            ]),
        };
        shape = planned(&spec, shape).unwrap_or_else(|error| panic!("{spec}: {error}"));
        layers.push(spec);
    }
    let activation = match dice.below(3) {
        0 => json!("linear"),
        1 => json!(last),
        _ => dice.activation(),
    };
    let dense =
        json!({"dense": {"units": outputs, "activation": activation, "bias": dice.chance(0.8)}});
    layers.push(match dice.below(8) {
        0 => json!({"residual": {"layers": [dense]}}),
        _ => dense,
    });
    layers
}
