//! Frozen layers: nothing in them changes, they run as in evaluation, what lies before and behind them is trained as
//! ever; and what is thawed begins as at a first step.

use burn::tensor::Device;
use kiln::config::{Member, Path, Spec, read_member};
use kiln::data::{Batch, HostBatch, HostTargets, Shape};
use kiln::model::{Compute, LOSSES, Layers, Loss, Network, ParamStore, Pass, upload};
use kiln::train::{OPTIMIZERS, Stepper, training_device};
use serde_json::{Value as Json, json};

use crate::support::gpu;
use crate::support::recorded::{floats, wave};

const SHAPE: Shape = Shape::Image {
    height: 6,
    width: 6,
    channels: 3,
};

fn member<T: ?Sized>(members: &[Member<T>], spec: Json) -> Box<T> {
    let spec: Spec = serde_json::from_value(spec).expect("a spec");
    read_member(members, "member", &spec, &Path::default()).expect("options that fit")
}

fn loss() -> Box<dyn Loss> {
    member(LOSSES, json!("binary_cross_entropy"))
}

fn plan(layers: &Json) -> Network {
    let specs: Vec<Spec> = serde_json::from_value(layers.clone()).expect("layers");
    let layers = Layers::read(&specs).expect("layers");
    Network::plan(layers, SHAPE, &*loss()).expect("shapes that fit")
}

/// Parameters that are no special case: statistics with other means and variances than 0 and 1.
fn params(network: &Network, device: &Device) -> ParamStore {
    let mut params = network.init(3, device);
    for (key, param) in params.params.iter_mut().enumerate() {
        let mut values = wave(param.shape.iter().product(), key, 0.5);
        if param.name.ends_with("variance") || param.name.ends_with("gamma") {
            values
                .iter_mut()
                .for_each(|value| *value = value.abs() + 0.5);
        }
        param.tensor = upload(values, device);
    }
    params
}

fn batch(device: &Device) -> Batch {
    let batch = HostBatch {
        input: wave(4 * SHAPE.num_elements(), 50, 2.0),
        ids: (0..4).collect(),
        targets: HostTargets::Classes(vec![1, 0, 0, 1]),
        ..HostBatch::default()
    };
    batch.to_device(SHAPE, &training_device(device))
}

fn stepper<'a>(
    network: &'a Network,
    loss: &'a dyn Loss,
    rule: Json,
    device: &Device,
) -> Stepper<'a> {
    let rule = member(OPTIMIZERS, rule);
    let params = params(network, device);
    Stepper::new(network, loss, rule, params, 1, Compute::F32)
}

/// The values of each parameter by name.
fn values(stepper: &Stepper<'_>) -> Vec<(String, Vec<f32>)> {
    let params = stepper.params.params.iter();
    let values = params.map(|param| (param.name.clone(), floats(param.tensor.clone())));
    values.collect()
}

/// The names of the parameters that differ.
fn changed(before: &[(String, Vec<f32>)], after: &[(String, Vec<f32>)]) -> Vec<String> {
    let pairs = before.iter().zip(after);
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed.map(|((name, _), _)| name.clone()).collect()
}

fn frozen_block(block: Json) -> Json {
    json!([
        {"conv2d": {"filters": 4, "kernel": 3, "padding": "same"}},
        {"batch_norm": {}},
        {"residual": block},
        {"flatten": {}},
        {"dense": {"units": 5, "activation": "relu", "freeze": true}},
        {"dense": {"units": 1}},
    ])
}

fn block(more: &Json) -> Json {
    let mut block = json!({"drop_path": 0.5, "shortcut_norm": true, "layers": [
        {"conv2d": {"filters": 6, "kernel": 3, "padding": "same", "bias": false}},
        {"batch_norm": {}},
        {"dropout": {"rate": 0.5}},
    ]});
    for (key, value) in more.as_object().expect("keys") {
        block[key] = value.clone();
    }
    block
}

fn nothing_frozen_changes(device: &Device) {
    let network = plan(&frozen_block(block(&json!({"freeze": true}))));
    let loss = loss();
    let mut stepper = stepper(&network, &*loss, json!({"adam": {}}), device);
    let before = values(&stepper);
    for epoch in 0..2 {
        stepper.begin_epoch(epoch);
        stepper.step(batch(device), epoch);
    }
    let mut expected: Vec<String> = before.iter().map(|(name, _)| name.clone()).collect();
    expected.retain(|name| !name.starts_with("model.2.") && !name.starts_with("model.4."));
    assert_eq!(changed(&before, &values(&stepper)), expected);
    let state = stepper.tensors().map(|(name, ..)| name);
    let state: Vec<String> = state.filter(|name| name.starts_with("adam")).collect();
    assert_eq!(state.len(), 2 * 6, "of six trained parameters: {state:?}");
}

