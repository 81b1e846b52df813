//! One random net: planned, trained for two updates, saved, resumed, evaluated, asked.

use std::path::Path;

use burn::tensor::Device;
use kiln::config::{Checkpoints, Experiment, Path as Place, Spec, Train, read_member};
use kiln::data::{HostBatch, Loader, Task};
use kiln::model::{
    Compute, FORMAT_VERSION, Half, LOSSES, Layers, Loss, ModelFile, ModelInfo, Network,
};
use kiln::storage::FaultPoint;
use kiln::train::{
    Averaging, Bench, Checkpoint, Checkpointer, Decision, Files, OPTIMIZERS, Scorer, Shaping,
    State, Stepper, synthetic_batch, training_device,
};
use serde_json::{Value as Json, json};

use super::data::Samples;
use super::generate::{Dice, ending, trunk};

/// How much predictions on a GPU may differ between a batch and a sample alone.
const GPU_TOLERANCE: f32 = 2e-3;

/// A random net with its training.
pub struct Trial<'a> {
    pub samples: &'a Samples,
    pub experiment: Json,
    seed: u64,
}

impl Trial<'_> {
    /// What to look for when it fails.
    pub fn describe(&self) -> String {
        format!(
            "seed {}, {}: {}",
            self.seed, self.samples.name, self.experiment
        )
    }
}

/// The net of a seed.
pub fn draw(seed: u64, all: &[Samples]) -> Trial<'_> {
    let mut dice = Dice::new(seed);
    let samples = &all[dice.below(all.len())];
    let (shape, layers) = trunk(samples.trunk_input, &mut dice);
    let task = &samples.datasets.task;
    let mut model = json!({"layers": layers});
    let loss = if task.heads().is_empty() {
        let (loss, outputs, last) = draw_loss(task, &mut dice);
        let end = ending(shape, outputs, &last, &mut dice);
        model["layers"].as_array_mut().expect("a list").extend(end);
        json!(loss)
    } else {
        let (mut lists, mut losses) = (json!({}), json!({}));
        for head in task.heads() {
            let (loss, outputs, last) = draw_loss(&head.task, &mut dice);
            lists[&head.name] = json!(ending(shape, outputs, &last, &mut dice));
            losses[&head.name] = match dice.chance(0.5) {
                true => json!(loss),
                false => json!({"loss": loss, "weight": 0.5}),
            };
        }
        model["heads"] = lists;
        json!({"per_head": losses})
    };
    let train = draw_train(loss, &mut dice);
    let experiment = json!({"seed": seed, "data": samples.data, "model": model, "train": train});
    Trial {
        samples,
        experiment,
        seed,
    }
}

fn read_loss(spec: &Spec) -> Box<dyn Loss> {
    read_member(LOSSES, "loss", spec, &Place::default())
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A loss for a task, the outputs that it needs, and the activation that it computes itself.
fn draw_loss(task: &Task, dice: &mut Dice) -> (String, usize, String) {
    loop {
        let name = LOSSES[dice.below(LOSSES.len())].name;
        let outputs = dice.pick(&[1, task.len()]);
        if name == "per_head" {
            continue;
        }
        let loss = read_loss(&Spec::Name(name.into()));
        if loss.check(outputs, task).is_ok() {
            let last = serde_json::to_value(loss.absorbs()).expect("a name");
            return (
                name.to_string(),
                outputs,
                last.as_str().unwrap_or("linear").to_string(),
            );
        }
    }
}

fn draw_train(loss: Json, dice: &mut Dice) -> Json {
    let optimizer = OPTIMIZERS[dice.below(OPTIMIZERS.len())].name;
    let mut options = json!({"learning_rate": dice.pick(&[0.001, 0.01])});
    if dice.chance(0.3) {
        options["weight_decay"] = json!(0.01);
    }
    if optimizer == "sgd" && dice.chance(0.6) {
        options["momentum"] = json!(0.9);
        options["nesterov"] = json!(dice.chance(0.5));
    }
    if optimizer == "rmsprop" && dice.chance(0.5) {
        options["momentum"] = json!(0.8);
    }
    let mut train = json!({
        "epochs": 1, "batch_size": dice.pick(&[1, 3, 4, 6]), "loss": loss, "optimizer": {optimizer: options},
        "accumulate": dice.pick(&[1, 1, 1, 2]),
    });
    for (key, value) in [
        ("clip_norm", json!(1.0)),
        ("clip_value", json!(0.5)),
        ("l1", json!(1e-4)),
        ("l2", json!(1e-3)),
        ("ema", json!({})),
    ] {
        if dice.chance(0.12) {
            train[key] = value;
        }
    }
    train
}

/// What a net is tried on.
#[derive(Clone, Copy)]
pub struct On<'a> {
    pub device: &'a Device,
    /// Whether equal work gives equal bits.
    pub exact: bool,
}

