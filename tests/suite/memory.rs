//! The memory that training is said to take: enough for what it keeps, and not so much that a lesson would be refused on
//! a small machine.

use burn::tensor::Device;
use kiln::config::{BatchSize, Path, Source, Spec, read_member};
use kiln::data::Shape;
use kiln::model::{Compute, LOSSES, Layers, MemoryUse, Network};
use kiln::train::{OPTIMIZERS, bench_memory};
use serde_json::{Value as Json, json};

/// Bytes of a machine on which every lesson trains.
const SMALL: u64 = 3 << 30;

/// What a lesson's data gives.
fn shape_of(lesson: &str, data: &Json) -> Shape {
    let image = |height, width, channels| Shape::Image {
        height,
        width,
        channels,
    };
    let size = |axis: usize| data["size"][axis].as_u64().map(|size| size as usize);
    match lesson.split(['_', '.']).next() {
        Some("mnist") => image(28, 28, 1),
        Some("cifar10") => image(32, 32, 3),
        Some("reviews") => Shape::Tokens {
            length: data["length"].as_u64().unwrap_or(500) as usize,
            vocabulary: 20_000,
        },
        Some("housing" | "titanic") => Shape::Flat { features: 20 },
        _ => image(size(0).expect("a size"), size(1).expect("a size"), 3),
    }
}

#[test]
fn every_lesson_has_room_on_a_small_machine() {
    let mut read = 0;
    for entry in std::fs::read_dir("configs").expect("the lessons") {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let source = Source::load(&path, &[]).unwrap_or_else(|error| panic!("{error:#}"));
        let experiment = &source.experiment;
        let train = &experiment.train;
        let data = serde_json::to_value(&experiment.data).expect("a table");
        let loss = read_member(LOSSES, "loss", &train.loss, &Path::default()).expect("a loss");
        let optimizer = read_member(OPTIMIZERS, "optimizer", &train.optimizer, &Path::default());
        let optimizer = optimizer.expect("an optimizer");
        let layers = Layers::of(&experiment.model).unwrap_or_else(|faults| panic!("{faults:?}"));
        let network = Network::plan(layers, shape_of(&name, &data), &*loss);
        let network = network.unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        read += 1;
        let batch = match train.batch_size {
            BatchSize::Count(count) => count,
            BatchSize::All(_) => 1000,
        };
        let on = (&Device::flex(), Compute::F32);
        let memory = bench_memory(&network, &*optimizer, train, batch, on);
        // What is frozen has no optimizer state.
        let trained = network.num_trained();
        let frozen = network.num_params() - trained;
        let kept = 4 * (frozen + trained * (1 + optimizer.slots().len() as u64));
        let input = network.input.num_elements() as u64 * 4 * batch as u64;
        assert!(memory.total() < SMALL, "{name}: {memory:?}");
        assert!(
            memory.params >= kept && memory.loading >= input,
            "{name}: {memory:?}"
        );
        assert!(memory.activations >= input, "{name}: {memory:?}");
    }
    assert!(read >= 17, "only {read} lessons");
}

fn network(layers: Json, input: Shape) -> Network {
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let loss =
        read_member(LOSSES, "loss", &Spec::Name("mse".into()), &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).unwrap_or_else(|faults| panic!("{faults:?}"));
    Network::plan(layers, input, &*loss).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn training(batch: usize, fused: bool) -> MemoryUse {
    MemoryUse {
        batch,
        copies: 4,
        training: true,
        fused,
        loaded: 3,
    }
}

/// By hand: a row of 10 through 20 and 5, batches of 8.
#[test]
fn parameters_activations_and_batches_are_counted() {
    let row = Shape::Flat { features: 10 };
    let net = network(
        json!([{"dense": {"units": 20}}, "relu", {"dense": {"units": 5}}]),
        row,
    );
    let fused = net.memory(&training(8, true));
    assert_eq!(fused.params, 4 * 4 * (10 * 20 + 20 + 20 * 5 + 5));
    assert_eq!(fused.loading, 3 * 4 * 8 * 10);
    // What both blocks give, and the gradients of the input and the output of the first.
    assert_eq!(fused.activations, 4 * 8 * (20 + 5) + 4 * 8 * (10 + 20));
    // Elsewhere the relu keeps what it gives, too, and the largest pair is its input and its output.
    let apart = net.memory(&training(8, false));
    assert_eq!(apart.activations, 4 * 8 * (20 + 20 + 5) + 4 * 8 * (20 + 20));
    assert_eq!(fused.most, Some((0, 4 * 4 * 220 + 4 * 8 * 20)));
}

#[test]
fn layers_within_layers_are_counted() {
    let row = Shape::Flat { features: 4 };
    let block = |units: usize| json!([{"residual": {"layers": [{"dense": {"units": units}}, {"dense": {"units": 4}}]}}]);
    let memory = |units| network(block(units), row).memory(&training(16, true));
    let (small, large) = (memory(10), memory(1000));
    assert!(
        large.activations >= small.activations + 4 * 16 * 990,
        "{small:?} {large:?}"
    );
}

#[test]
fn counts_beyond_every_number_stay_the_largest() {
    let image = Shape::Image {
        height: 1 << 13,
        width: 1 << 13,
        channels: 1 << 10,
    };
    let net = network(
        json!(["relu", {"conv2d": {"filters": 1024, "kernel": 3}}, "flatten"]),
        image,
    );
    assert_eq!(net.memory(&training(usize::MAX, false)).total(), u64::MAX);
    assert!(net.multiply_adds() > 1 << 48);
}
