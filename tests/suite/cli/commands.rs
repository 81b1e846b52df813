//! Every other command, as a user would call it.

use serde_json::{Value, json};

use crate::support::world::{EXPERIMENT, World};

pub fn trained() -> World {
    let world = World::colours();
    world.train(&["--set", "train.epochs=12"]).expect_success();
    world
}

/// The text for any number of threads: that of the machine, or of `RAYON_NUM_THREADS`.
fn any_threads(text: &str) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.strip_prefix("device: CPU, ") {
            Some(_) => "device: CPU, N threads\n",
            None => line,
        });
    lines.collect()
}

#[test]
fn check_prints_layers_classes_and_device() {
    let world = World::colours();
    let run = world.kiln(&["check", "--config", "experiment.toml", "--device", "cpu"]);
    let run = run.expect_success();
    insta::assert_snapshot!(any_threads(&world.anonymous(&run.stdout)));
    let object = &world
        .kiln(&["check", "--config", "experiment.toml", "--json"])
        .expect_success()
        .json()[0];
    assert_eq!(object["parameters"], 4 * 27 + 4 + 36 + 1);
    assert_eq!(object["layers"][0]["multiply_adds"], 6 * 6 * 4 * 27);
}

#[test]
fn preview_draws_a_sheet_of_samples() {
    let world = World::colours();
    let preview = |more: &[&str]| {
        let base = ["preview", "--config", "experiment.toml"];
        world.kiln(&[&base[..], more].concat())
    };
    let run = preview(&["--samples", "3", "--epochs", "2"]).expect_success();
    assert!(
        run.stdout.starts_with("wrote preview.png"),
        "{}",
        run.stdout
    );
    let size = |name: &str| image::image_dimensions(world.path(name)).expect("an image");
    // Images of 8 x 8, gutters of 2, but 8 after the first column.
    assert_eq!(size("preview.png"), (2 + 8 + 8 + 8 + 2 + 8 + 2, 2 + 3 * 10));
    let object = &preview(&[
        "--json",
        "--out",
        "mixed.png",
        "--set",
        "augment.mixup=true",
    ])
    .expect_success()
    .json()[0];
    assert_eq!(object["rows"].as_array().unwrap().len(), 6);
    let columns = object["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 1 + 6 + 6);
    assert_eq!(columns[12], "epoch 6 mixed");
    assert_eq!(object["rows"][0], "blue/00.png");
    assert_eq!(object["rows"][5], "red/08.png");
}

#[test]
fn preview_names_what_it_leaves_out_and_where_it_cannot_write() {
    let world = World::colours();
    world.write("train/blue/00.png", "no image");
    let base = ["preview", "--config", "experiment.toml", "--json"];
    let run = world.kiln(&base).expect_success();
    assert!(run.stderr.contains("00.png"), "{}", run.stderr);
    let object = &run.json()[0];
    assert_eq!(object["rows"].as_array().unwrap().len(), 5);
    assert!(
        object["skipped"][0]
            .as_str()
            .unwrap()
            .ends_with("blue/00.png")
    );
    let run = world
        .kiln(&[&base[..], &["--out", "nowhere/sheet.png"]].concat())
        .expect_failure();
    assert!(
        run.stderr.contains("cannot write nowhere/sheet.png"),
        "{}",
        run.stderr
    );
}

#[test]
fn eval_prints_figures_matrix_and_classes() {
    let world = trained();
    let eval = |more: &[&str]| {
        let base = [
            "eval",
            "-m",
            "run/best.safetensors",
            "-d",
            "valid",
            "--device",
            "cpu",
        ];
        world.kiln(&[&base[..], more].concat()).expect_success()
    };
    let text = eval(&[]).stdout;
    assert!(
        text.contains("95% interval") && text.contains("is \\ predicted"),
        "{text}"
    );
    for shown in ["balanced_accuracy", "pr_auc", "brier", "ece", "baseline"] {
        assert!(text.contains(&format!("\n {shown} ")), "{shown} in {text}");
    }
    for left_out in ["log_loss", "f1_micro", "top_5"] {
        assert!(!text.contains(left_out), "{left_out} in {text}");
    }
    let object = &eval(&["--json"]).json()[0];
    assert_eq!(object["accuracy"], 1.0);
    assert_eq!(object["balanced_accuracy"], 1.0);
    assert_eq!(object["f1_micro"], 1.0);
    assert_eq!(object["top_5_accuracy"], Value::Null);
    assert_eq!(object["accuracy_95"][1], 1.0);
    assert_eq!(object["baseline"], 0.5);
    assert_eq!(object["samples"], 12);
    assert_eq!(object["classes"], json!(["blue", "red"]));
    assert_eq!(object["confusion"], json!([[6, 0], [0, 6]]));
    assert_eq!(object["positive"], "red");
    assert!(object["loss"].as_f64().unwrap() < 0.5);
}

#[test]
fn eval_matches_classes_by_name() {
    let world = trained();
    world.image("other/blue/1.png", [20, 40, 220], 1);
    world.image("other/crimson/1.png", [220, 40, 20], 1);
    let run = world
        .kiln(&[
            "eval",
            "-m",
            "run/best.safetensors",
            "-d",
            "other",
            "--device",
            "cpu",
        ])
        .expect_failure();
    insta::assert_snapshot!(any_threads(&run.stderr));
}

#[test]
fn init_writes_an_experiment_that_trains() {
    let world = World::colours();
    world
        .kiln(&["init", ".", "--out", "mine.toml"])
        .expect_success();
    let text = world.read("mine.toml");
    assert!(
        text.contains("valid = \"valid\"") && text.contains("size = [12, 10]"),
        "{text}"
    );
    world
        .kiln(&[
            "train",
            "--config",
            "mine.toml",
            "--device",
            "cpu",
            "--set",
            "train.epochs=1",
        ])
        .expect_success();
    world
        .kiln(&["init", "train", "--out", "split.toml"])
        .expect_success();
    assert!(world.read("split.toml").contains("valid_fraction = 0.2"));
    world
        .kiln(&["check", "--config", "split.toml"])
        .expect_success();
    let again = world
        .kiln(&["init", "train", "--out", "split.toml"])
        .expect_failure();
    assert!(
        again.stderr.contains("split.toml exists"),
        "{}",
        again.stderr
    );
}

#[test]
fn synth_writes_images_that_init_understands() {
    let world = World::empty();
    let synth = [
        "synth", "shapes", "--out", "made", "--train", "4", "--valid", "2", "--size", "16",
    ];
    world.kiln(&synth).expect_success();
    assert!(world.path("made/train/circle/00000.png").exists());
    assert!(world.path("made/valid/triangle/00005.png").exists());
    let again = world.kiln(&synth).expect_failure();
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    world.kiln(&["init", "made"]).expect_success();
    world
        .kiln(&["check", "--config", "made.toml"])
        .expect_success();
}

#[test]
fn synth_writes_archives_that_train() {
    let world = World::empty();
    let synth = [
        "synth",
        "shapes",
        "--out",
        "made",
        "--train",
        "8",
        "--valid",
        "3",
        "--size",
        "8",
        "--per-shard",
        "10",
    ];
    world.kiln(&synth).expect_success();
    let experiment = EXPERIMENT
        .replace("image-folder", "webdataset")
        .replace("\"train\"", "\"made/train-*.tar\"")
        .replace("\"valid\"", "\"made/valid-{00000..00000}.tar\"")
        .replace("units = 1", "units = 3")
        .replace("binary_", "sparse_categorical_");
    world.write("experiment.toml", experiment);
    let check = world.kiln(&["check", "--config", "experiment.toml", "--json"]);
    let counts = &check.expect_success().json()[0];
    assert_eq!(counts["train_counts"], serde_json::json!([8, 8, 8]));
    assert_eq!(counts["valid_counts"], serde_json::json!([3, 3, 3]));
    world.train(&["--set", "train.epochs=1"]).expect_success();
}

#[test]
fn schema_describes_every_family() {
    let world = World::empty();
    let text = world.kiln(&["schema"]).expect_success().stdout;
    let schema: Value = serde_json::from_str(&text).unwrap();
    for name in [
        "conv2d",
        "binary_cross_entropy",
        "adam",
        "image-folder",
        "rotation",
    ] {
        assert!(text.contains(&format!("\"{name}\"")), "{name}");
    }
    assert!(!text.contains("x-family"));
    assert_eq!(
        schema["properties"]["train"]["properties"]["epochs"]["minimum"],
        1
    );
}

#[test]
fn devices_lists_the_cpu() {
    let world = World::empty();
    assert!(
        world
            .kiln(&["devices"])
            .expect_success()
            .stdout
            .contains("cpu")
    );
    let first = &world.kiln(&["devices", "--json"]).expect_success().json()[0];
    assert_eq!(first["device"], "cpu");
}

#[test]
fn completions_exist_for_three_shells() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = world.kiln(&["completions", shell]).expect_success().stdout;
        assert!(script.contains("predict"), "{shell}");
    }
}