/// Runs a net through everything. `folder` is its own.
pub fn run(trial: &Trial<'_>, on: On<'_>, folder: &Path) {
    let samples = trial.samples;
    let experiment: Experiment =
        serde_json::from_value(trial.experiment.clone()).expect("an experiment");
    let train = &experiment.train;
    let mut loss = read_loss(&train.loss);
    let network = plan(samples, &experiment, &mut *loss);
    let compute = match trial.seed % 10 {
        0 => Compute::Bf16Kernels,
        1 => Compute::Half(Half::Bf16),
        2 if on.exact => Compute::Half(Half::F16),
        _ => Compute::F32,
    };
    let stepper = || new_stepper(&network, &*loss, train, trial.seed, compute, on.device);
    let loader = Loader::shuffled(
        samples.datasets.train.clone(),
        batch_size(train),
        trial.seed,
        1,
    );
    let loader = loader.expect("a thread");

    let mut straight = stepper();
    update(&mut straight, &loader, 0, train, on.device);
    let saved = straight.digest();
    let last = save(&straight, trial, &experiment, folder);
    update(&mut straight, &loader, 1, train, on.device);

    let mut resumed = stepper();
    let checkpoint = Checkpoint::open(&last).expect("a checkpoint");
    checkpoint.load_into(&mut resumed).expect("the same net");
    assert_eq!(resumed.digest(), saved, "the checkpoint holds other bits");
    update(&mut resumed, &loader, 1, train, on.device);
    if on.exact {
        assert_eq!(
            resumed.digest(),
            straight.digest(),
            "a resumed update gives other bits"
        );
    }
    judge(&last, trial, on);
    measure(&network, &*loss, trial, train, (compute, on.device));
}

/// Every layer runs alone, too, as `kiln bench` runs them.
fn measure(
    network: &Network,
    loss: &dyn Loss,
    trial: &Trial<'_>,
    train: &Train,
    (compute, device): (Compute, &Device),
) {
    let optimizer = read_member(OPTIMIZERS, "optimizer", &train.optimizer, &Place::default());
    let bench = Bench {
        network,
        loss,
        seed: trial.seed,
        device,
        compute,
        warmup: 0,
        steps: 1,
    };
    let batch = synthetic_batch(network.input, &trial.samples.datasets.task, 3, trial.seed);
    let figures = bench.run(batch, optimizer.expect("it was read before"));
    let measured: usize = figures.layers.iter().map(|layer| layer.tags.len()).sum();
    assert_eq!(measured, network.layers.len(), "layers that were measured");
}

fn batch_size(train: &Train) -> usize {
    train.batch_size.resolve(usize::MAX)
}

fn plan(samples: &Samples, experiment: &Experiment, loss: &mut dyn Loss) -> Network {
    let layers = Layers::of(&experiment.model)
        .and_then(|layers| layers.with_columns(samples.embedded.clone()));
    let layers = layers.unwrap_or_else(|faults| panic!("{faults:?}"));
    let network = Network::plan(layers, samples.shape, loss);
    let network = network.unwrap_or_else(|faults| panic!("{faults:?}"));
    let fits = network.check_head(loss, &samples.datasets.task);
    fits.unwrap_or_else(|faults| panic!("{faults:?}"));
    network
}

fn new_stepper<'a>(
    network: &'a Network,
    loss: &'a dyn Loss,
    train: &Train,
    seed: u64,
    compute: Compute,
    device: &Device,
) -> Stepper<'a> {
    let optimizer = read_member(OPTIMIZERS, "optimizer", &train.optimizer, &Place::default());
    let optimizer = optimizer.unwrap_or_else(|faults| panic!("{faults:?}"));
    let params = network.init(seed, device);
    Stepper::new(network, loss, optimizer, params, seed, compute)
        .with(Default::default(), Shaping::new(train))
        .averaging(Averaging::new(train))
}