#[test]
fn a_frozen_layer_keeps_parameters_and_statistics_and_has_no_optimizer_state() {
    nothing_frozen_changes(&Device::flex());
}

/// The layers around the frozen ones are trained as if these ran as in evaluation: dropout and stochastic depth change
/// nothing there, and batch normalisation is a product and a sum.
fn trains_around(device: &Device) {
    let quiet = json!({"shortcut_norm": true, "layers": [
        {"conv2d": {"filters": 6, "kernel": 3, "padding": "same", "bias": false}},
        {"batch_norm": {}},
    ]});
    let mut with = quiet.clone();
    with["freeze"] = json!(true);
    with["drop_path"] = json!(0.9);
    with["layers"]
        .as_array_mut()
        .expect("layers")
        .push(json!({"dropout": {"rate": 0.9}}));
    // The same numbers by other layers: a normalisation whose statistics are constants is a 1 x 1 convolution.
    let networks = [frozen_block(with), frozen_block(quiet)].map(|layers| plan(&layers));
    let loss = loss();
    let [frozen, plain] = &networks;
    let mut stepper = stepper(
        frozen,
        &*loss,
        json!({"sgd": {"learning_rate": 0.1}}),
        device,
    );
    stepper.step(batch(device), 0);
    let trained = values(&stepper);
    // A finite difference of the loss in evaluation gives the gradients behind the first normalisation, which alone
    // differs between training and evaluation.
    let params = params(plain, device);
    let index = |name: &str| {
        let mut names = params.params.iter().map(|param| &param.name);
        names.position(|it| it == name).expect("a parameter")
    };
    let mut tensors = params.tensors();
    let norm = index("model.1.running_mean");
    let moved = trained
        .iter()
        .position(|(name, _)| name == "model.1.running_mean");
    assert!(moved.is_some() && norm > 0);
    let output = |tensors: &[burn::tensor::Tensor<1>]| {
        let batch = batch(device);
        let pass = Pass::default();
        let input = match batch.input {
            kiln::data::Value::Image(x) => kiln::data::Value::Image(x.inner()),
            other => other,
        };
        let target = match batch.target {
            kiln::data::Target::Class(x) => kiln::data::Target::Class(x.inner()),
            other => other,
        };
        // With the batch's own statistics in the first normalisation, as in training.
        let logits = plain.forward(input, tensors, &pass);
        let losses = floats(loss.forward(logits, &target));
        losses.iter().map(|&l| f64::from(l)).sum::<f64>() / 4.0
    };
    set_batch_statistics(plain, &mut tensors, device, norm);
    for name in [
        "model.5.weight",
        "model.5.bias",
        "model.1.gamma",
        "model.1.beta",
    ] {
        let at = index(name);
        let start = floats(params.params[at].tensor.clone());
        let (_, after) = &trained[at];
        for value in [0, start.len() - 1] {
            let mut shifted = |by: f32| {
                let mut values = start.clone();
                values[value] += by;
                tensors[at] = upload(values, device);
                let loss = output(&tensors);
                tensors[at] = upload(start.clone(), device);
                loss
            };
            let slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            let step = f64::from(start[value] - after[value]) / 0.1;
            let error = (slope - step).abs();
            assert!(
                error < 2e-3 + 0.02 * slope.abs(),
                "{name}[{value}]: {step} {slope}"
            );
        }
    }
}

/// Stores the first normalisation's statistics of the batch: mean and variance of what the convolution before it gives.
fn set_batch_statistics(
    network: &Network,
    tensors: &mut [burn::tensor::Tensor<1>],
    device: &Device,
    mean: usize,
) {
    let batch = batch(device);
    let input = match batch.input {
        kiln::data::Value::Image(x) => kiln::data::Value::Image(x.inner()),
        other => other,
    };
    let (_, output) = network.run_block(0, input, tensors, &no_folding());
    let kiln::data::Value::Image(x) = output else {
        panic!("a convolution gives an image")
    };
    let [batch, height, width, channels] = x.dims();
    let values = floats(x.reshape([batch * height * width * channels]));
    let count = (values.len() / channels) as f32;
    let of = |channel: usize| values.iter().skip(channel).step_by(channels);
    let means: Vec<f32> = (0..channels).map(|c| of(c).sum::<f32>() / count).collect();
    let variances = (0..channels).map(|c| {
        let squares = of(c).map(|value| (value - means[c]).powi(2));
        squares.sum::<f32>() / count
    });
    let variances: Vec<f32> = variances.collect();
    tensors[mean] = upload(means, device);
    tensors[mean + 1] = upload(variances, device);
}

