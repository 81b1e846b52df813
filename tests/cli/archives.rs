//! `kind = "webdataset"`: pictures in tar archives.

use std::fs::File;

use crate::world::{EXPERIMENT, World};

/// An archive of the files of a world, each under another name.
fn pack(world: &World, archive: &str, entries: &[(&str, Vec<u8>)]) {
    let path = world.path(archive);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    builder.finish().unwrap();
}

/// The pictures of `World::colours`, three archives for training and one for validation.
fn packed() -> World {
    let world = World::colours();
    let picture = |name: String| std::fs::read(world.path(name)).unwrap();
    for (archive, split, numbers) in [
        ("tars/train-00.tar", "train", 0..4),
        ("tars/train-01.tar", "train", 4..8),
        ("tars/train-02.tar", "train", 8..12),
        ("tars/valid.tar", "valid", 0..6),
    ] {
        let mut names = Vec::new();
        for number in numbers {
            for class in ["blue", "red"] {
                let bytes = picture(format!("{split}/{class}/{number:02}.png"));
                names.push((format!("{number:04}{class}.cls"), class.as_bytes().to_vec()));
                names.push((format!("{number:04}{class}.png"), bytes));
            }
        }
        let entries: Vec<(&str, Vec<u8>)> = names
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        pack(&world, archive, &entries);
    }
    let experiment = EXPERIMENT
        .replace("image-folder", "webdataset")
        .replace("train = \"train\"", "train = \"tars/train-{00..02}.tar\"")
        .replace(
            "valid = \"valid\"",
            "valid = \"tars/valid.tar\"\nshuffle_buffer = 6",
        );
    world.write("experiment.toml", experiment);
    world
}

#[test]
fn trains_on_archives_with_the_same_bits_for_any_number_of_threads() {
    let world = packed();
    let mut models = Vec::new();
    for threads in ["1", "2", "7"] {
        let out = format!("run-{threads}");
        let base = [
            "train",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--threads",
        ];
        let told = world.kiln(&[&base[..], &[threads, "--out", &out]].concat());
        let told = told.expect_success();
        assert!(told.stderr.contains(" blue      12"), "{}", told.stderr);
        models.push(std::fs::read(world.path(&out).join("best.safetensors")).unwrap());
    }
    assert!(models[0] == models[1] && models[1] == models[2]);
    let eval = [
        "eval",
        "--model",
        "run-1/best.safetensors",
        "--data",
        "valid",
        "--json",
    ];
    let figures = &world.kiln(&eval).expect_success().json()[0];
    assert!(figures["accuracy"].as_f64().unwrap() > 0.9, "{figures}");
    let eval = [
        "eval",
        "--model",
        "run-1/best.safetensors",
        "--json",
        "--data",
    ];
    let archives = world.kiln(&[&eval[..], &["tars/val*.tar"]].concat());
    let archives = &archives.expect_success().json()[0];
    for key in ["accuracy", "samples", "loss"] {
        assert_eq!(archives[key], figures[key], "{key}");
    }
    let other = [("0.cls", b"green".to_vec()), ("0.png", vec![1])];
    pack(&world, "tars/other.tar", &other);
    let told = world.kiln(&[&eval[..], &["tars/other.tar"]].concat());
    assert!(told.expect_failure().stderr.contains("MISSING"));
}

#[test]
fn every_way_to_name_archives_finds_the_same_samples() {
    let world = packed();
    let summary = |train: &str| {
        let set = format!("data.train={train}");
        let check = [
            "check",
            "--config",
            "experiment.toml",
            "--json",
            "--set",
            &set,
        ];
        world.kiln(&check).expect_success().json()[0]["train_counts"].clone()
    };
    let expected = summary("\"tars/train-{00..02}.tar\"");
    assert_eq!(expected, serde_json::json!([12, 12]));
    assert_eq!(summary("\"tars/train-*.tar\""), expected);
    let list = "[\"tars/train-00.tar\", \"tars/train-01.tar\", \"tars/train-02.tar\"]";
    assert_eq!(summary(list), expected);
    let split = world.read("experiment.toml");
    let split = split.replace("valid = \"tars/valid.tar\"", "valid_fraction = 0.25");
    world.write("experiment.toml", split);
    let check = ["check", "--config", "experiment.toml", "--json"];
    let counts = &world.kiln(&check).expect_success().json()[0];
    assert_eq!(counts["train_counts"], serde_json::json!([9, 9]));
    assert_eq!(counts["valid_counts"], serde_json::json!([3, 3]));
}

#[test]
fn bad_pictures_in_an_archive_are_named_and_left_out() {
    let world = packed();
    let good = std::fs::read(world.path("train/red/00.png")).unwrap();
    pack(
        &world,
        "tars/train-02.tar",
        &[
            ("a/red/1.png", good.clone()),
            ("a/red/2.png", good[..good.len() / 2].to_vec()),
            ("a/blue/3.png", Vec::new()),
            ("a/blue/4.jpg", b"not a picture".to_vec()),
            ("5.png", good),
        ],
    );
    let told = world
        .train(&["--set", "train.epochs=1"])
        .expect_success()
        .stderr;
    assert!(told.contains("3 files cannot be used"), "{told}");
    for reason in [
        "train-02.tar:a/red/2.png: cannot be decoded",
        "train-02.tar:a/blue/3.png: is empty (0 bytes)",
        "train-02.tar:a/blue/4.jpg: is not a picture (it holds text)",
        "train-02.tar:5.png",
    ] {
        assert!(told.contains(reason), "{reason}: {told}");
    }
}

#[test]
fn archives_that_cannot_be_used_are_faults_with_their_line() {
    let world = packed();
    let fault = |train: &str| {
        let set = format!("data.train=\"{train}\"");
        let told = world.kiln(&["check", "--config", "experiment.toml", "--set", &set]);
        told.expect_failure().stderr
    };
    let told = fault("tars/train-{00..03}.tar");
    assert!(
        told.contains("there is no file") && told.contains("train-03.tar"),
        "{told}"
    );
    world.write("tars/text.tar", "hello".repeat(300));
    let told = fault("tars/text.tar");
    assert!(told.contains("is damaged or no tar archive"), "{told}");
    pack(&world, "tars/plain.tar", &[("1.txt", b"text".to_vec())]);
    let told = fault("tars/plain.tar");
    assert!(told.contains("hold no labelled picture"), "{told}");
    pack(
        &world,
        "tars/other.tar",
        &[("green/1.png", vec![1]), ("red/1.png", vec![1])],
    );
    let told = fault("tars/other.tar");
    assert!(told.contains("MISSING"), "{told}");
}

#[test]
fn a_balanced_sampler_is_refused_for_archives() {
    let world = packed();
    let more = ["--set", "train.sampler=balanced"];
    let base = ["check", "--config", "experiment.toml"];
    let told = world.kiln(&[&base[..], &more].concat()).expect_failure();
    insta::assert_snapshot!(world.anonymous(&told.stderr));
}