/// One update, of as many batches as the experiment says.
fn update(
    stepper: &mut Stepper<'_>,
    loader: &Loader,
    number: usize,
    train: &Train,
    device: &Device,
) {
    let shape = loader.dataset().shape();
    let count = train.accumulate;
    let before = stepper.counters().updates;
    for (index, loaded) in loader.epoch_from(0, number * count).take(count).enumerate() {
        assert!(loaded.failed.is_empty(), "a sample cannot be loaded");
        let batch = loaded.batch.to_device(shape, &training_device(device));
        let output = stepper.step_of_group(batch, 0, index + 1 == count);
        let losses = kiln::model::host(output.losses);
        assert!(
            losses.iter().all(|loss| loss.is_finite()),
            "losses {losses:?}"
        );
        assert!(!output.diverged, "the gradients overflow");
    }
    stepper.end_group(); // where the epoch has fewer batches
    assert!(stepper.is_finite(), "parameters that are not finite");
    // Where f16 overflows, the first updates are left out to find the scale.
    let made = stepper.counters().updates - before;
    assert!(
        made == 1 || stepper.loss_scale().is_some(),
        "{made} updates"
    );
}

fn save(
    stepper: &Stepper<'_>,
    trial: &Trial<'_>,
    experiment: &Experiment,
    folder: &Path,
) -> std::path::PathBuf {
    let datasets = &trial.samples.datasets;
    let info = ModelInfo {
        version: FORMAT_VERSION,
        layout: "nhwc".into(),
        experiment: ModelInfo::strip(experiment.clone()),
        task: datasets.task.clone(),
        preprocess: datasets.preprocess.clone(),
        metrics: Default::default(),
        fingerprint: datasets.fingerprint.clone(),
    };
    let files = Files {
        last: folder.join("last.safetensors"),
        best: folder.join("best.safetensors"),
        keep: 0,
    };
    let last = files.last.clone();
    let keeps = trial.seed.is_multiple_of(2);
    let when = Checkpoints::default();
    let checkpointer = Checkpointer::new(when, files, FaultPoint::default(), stepper, keeps);
    let mut checkpointer = checkpointer.expect("a thread");
    checkpointer
        .take(stepper, &State::default(), &info, false)
        .expect("taken");
    checkpointer
        .write()
        .and_then(|()| checkpointer.wait())
        .expect("written");
    last
}

/// Evaluates the model and asks it for every sample, in a batch and alone.
fn judge(path: &Path, trial: &Trial<'_>, on: On<'_>) {
    let model = ModelFile::open(path, on.device).expect("a model");
    let valid = &trial.samples.datasets.valid;
    let batches = |size: usize| {
        let loader = Loader::in_order(valid.clone(), size, 1).expect("a thread");
        loader
            .epoch(0)
            .map(|loaded| loaded.batch)
            .collect::<Vec<HostBatch>>()
    };
    let ask = |size: usize| -> Vec<f32> {
        let asked = batches(size).into_iter().map(|batch| {
            let batch = batch.to_device(valid.shape(), on.device);
            model.predictions(batch.input)
        });
        asked.flatten().collect()
    };
    let (together, alone) = (ask(valid.len()), ask(1));
    assert_eq!(together.len(), valid.len() * model.info.task.len());
    assert!(
        together.iter().all(|value| value.is_finite()),
        "{together:?}"
    );
    for (index, (one, other)) in together.iter().zip(&alone).enumerate() {
        let close = match on.exact {
            true => one.to_bits() == other.to_bits(),
            false => (one - other).abs() <= GPU_TOLERANCE * one.abs().max(1.0),
        };
        assert!(
            close,
            "value {index} is {one:?} in a batch and {other:?} alone"
        );
    }
    let scorer = Scorer {
        network: &model.network,
        loss: &*model.loss,
        task: &model.info.task,
        decision: Decision {
            positive: model.info.task.classes().len().saturating_sub(1),
            threshold: 0.5,
        },
        device: on.device,
        skipped: 0,
    };
    let loader = Loader::in_order(valid.clone(), 3, 1).expect("a thread");
    let evaluation = scorer.evaluate(&model.params, &loader, &mut |_| true);
    assert_eq!(evaluation.indices.len(), valid.len());
    let figures = evaluation.predictions.figures();
    let loss = figures
        .iter()
        .find(|(name, _)| name == "loss")
        .and_then(|(_, value)| *value);
    assert!(loss.is_some_and(f64::is_finite), "the loss is {loss:?}");
}
