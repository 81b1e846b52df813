//! Stochastic depth: which samples skip a residual block, and what the others are scaled by.

use burn::tensor::{Device, Tensor};
use kiln::config::{Path, Spec, read_member};
use kiln::data::{Shape, Value};
use kiln::model::{LOSSES, Layers, Network, Pass, Training};
use serde_json::json;

use crate::support::recorded::floats;

const SAMPLES: usize = 4000;

/// What a block adds whose layers give 1, of each sample.
fn added(training: Option<(u64, u64)>) -> Vec<f32> {
    let dense = json!({"units": 1, "weight_init": "zeros", "bias_init": "ones"});
    let block = json!({"layers": [{"dense": dense}], "drop_path": 0.3});
    let specs: Vec<Spec> = serde_json::from_value(json!([{"residual": block}])).expect("layers");
    let loss = Spec::Name("mse".into());
    let loss = read_member(LOSSES, "loss", &loss, &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).expect("layers");
    let network = Network::plan(layers, Shape::Flat { features: 1 }, &*loss).expect("a net");
    let device = Device::flex();
    let params = network.init(1, &device);
    let ids: Vec<u32> = (0..SAMPLES as u32).collect();
    let pass = Pass {
        training: training.map(|(seed, epoch)| Training {
            seed,
            epoch,
            ids: &ids,
        }),
        ..Pass::default()
    };
    let input = Value::Flat(Tensor::zeros([SAMPLES, 1], &device));
    floats(network.forward(input, &params.tensors(), &pass))
}

#[test]
fn a_share_of_the_samples_skips_the_block_and_the_others_make_up_for_it() {
    let first = added(Some((1, 0)));
    let kept = 1.0f32 / 0.7;
    assert!(first.iter().all(|x| *x == 0.0 || (x - kept).abs() < 1e-6));
    let share = first.iter().filter(|x| **x == 0.0).count() as f64 / SAMPLES as f64;
    assert!((share - 0.3).abs() < 0.03, "{share}");
    assert_eq!(added(Some((1, 0))), first);
    assert_ne!(added(Some((1, 1))), first, "drawn anew each epoch");
    assert_ne!(added(Some((2, 0))), first, "by the seed");
}

#[test]
fn no_sample_skips_it_in_evaluation() {
    assert!(added(None).iter().all(|x| *x == 1.0));
}
