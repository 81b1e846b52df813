//! `kind = "webdataset"`: images in tar archives.

use std::fs::File;

use crate::support::world::{EXPERIMENT, World};

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

/// The images of `World::colours`, three archives for training and one for validation.
fn packed() -> World {
    let world = World::colours();
    let image = |name: String| std::fs::read(world.path(name)).unwrap();
    for (archive, split, numbers) in [
        ("tars/train-00.tar", "train", 0..4),
        ("tars/train-01.tar", "train", 4..8),
        ("tars/train-02.tar", "train", 8..12),
        ("tars/valid.tar", "valid", 0..6),
    ] {
        let mut names = Vec::new();
        for number in numbers {
            for class in ["blue", "red"] {
                let bytes = image(format!("{split}/{class}/{number:02}.png"));
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
        let message = world.kiln(&[&base[..], &[threads, "--out", &out]].concat());
        let message = message.expect_success();
        assert!(
            message.stderr.contains(" blue      12"),
            "{}",
            message.stderr
        );
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
    let message = world.kiln(&[&eval[..], &["tars/other.tar"]].concat());
    assert!(message.expect_failure().stderr.contains("MISSING"));
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
fn bad_images_in_an_archive_are_named_and_left_out() {
    let world = packed();
    let good = std::fs::read(world.path("train/red/00.png")).unwrap();
    pack(
        &world,
        "tars/train-02.tar",
        &[
            ("a/red/1.png", good.clone()),
            ("a/red/2.png", good[..good.len() / 2].to_vec()),
            ("a/blue/3.png", Vec::new()),
            ("a/blue/4.jpg", b"not an image".to_vec()),
            ("5.png", good),
        ],
    );
    let message = world
        .train(&["--set", "train.epochs=1"])
        .expect_success()
        .stderr;
    assert!(message.contains("3 files cannot be used"), "{message}");
    for reason in [
        "train-02.tar:a/red/2.png: cannot be decoded",
        "train-02.tar:a/blue/3.png: is empty (0 bytes)",
        "train-02.tar:a/blue/4.jpg: is not an image (it holds text)",
        "train-02.tar:5.png",
    ] {
        assert!(message.contains(reason), "{reason}: {message}");
    }
}

#[test]
fn archives_that_cannot_be_used_are_faults_with_their_line() {
    let world = packed();
    let fault = |train: &str| {
        let set = format!("data.train=\"{train}\"");
        let message = world.kiln(&["check", "--config", "experiment.toml", "--set", &set]);
        message.expect_failure().stderr
    };
    let message = fault("tars/train-{00..03}.tar");
    assert!(
        message.contains("there is no file") && message.contains("train-03.tar"),
        "{message}"
    );
    world.write("tars/text.tar", "hello".repeat(300));
    let message = fault("tars/text.tar");
    assert!(
        message.contains("is damaged or no tar archive"),
        "{message}"
    );
    pack(&world, "tars/plain.tar", &[("1.txt", b"text".to_vec())]);
    let message = fault("tars/plain.tar");
    assert!(message.contains("hold no labelled image"), "{message}");
    pack(
        &world,
        "tars/other.tar",
        &[("green/1.png", vec![1]), ("red/1.png", vec![1])],
    );
    let message = fault("tars/other.tar");
    assert!(message.contains("MISSING"), "{message}");
}

#[test]
fn a_balanced_sampler_is_refused_for_archives() {
    let world = packed();
    let more = ["--set", "train.sampler=balanced"];
    let base = ["check", "--config", "experiment.toml"];
    let message = world.kiln(&[&base[..], &more].concat()).expect_failure();
    insta::assert_snapshot!(world.anonymous(&message.stderr));
}

/// A header of a link.
fn link(builder: &mut tar::Builder<File>, kind: tar::EntryType, name: &str, target: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    builder.append_link(&mut header, name, target).unwrap();
}

#[test]
fn links_are_samples_and_what_is_left_out_is_reported() {
    let world = packed();
    let image = |name: &str| std::fs::read(world.path(name)).unwrap();
    let mut builder = tar::Builder::new(File::create(world.path("tars/linked.tar")).unwrap());
    for class in ["blue", "red"] {
        let bytes = image(&format!("train/{class}/00.png"));
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder
            .append_data(&mut header, format!("{class}/0.png"), &bytes[..])
            .unwrap();
        let target = format!("{class}/0.png");
        link(
            &mut builder,
            tar::EntryType::Link,
            &format!("{class}/1.png"),
            &target,
        );
        link(
            &mut builder,
            tar::EntryType::Symlink,
            &format!("{class}/2.png"),
            "1.png",
        );
        link(
            &mut builder,
            tar::EntryType::Symlink,
            &format!("{class}/3.png"),
            "/etc/passwd",
        );
    }
    builder.finish().unwrap();
    let check = ["check", "--config", "experiment.toml", "--json", "--set"];
    let checked = world.kiln(&[&check[..], &["data.train=\"tars/linked.tar\""]].concat());
    let checked = &checked.expect_success().json()[0];
    assert_eq!(checked["train_counts"], serde_json::json!([3, 3]));
    assert_eq!(checked["left_out"][0]["count"], 2, "{checked}");
    let reason = checked["left_out"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("outside the archive"), "{reason}");
    // Cut where a member ends: every whole member is there, but the end is not.
    let whole = image("tars/linked.tar");
    world.write("tars/cut.tar", &whole[..whole.len() - 1024]);
    let message = world
        .kiln(&[&check[..], &["data.train=\"tars/cut.tar\""]].concat())
        .expect_success();
    let warning = message.json()[0]["warnings"][0]
        .as_str()
        .unwrap()
        .to_string();
    assert!(
        warning.contains("cut.tar has no end-of-archive mark"),
        "{warning}"
    );
}

#[test]
fn keys_with_dots_keep_their_samples_apart() {
    let world = packed();
    let mut entries = Vec::new();
    for number in 0..8 {
        for class in ["blue", "red"] {
            let bytes =
                std::fs::read(world.path(format!("train/{class}/{number:02}.png"))).unwrap();
            entries.push((format!("d/v1.2_{number}{class}.png"), bytes));
            entries.push((
                format!("d/v1.2_{number}{class}.cls"),
                class.as_bytes().to_vec(),
            ));
        }
    }
    let entries: Vec<(&str, Vec<u8>)> = entries
        .iter()
        .map(|(name, bytes)| (&**name, bytes.clone()))
        .collect();
    pack(&world, "tars/dots.tar", &entries);
    let check = [
        "check",
        "--config",
        "experiment.toml",
        "--json",
        "--set",
        "data.train=\"tars/dots.tar\"",
    ];
    let checked = &world.kiln(&check).expect_success().json()[0];
    assert_eq!(checked["train_counts"], serde_json::json!([8, 8]));
    assert_eq!(checked["left_out"], serde_json::json!([]));
}

#[test]
fn a_label_of_a_hundred_kilobytes_is_shortened_in_messages() {
    let world = packed();
    let png = std::fs::read(world.path("train/red/00.png")).unwrap();
    let label = "é".repeat(50_000).into_bytes();
    let entries = [
        ("1.png", png.clone()),
        ("1.cls", label),
        ("2.png", png),
        ("2.cls", b"red".to_vec()),
    ];
    pack(&world, "tars/long.tar", &entries);
    let set = "data.train=\"tars/long.tar\"";
    let message = world
        .kiln(&["check", "--config", "experiment.toml", "--set", set])
        .expect_failure();
    assert!(
        message.stderr.contains("MISSING") && message.stderr.contains("ééé…ééé"),
        "{}",
        message.stderr
    );
    assert!(
        message.stderr.len() < 4000,
        "{} bytes",
        message.stderr.len()
    );
    let same = ["--set", set, "--set", "data.valid=\"tars/long.tar\""];
    let message = world
        .kiln(&[&["check", "--config", "experiment.toml"], &same[..]].concat())
        .expect_success();
    assert!(
        message.stdout.contains('…') && message.stdout.len() < 8000,
        "{}",
        message.stdout.len()
    );
}

#[test]
fn thirty_thousand_labels_take_no_quadratic_time() {
    let world = World::empty();
    let mut builder = tar::Builder::new(File::create(world.path("many.tar")).unwrap());
    for number in 0..30_000 {
        for (name, bytes) in [
            (format!("{number}.png"), &b"x"[..]),
            (format!("{number}.cls"), &b""[..]),
        ] {
            let label = format!("class {number}");
            let bytes = if bytes.is_empty() {
                label.as_bytes()
            } else {
                bytes
            };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).unwrap();
        }
    }
    builder.finish().unwrap();
    let experiment = EXPERIMENT
        .replace("image-folder", "webdataset")
        .replace("train = \"train\"", "train = \"many.tar\"")
        .replace("valid = \"valid\"", "valid = \"many.tar\"")
        .replace("units = 1 ", "units = 30000 ")
        .replace("\"binary_", "\"sparse_categorical_");
    world.write("experiment.toml", experiment);
    let begin = std::time::Instant::now();
    let check = [
        "check",
        "--config",
        "experiment.toml",
        "--json",
        "--device",
        "cpu",
    ];
    let checked = &world.kiln(&check).expect_success().json()[0];
    let took = begin.elapsed();
    assert_eq!(
        (&checked["num_train"], &checked["num_valid"]),
        (&30_000.into(), &30_000.into())
    );
    // Half a second, also for both splits; each label compared with each takes several.
    assert!(took.as_secs_f64() < 3.0, "{took:?}");
}

#[test]
fn predict_answers_every_image_of_an_archive() {
    let world = packed();
    world.train(&[]).expect_success();
    let png = std::fs::read(world.path("valid/red/00.png")).unwrap();
    pack(
        &world,
        "mixed.tar",
        &[
            ("a/one.png", png.clone()),
            ("a/one.cls", b"red".to_vec()),
            ("a/notes.md", b"no image".to_vec()),
            ("a/.hidden.png", png.clone()),
            ("a/broken.png", png[..40].to_vec()),
            ("two", png),
        ],
    );
    let predict = ["predict", "-m", "run/best.safetensors", "--device", "cpu"];
    let run = world.kiln(&[&predict[..], &["tars/valid.tar"]].concat());
    let rows: Vec<String> = run
        .expect_success()
        .stdout
        .lines()
        .map(String::from)
        .collect();
    assert_eq!(rows.len(), 12);
    let of = |name: &str| rows.iter().find(|row| row.starts_with(name)).unwrap();
    assert!(of("tars/valid.tar:0000red.png\t").contains("\tred\t"));
    assert!(of("tars/valid.tar:0005blue.png\t").contains("\tblue\t"));
    // The same answers as from the files themselves.
    let file = world.kiln(&[&predict[..], &["valid/red/00.png"]].concat());
    let answer = |row: &str| row.split_once('\t').unwrap().1.trim().to_string();
    assert_eq!(
        answer(&file.expect_success().stdout),
        answer(of("tars/valid.tar:0000red.png"))
    );
    let run = world.kiln(&[&predict[..], &["mixed.tar", "--json"]].concat());
    let run = run.expect_failure();
    assert!(
        run.stderr.contains("mixed.tar:a/broken.png: "),
        "{}",
        run.stderr
    );
    let lines = run.json();
    assert_eq!(lines[0]["file"], "mixed.tar");
    assert_eq!(lines[0]["member"], "a/one.png");
    assert_eq!(lines[1]["member"], "two");
    let passed_over = lines[2]["left_out"].to_string();
    assert!(
        passed_over.contains("notes.md") && passed_over.contains(".hidden.png"),
        "{passed_over}"
    );
    pack(&world, "none.tar", &[("readme.md", b"no image".to_vec())]);
    let run = world
        .kiln(&[&predict[..], &["none.tar"]].concat())
        .expect_failure();
    assert!(
        run.stderr.contains("none.tar: holds no images") && run.stderr.contains("readme.md"),
        "{}",
        run.stderr
    );
}
