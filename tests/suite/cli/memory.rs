//! Memory is counted before it is taken: what a machine cannot hold is an error that says how much, for which layer, and
//! what to change.

use crate::support::world::{EXPERIMENT, Run, World};

#[track_caller]
fn refused(run: Run, expected: &[&str]) {
    let run = run.expect_failure();
    assert!(!run.stderr.contains("allocation"), "{}", run.stderr);
    assert!(!run.stdout.contains("ready to train"), "{}", run.stdout);
    for part in expected {
        assert!(
            run.stderr.contains(part),
            "{part:?} is not in:\n{}",
            run.stderr
        );
    }
}

/// An experiment with these layers before the last.
fn with_layers(layers: &str) -> World {
    let world = World::colours();
    let begin = EXPERIMENT.find("  { conv2d").expect("layers");
    let end = EXPERIMENT.find("  { flatten").expect("layers");
    let text = format!("{}{layers}\n{}", &EXPERIMENT[..begin], &EXPERIMENT[end..]);
    world.write("experiment.toml", text);
    world
}

/// Every command that would take the memory.
fn all_refuse(world: &World, expected: &[&str]) {
    let config = ["--config", "experiment.toml"];
    for command in ["check", "train", "lr-find", "bench"] {
        refused(
            world.kiln(&[command, config[0], config[1], "--device", "cpu"]),
            expected,
        );
    }
    let verify = [
        "train", config[0], config[1], "--device", "cpu", "--verify", "4",
    ];
    refused(world.kiln(&verify), expected);
    assert!(!world.path("runs").exists(), "nothing is left behind");
}

#[test]
fn a_layer_of_a_thousand_million_units_is_refused_by_every_command() {
    let world = with_layers("  { flatten = {} },\n  { dense = { units = 1000000000 } },");
    all_refuse(
        &world,
        &[
            "experiment.toml:",
            "model.layers[1] (dense)",
            "free on this machine",
            "hint:",
        ],
    );
}

#[test]
fn sizes_that_no_number_holds_are_refused() {
    for (layers, layer) in [
        ("  { upsample = { size = 65535 } },\n".repeat(4), "model.layers[1] (upsample)"),
        ("  { upsample = { size = 40, mode = \"bilinear\" } },\n".repeat(3), "(upsample)"),
        ("  { flatten = {} },\n  { dense = { units = 4611686018427387904 } },".into(), "(dense)"),
        ("  { conv2d = { filters = 9223372036854775807, kernel = 65535, padding = 65535 } },".into(), "(conv2d)"),
        ("  { depthwise_conv2d = { kernel = 1, multiplier = 9223372036854775807 } },".into(), "model.layers[0]"),
        ("  { conv_transpose2d = { filters = 3, kernel = 65535, stride = 65535, dilation = 65535 } },".into(),
         "(conv_transpose2d)"),
        ("  { reshape = { shape = [64, 3] } },\n  { bidirectional = { layer = { lstm = { units = 9223372036854775807 } } } },"
            .into(), "model.layers[1]"),
        ("  { reshape = { shape = [64, 3] } },\n  { gru = { units = 6148914691236517206 } },".into(), "(gru)"),
        ("  { residual = { layers = [{ conv2d = { filters = 4000000000, kernel = 3, padding = \"same\" } }] } },".into(),
         "(residual)"),
    ] {
        let world = with_layers(&layers);
        refused(world.kiln(&["check", "--config", "experiment.toml", "--device", "cpu"]), &["experiment.toml:", layer]);
    }
}

#[test]
fn a_batch_of_ten_million_is_refused_and_one_of_all_samples_is_not() {
    let world = World::colours();
    let bench = [
        "bench",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--steps",
        "1",
    ];
    refused(
        world.kiln(&[&bench[..], &["--batch", "1000000000"]].concat()),
        &[
            "batches of 1000000000",
            "a smaller --batch",
            "free on this machine",
        ],
    );
    // More than there are samples: a batch has all of them.
    let more = [
        "--set",
        "train.batch_size=1000000000000",
        "--set",
        "train.epochs=1",
    ];
    world.train(&more).expect_success();
}

