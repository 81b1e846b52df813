//! The GPU path. These tests run with `KILN_TEST_GPU=1` (on the software Vulkan driver where there
//! is no GPU), and then a missing adapter fails; without it they say that they did nothing.

use crate::world::World;

/// Whether the GPU path is to be tested.
fn asked_for(test: &str) -> bool {
    let asked = std::env::var("KILN_TEST_GPU").is_ok_and(|value| value == "1");
    if !asked {
        eprintln!("{test}: not run, KILN_TEST_GPU is not 1");
    }
    asked
}

#[test]
fn the_first_epoch_is_the_same_on_both_devices_within_a_thousandth() {
    if !asked_for("first epoch") {
        return;
    }
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
        let run = crate::world::finish(command).expect_success();
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

#[test]
fn bf16_on_a_gpu_is_refused_with_the_line() {
    if !asked_for("bf16") {
        return;
    }
    let world = World::colours();
    let precision = "train.precision=\"bf16\"";
    let arguments = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "gpu",
        "--set",
        precision,
    ];
    let run = world.kiln(&arguments).expect_failure();
    assert!(
        run.stderr.contains("only the CPU trains in so far"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_to_do() {
    let world = World::colours();
    let base = ["train", "--config", "experiment.toml", "--device"];
    let run = world
        .kiln(&[&base[..], &["gpu:99"]].concat())
        .expect_failure();
    let told = run.stderr.contains("`kiln devices`");
    assert!(told, "{}", run.stderr);
}
