//! Labels are text, compared letter for letter.

use serde_json::json;

use crate::support::world::World;

fn world(labels: &[&str]) -> World {
    let world = World::empty();
    world.write("t.csv", table(labels));
    let units = labels.len();
    world.write(
        "experiment.toml",
        format!(
            "[data]\nkind = \"csv\"\ntrain = \"t.csv\"\nvalid_fraction = 0.2\ntarget = \"y\"\n\
             task = \"classification\"\n[model]\nlayers = [{{ dense = {{ units = {units} }} }}]\n\
             [train]\nepochs = 2\nloss = \"sparse_categorical_cross_entropy\"\n"
        ),
    );
    world
}

fn table(labels: &[&str]) -> String {
    let rows = (0..60).map(|row| {
        let label = labels[row % labels.len()];
        format!("{}.25,{label}\n", row * 37 % 61)
    });
    format!("b,y\n{}", rows.collect::<String>())
}

const EVAL: [&str; 6] = [
    "eval",
    "--model",
    "run/best.safetensors",
    "--data",
    "new.csv",
    "--json",
];

#[test]
fn classes_that_are_equal_as_numbers_are_several() {
    let world = world(&["01234", "1234", "007", "7", "1e2", "100"]);
    let trained = world.train(&[]).expect_success();
    assert!(
        trained.stderr.contains("are two names of one number"),
        "{}",
        trained.stderr
    );
    world.write(
        "new.csv",
        table(&["01234", "1234", "007", "7", "1e2", "100"]),
    );
    let judged = world.kiln(&EVAL).expect_success();
    let classes = &judged.json()[0]["classes"];
    assert_eq!(*classes, json!(["007", "7", "100", "1e2", "01234", "1234"]));
    world.write("new.csv", table(&["7.0"]));
    let message = world.kiln(&EVAL).expect_failure().stderr;
    assert!(message.contains("several classes as a number"), "{message}");
    world
        .kiln(&[&EVAL[..], &["--numeric-labels"]].concat())
        .expect_failure();
}

/// Pandas writes a column of whole numbers with missing ones among them as 1.0.
#[test]
fn a_label_that_is_a_class_as_a_number_only_needs_a_flag() {
    let world = world(&["0", "1"]);
    world.train(&[]).expect_success();
    world.write("new.csv", table(&["0.0", "1.0"]));
    let message = world.kiln(&EVAL).expect_failure().stderr;
    for part in [
        "line 2",
        "\"0.0\"",
        "the class \"0\"",
        "--numeric-labels",
        "data.numeric_labels",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let judged = world
        .kiln(&[&EVAL[..], &["--numeric-labels"]].concat())
        .expect_success();
    assert_eq!(judged.json()[0]["classes"], json!(["0", "1"]));
    // The same between training and validation files.
    world.write(
        "split.toml",
        world
            .read("experiment.toml")
            .replace("valid_fraction = 0.2", "valid = \"new.csv\""),
    );
    let train = [
        "train",
        "--config",
        "split.toml",
        "--device",
        "cpu",
        "--no-audit",
        "--out",
        "split",
    ];
    let message = world.kiln(&train).expect_failure().stderr;
    assert!(message.contains("data.numeric_labels"), "{message}");
    world
        .kiln(&[&train[..], &["--set", "data.numeric_labels=true"]].concat())
        .expect_success();
    let model = [
        "eval",
        "--model",
        "split/best.safetensors",
        "--data",
        "new.csv",
    ];
    world.kiln(&model).expect_success();
}

/// Where classes have names, archives may hold their numbers; where they are numbers themselves, 1 is not the second.
#[test]
fn a_number_in_an_archive_is_no_place_among_classes_that_are_numbers() {
    let world = World::colours();
    for number in 0..6u8 {
        world.image(&format!("photos/3/{number}.png"), [20, 40, 220], number);
        world.image(
            &format!("photos/5/{number}.png"),
            [220, 40, 20],
            number + 50,
        );
        world.image(&format!("other/1/{number}.png"), [220, 40, 20], number + 99);
    }
    let sets = [
        "--set",
        "data.train=photos",
        "--set",
        "data.valid=photos",
        "--set",
        "train.epochs=1",
        "--no-audit",
    ];
    world.train(&sets).expect_success();
    for (folder, fits) in [("photos", true), ("other", false)] {
        let archive = format!("{folder}.tar");
        let mut tar = std::process::Command::new("tar");
        tar.arg("-cf")
            .arg(world.path(&archive))
            .arg("-C")
            .arg(world.path(folder))
            .arg(".");
        assert!(tar.status().expect("tar runs").success());
        let judged = world.kiln(&[
            "eval",
            "--model",
            "run/best.safetensors",
            "--data",
            &archive,
        ]);
        assert_eq!(
            judged.code == 0,
            fits,
            "{folder}: {}{}",
            judged.stdout,
            judged.stderr
        );
    }
}

/// Files of before names were compared as text have classes that are numbers where they can be.
#[test]
fn older_models_take_labels_as_they_did() {
    let world = world(&["0", "1"]);
    world.train(&[]).expect_success();
    world.write("new.csv", table(&["0.0", "01"]));
    let mut model = std::fs::read(world.path("run/best.safetensors")).unwrap();
    let cut = |model: &mut Vec<u8>, from: &str, to: &str| {
        let place = model
            .windows(from.len())
            .position(|part| part == from.as_bytes())
            .expect(from);
        model.splice(place..place + from.len(), to.bytes());
    };
    // As an older program wrote it: without this key, and without a checksum.
    let key = r#",\"numeric_labels\":false"#;
    cut(&mut model, key, &" ".repeat(key.len()));
    cut(&mut model, "kiln.checksum", "other.checked");
    std::fs::write(world.path("run/best.safetensors"), model).unwrap();
    world.kiln(&EVAL).expect_success();
}