#[test]
fn the_limit_of_the_user_counts_and_says_so() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let limited = |arguments: &[&str], limit: &str| {
        let mut command = world.command(arguments);
        command.env("KILN_MEMORY_LIMIT", limit);
        crate::support::world::finish(command)
    };
    let check = ["check", "--config", "experiment.toml", "--device", "cpu"];
    limited(&check, "1 MB").expect_success();
    limited(&check, "1000000").expect_success();
    refused(
        limited(&check, "2 kB"),
        &[
            "2.0 kB is what KILN_MEMORY_LIMIT allows",
            "train.batch_size",
        ],
    );
    refused(
        limited(&check, "much"),
        &["KILN_MEMORY_LIMIT is \"much\"", "8 GB"],
    );
    let resume = ["train", "--resume", "run", "--set", "train.epochs=2"];
    refused(limited(&resume, "2 kB"), &["KILN_MEMORY_LIMIT"]);
    for command in [
        &["predict", "--model", "run/best.safetensors", "valid"][..],
        &["eval", "--model", "run/best.safetensors", "--data", "valid"],
    ] {
        refused(
            limited(command, "1 kB"),
            &["run/best.safetensors takes about", "for a single sample"],
        );
        // Room for a few samples at a time: the same answers.
        let (few, many) = (limited(command, "10 kB"), limited(command, "1 GB"));
        assert_eq!(few.expect_success().stdout, many.expect_success().stdout);
    }
}

/// The metadata of a model, changed, with the same tensors.
fn crafted(world: &World, changes: &[(&str, &str)]) {
    let bytes = std::fs::read(world.path("run/best.safetensors")).expect("a model");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).expect("text");
    let mut header = header.replace("kiln.checksum", "other.checked"); // as an older program wrote it
    for (from, to) in changes {
        assert!(header.contains(from), "{from:?} is not in {header}");
        header = header.replace(from, to);
    }
    let mut crafted = (header.len() as u64).to_le_bytes().to_vec();
    crafted.extend(header.as_bytes());
    crafted.extend(&bytes[8 + length..]);
    std::fs::write(world.path("crafted.safetensors"), crafted).expect("written");
}

#[test]
fn a_model_file_that_asks_for_more_than_there_is_is_refused() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let upsample = r#"{\"upsample\":{\"size\":65535}},"#.repeat(3);
    let flatten = r#"{\"flatten\":{}}"#;
    for (changes, expected) in [
        // A frame of zeros, pooled away: the tensors still fit.
        (
            &[
                (r#"\"kernel\":3"#, r#"\"kernel\":3,\"padding\":65532"#),
                (
                    r#"\"max_pool2d\":{\"size\":2}"#,
                    r#"\"max_pool2d\":{\"size\":43690}"#,
                ),
            ][..],
            "for a single sample",
        ),
        (&[(flatten, &*(upsample + flatten))], "upsample"),
    ] {
        crafted(&world, changes);
        for command in [
            &[
                "predict",
                "--model",
                "crafted.safetensors",
                "valid/red/00.png",
            ][..],
            &["eval", "--model", "crafted.safetensors", "--data", "valid"],
        ] {
            refused(world.kiln(command), &["crafted.safetensors", expected]);
        }
    }
}

#[test]
fn a_net_without_weights_is_refused() {
    let world = World::colours();
    let begin = EXPERIMENT.find("  { conv2d").expect("layers");
    let end = EXPERIMENT
        .find("]\n\n[train]")
        .expect("the end of the layers");
    let layers = "  { global_avg_pool = {} },\n  { reshape = { shape = [3] } },\n";
    let text = format!("{}{layers}{}", &EXPERIMENT[..begin], &EXPERIMENT[end..]);
    let text = text.replace(
        "train = \"train\"",
        "train = \"three\"\nvalid_fraction = 0.5",
    );
    let text = text
        .replace("valid = \"valid\"\n", "")
        .replace("binary_cross_entropy", "categorical_cross_entropy");
    world.write("experiment.toml", text);
    for class in ["a", "b", "c"] {
        for number in 0..4 {
            world.image(&format!("three/{class}/{number}.png"), [9, 99, 200], number);
        }
    }
    refused(
        world.train(&[]),
        &["model.layers has no layer with weights", "dense"],
    );
}
