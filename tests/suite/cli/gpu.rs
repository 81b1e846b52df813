//! The GPU path, by commands.

use serde_json::Value;

use crate::support::gpu::ask;
use crate::support::world::World;

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn the_first_epoch_is_the_same_on_both_devices_within_a_thousandth() {
    ask();
    let world = World::colours();
    let losses = |device: &str| {
        let mut command = world.command(&[
            "train",
            "--config",
            "experiment.toml",
            "--device",
            device,
            "--out",
            device,
            "--json",
            "--set",
            "train.epochs=2",
        ]);
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
        let run = crate::support::world::finish(command).expect_success();
        let lines = run.json();
        let figure = |epoch: usize, key: &str| lines[epoch][key].as_f64().unwrap();
        [
            figure(0, "train_loss"),
            figure(0, "valid_loss"),
            figure(1, "train_loss"),
            figure(1, "valid_loss"),
        ]
    };
    let (cpu, gpu) = (losses("cpu"), losses("gpu"));
    for (cpu, gpu) in cpu.iter().zip(&gpu) {
        assert!((cpu - gpu).abs() < 1e-3, "cpu {cpu}, gpu {gpu}");
    }
    let devices = world.kiln(&["devices", "--json"]).expect_success();
    assert!(devices.json().len() >= 2, "{}", devices.stdout);
}

/// A net with every kind of layer, as an override of `model.layers`.
const LAYERS: &str = r#"model.layers=[
  { conv2d = { filters = 4, kernel = 3, activation = "relu" } }, { max_pool2d = { size = 2 } },
  { conv2d = { filters = 8, kernel = 2, stride = 1, padding = "same", bias = false } },
  "batch_norm", "gelu", { avg_pool2d = {} }, { dropout = { rate = 0.1 } }, "flatten",
  { dense = { units = 8, activation = "softplus" } }, { dense = { units = 1 } }]"#;

/// `bf16` trains in the type of 16 bits that the adapter has, and is refused where it has none.
#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn half_precision_trains_as_32_bits_do_or_is_refused_with_the_reason() {
    ask();
    let world = World::colours();
    let train = |precision: &str, device: &str| {
        let (folder, sets) = (
            format!("half-{precision}"),
            format!("train.precision=\"{precision}\""),
        );
        let mut command = world.command(&[
            "train",
            "--config",
            "experiment.toml",
            "--device",
            device,
            "--out",
            &folder,
            "--json",
            "--set",
            "train.epochs=2",
            "--set",
            LAYERS,
            "--set",
            &sets,
        ]);
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
        crate::support::world::finish(command)
    };
    let devices = world.kiln(&["devices", "--json"]).expect_success().json();
    let half = train("bf16", "gpu");
    if devices[1]["f16"] != true {
        let refused = half.expect_failure().stderr;
        assert!(refused.contains("neither bf16 nor f16"), "{refused}");
        assert!(refused.contains("use precision = \"f32\""), "{refused}");
        return;
    }
    // In 32 bits both devices agree to a thousandth, and the CPU is quicker than a software GPU.
    let (half, whole) = (half.expect_success(), train("f32", "cpu").expect_success());
    let message = "precision: f16 on the GPU, with loss scaling";
    assert!(half.stderr.contains(message), "{}", half.stderr);
    assert!(!whole.stderr.contains("precision:"), "{}", whole.stderr);
    let (half, whole) = (half.json(), whole.json());
    for epoch in 0..2 {
        for key in ["train_loss", "valid_loss"] {
            let figure = |lines: &[Value]| lines[epoch][key].as_f64().unwrap();
            let (half, whole) = (figure(&half), figure(&whole));
            assert_ne!(half, whole, "{key}: 16 bits round");
            assert!((half - whole).abs() < 2e-2 * whole, "{key}: {half} {whole}");
        }
    }
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn a_net_that_leaves_the_range_of_16_bits_ends_with_the_reason() {
    ask();
    let world = World::colours();
    let devices = world.kiln(&["devices", "--json"]).expect_success().json();
    if devices[1]["f16"] != true {
        eprintln!("not run: the adapter has no f16");
        return;
    }
    let mut command = world.command(&[
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "gpu",
        "--set",
        "train.precision=\"bf16\"",
        "--set",
        "train.optimizer.adam.learning_rate=1e6",
    ]);
    command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
    let message = crate::support::world::finish(command)
        .expect_failure()
        .stderr;
    assert!(
        message.contains("not finite any more (epoch 1"),
        "{message}"
    );
    assert!(message.contains("train.precision = \"f32\""), "{message}");
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_to_do() {
    let world = World::colours();
    let base = ["train", "--config", "experiment.toml", "--device"];
    let run = world
        .kiln(&[&base[..], &["gpu:99"]].concat())
        .expect_failure();
    let message = run.stderr.contains("`kiln devices`");
    assert!(message, "{}", run.stderr);
}

/// The optimizer's state and the loss scale travel through a checkpoint on a GPU as well.
#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn a_run_that_is_killed_goes_on_on_the_gpu_within_a_thousandth() {
    ask();
    let world = World::colours();
    let run = |arguments: &[&str], fault: Option<&str>| {
        let mut command = world.command(&[&["train", "--quiet"], arguments].concat());
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
        fault.map(|fault| command.env("KILN_FAULT", fault));
        crate::support::world::finish(command)
    };
    let begin = |out| {
        [
            "--config",
            "experiment.toml",
            "--device",
            "gpu",
            "--out",
            out,
        ]
    };
    run(&begin("alone"), None).expect_success();
    let killed = run(&begin("run"), Some("checkpoint:after-rename-2"));
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    run(&["--resume", "run"], None).expect_success();
    let losses = |folder: &str| -> Vec<f64> {
        let history = world.read(&format!("{folder}/history.jsonl"));
        let lines = history
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|line: Value| line["valid_loss"].as_f64().unwrap())
            .collect()
    };
    let (alone, resumed) = (losses("alone"), losses("run"));
    assert_eq!((alone.len(), resumed.len()), (4, 4));
    for (alone, resumed) in alone.iter().zip(&resumed) {
        assert!((alone - resumed).abs() < 1e-3, "{alone} {resumed}");
    }
}