/// A pass of training, in which a convolution does not take in the normalisation behind it.
fn no_folding() -> Pass<'static> {
    Pass {
        training: Some(kiln::model::Training {
            seed: 1,
            epoch: 0,
            ids: &[0, 1, 2, 3],
        }),
        ..Pass::default()
    }
}

#[test]
fn gradients_pass_through_frozen_layers_as_in_evaluation() {
    trains_around(&Device::flex());
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn frozen_layers_on_a_gpu_do_the_same() {
    gpu::run(|gpu| {
        nothing_frozen_changes(&gpu.device);
        trains_around(&gpu.device);
    });
}

/// Adam's first step moves every value by the learning rate, whichever step of the run it is; and the scale of the rate
/// multiplies it.
#[test]
fn what_is_thawed_begins_with_a_first_step_at_its_own_rate() {
    let unfreeze = json!({"drop_path": 0, "unfreeze": {"epoch": 3, "rate_scale": 0.25}});
    let network = plan(&frozen_block(block(&unfreeze)));
    let loss = loss();
    let rule = json!({"adam": {"learning_rate": 0.01, "epsilon": 1e-12}});
    let mut stepper = stepper(&network, &*loss, rule, &Device::flex());
    let step = |stepper: &mut Stepper<'_>, epoch| {
        let before = values(stepper);
        stepper.begin_epoch(epoch);
        stepper.step(batch(&Device::flex()), epoch);
        (before, values(stepper))
    };
    for epoch in 0..2 {
        let (before, after) = step(&mut stepper, epoch);
        let changed = changed(&before, &after);
        assert!(!changed.iter().any(|name| name.starts_with("model.2.")));
    }
    let (before, after) = step(&mut stepper, 2);
    let changed = changed(&before, &after);
    let thawed: Vec<&String> = changed
        .iter()
        .filter(|it| it.starts_with("model.2."))
        .collect();
    // The normalisations keep what they have.
    assert_eq!(thawed, ["model.2.0.weight", "model.2.shortcut.0.weight"]);
    let at = before
        .iter()
        .position(|(name, _)| name == "model.2.0.weight");
    let at = at.expect("the parameter");
    let moves = before[at]
        .1
        .iter()
        .zip(&after[at].1)
        .map(|(b, a)| (b - a).abs());
    let moves: Vec<f32> = moves.filter(|by| *by > 0.0).collect();
    assert!(!moves.is_empty());
    for by in moves {
        assert!((by - 0.0025).abs() < 1e-5, "{by}");
    }
    assert_eq!(stepper.counters().thaws.len(), 1);
    let asked = json!({"drop_path": 0, "unfreeze": {"epoch": 2, "batch_norm": true}});
    let network = plan(&frozen_block(block(&asked)));
    let mut stepper = self::stepper(&network, &*loss, json!({"sgd": {}}), &Device::flex());
    let (before, after) = step(&mut stepper, 1);
    let changed = self::changed(&before, &after);
    assert!(
        changed.contains(&"model.2.1.running_mean".to_string()),
        "{changed:?}"
    );
}

/// A restored stepper takes the steps of the one that was saved, also where the thaw came before it.
#[test]
fn a_restored_stepper_knows_what_was_thawed() {
    let network = plan(&frozen_block(block(&json!({"unfreeze": {"epoch": 2}}))));
    let loss = loss();
    let new = || stepper(&network, &*loss, json!({"adam": {}}), &Device::flex());
    let mut alone = new();
    let step = |stepper: &mut Stepper<'_>, epoch| {
        stepper.begin_epoch(epoch);
        stepper.step(batch(&Device::flex()), epoch);
    };
    for saved_after in 0..3 {
        step(&mut alone, saved_after);
        let mut restored = new();
        restored.set_counters(alone.counters().clone());
        let mut saved = alone
            .tensors()
            .map(|(name, _, tensor)| (name, floats(tensor.clone())));
        let values = restored.restore(|name, _| {
            let (saved, values) = saved.next().expect("as many");
            assert_eq!(saved, name);
            Ok(values)
        });
        values.expect("the same tensors");
        assert!(saved.next().is_none());
        drop(saved);
        let mut on = new();
        for epoch in 0..=saved_after {
            step(&mut on, epoch);
        }
        step(&mut on, saved_after + 1);
        step(&mut restored, saved_after + 1);
        assert_eq!(on.digest(), restored.digest(), "after epoch {saved_after}");
    }
}