#[test]
fn manual_pages_exist_for_the_program_and_each_command() {
    let world = World::empty();
    world.kiln(&["man", "man1"]).expect_success();
    let page = |name: &str| std::fs::read_to_string(world.path("man1").join(name)).unwrap();
    let program = page("kiln.1");
    assert!(program.starts_with(".ie"), "{program}");
    assert!(program.contains(r"kiln\-train(1)"), "{program}");
    let train = page("kiln-train.1");
    for part in [
        ".SH SYNOPSIS",
        r"\-\-config",
        r"\fBkiln train\fR",
        "Examples:",
    ] {
        assert!(train.contains(part), "{part}: {train}");
    }
    assert!(page("kiln-cache-clear.1").contains(".SH NAME"));
}

#[test]
fn wrong_usage_has_exit_code_2() {
    let world = World::empty();
    assert_eq!(world.kiln(&["train"]).code, 2);
    assert_eq!(
        world
            .kiln(&["train", "--config", "x.toml", "--device", "cuda"])
            .code,
        2
    );
    assert_eq!(world.kiln(&[]).code, 2);
}

#[test]
fn bench_times_steps_and_layers() {
    let world = World::colours();
    let bench = |more: &[&str]| {
        let base = [
            "bench",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--steps",
            "3",
            "--warmup",
            "1",
        ];
        world.kiln(&[&base[..], more].concat()).expect_success()
    };
    let text = bench(&[]).stdout;
    for word in [
        "training step",
        "inference of one",
        "conv2d + max_pool2d",
        "update",
    ] {
        assert!(text.contains(word), "{text}");
    }
    for more in [&[][..], &["--real"], &["--set", "train.precision=\"bf16\""]] {
        let object = &bench(&[&["--json"], more].concat()).json()[0];
        for key in ["train", "infer", "infer_one", "train_gflops", "update_ms"] {
            assert!(object[key].as_f64().unwrap() > 0.0, "{key}: {object}");
        }
        let shares = object["layers"].as_array().unwrap().iter();
        let sum: f64 = shares.map(|layer| layer["share"].as_f64().unwrap()).sum();
        let all = sum + object["update_share"].as_f64().unwrap();
        assert!((all - 1.0).abs() < 1e-6, "{object}");
        assert_eq!(object["batch"], 4);
        assert_eq!(
            object["layers"][0]["layers"],
            json!(["conv2d", "max_pool2d"])
        );
    }
}

#[test]
fn bench_needs_no_data_where_size_and_channels_are_stated() {
    let world = World::empty();
    let layers =
        "[{ conv2d = { filters = 2, kernel = 3 } }, \"flatten\", { dense = { units = 3 } }]";
    let experiment = format!(
        "name = \"n\"\n[data]\nkind = \"image-folder\"\ntrain = \"nowhere\"\nsize = [6, 6]\n\
         channels = 1\n[model]\nlayers = {layers}\n[train]\nepochs = 1\n\
         loss = \"sparse_categorical_cross_entropy\"\n"
    );
    world.write("n.toml", experiment);
    let arguments = [
        "bench", "--config", "n.toml", "--device", "cpu", "--json", "--steps", "1",
    ];
    let run = world.kiln(&arguments).expect_success();
    assert_eq!(run.json()[0]["name"], "n");
}
