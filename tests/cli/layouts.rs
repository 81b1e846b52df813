//! Folders as people have them: `init`, `check`, `train`, `eval` and `predict` work at the first try, without a file
//! being edited.

use serde_json::Value;

use crate::world::{Run, World};

/// What five commands gave, one after the other.
pub struct Tried {
    pub init: Run,
    pub experiment: String,
    pub check: Value,
    pub train: Run,
    pub end: Value,
    pub eval: Value,
    pub predict: Run,
}

/// Runs the five commands: `init` with some arguments, then `eval` and `predict` on some data.
pub fn first_try(world: &World, init: &[&str], eval: &str, predict: &str) -> Tried {
    let init = world
        .kiln(&[&["init"], init, &["--out", "try.toml"]].concat())
        .expect_success();
    let check = world
        .kiln(&["check", "--config", "try.toml", "--json"])
        .expect_success();
    let train = world
        .kiln(&[
            "train",
            "--config",
            "try.toml",
            "--device",
            "cpu",
            "--out",
            "run",
            "--json",
            "--set",
            "train.epochs=2",
        ])
        .expect_success();
    let model = ["--model", "run/best.safetensors"];
    let eval = world
        .kiln(
            &[
                &["eval", "--json", "--device", "cpu", "--data"],
                &eval.split(' ').collect::<Vec<_>>()[..],
                &model[..],
            ]
            .concat(),
        )
        .expect_success();
    let predict = world
        .kiln(&[&["predict"], &model[..], &[predict]].concat())
        .expect_success();
    Tried {
        init,
        experiment: world.read("try.toml"),
        check: check.json().swap_remove(0),
        end: train.json().pop().expect("an end"),
        train,
        eval: eval.json().swap_remove(0),
        predict,
    }
}

const COLOURS: [[u8; 3]; 4] = [[20, 40, 200], [200, 40, 20], [30, 190, 40], [190, 180, 30]];

/// A world that is filled with pictures, all of them different.
pub struct Filled {
    pub world: World,
    count: u8,
}

impl Filled {
    pub fn new() -> Filled {
        Filled {
            world: World::empty(),
            count: 0,
        }
    }

    /// Pictures of a class, called by a pattern in which # is a number.
    pub fn class(&mut self, pattern: &str, class: usize, count: usize) -> &mut Filled {
        for number in 0..count {
            let name = pattern.replace('#', &number.to_string());
            self.count = self.count.wrapping_add(1);
            self.world.picture(&name, COLOURS[class], self.count);
        }
        self
    }

    /// Pictures of several classes, one folder a class below a folder.
    pub fn classes(&mut self, folder: &str, classes: &[&str], count: usize) -> &mut Filled {
        for (index, class) in classes.iter().enumerate() {
            self.class(&format!("{folder}/{class}/#.png"), index, count);
        }
        self
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item.as_str().expect("a text"))
        .collect()
}

fn counts(tried: &Tried) -> [u64; 3] {
    ["num_train", "num_valid", "num_test"].map(|key| tried.check[key].as_u64().expect("a count"))
}

#[test]
fn a_test_split_is_judged_once_as_eval_judges_it() {
    let mut filled = Filled::new();
    filled
        .classes("data/Training", &["a", "b"], 12)
        .classes("data/Testing", &["a", "b"], 6);
    let tried = first_try(
        &filled.world,
        &["data"],
        "data/Testing",
        "data/Testing/a/0.png",
    );
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(counts(&tried), [20, 4, 12]);
    assert!(
        tried.init.stderr.contains("Testing: the test at the end"),
        "{}",
        tried.init.stderr
    );
    let test = &tried.end["test"];
    assert_eq!(test["test_samples"], 12);
    for figure in ["loss", "accuracy", "f1"] {
        assert_eq!(
            test[&format!("test_{figure}")],
            tried.eval[figure],
            "{figure}: {test}"
        );
    }
    let kept: Value = serde_json::from_str(&filled.world.read("run/test.json")).expect("JSON");
    assert_eq!(&kept, test);
    // Nothing of it is in the history, by which the best epoch is chosen.
    assert!(!filled.world.read("run/history.jsonl").contains("test_"));
    let told = filled.world.kiln(&[
        "train",
        "--config",
        "try.toml",
        "--device",
        "cpu",
        "--out",
        "again",
        "--set",
        "train.epochs=1",
    ]);
    assert!(
        told.expect_success()
            .stdout
            .contains("played no part in training")
    );
}

#[test]
fn a_flat_test_folder_is_no_class_and_no_split() {
    let mut filled = Filled::new();
    filled
        .classes("data", &["a", "b"], 8)
        .class("data/test/#.png", 0, 4);
    let tried = first_try(&filled.world, &["data"], "data", "data/test");
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(tried.predict.stdout.lines().count(), 4);
    assert!(
        tried
            .init
            .stdout
            .contains("kiln predict --model runs/data-1/best.safetensors data/test"),
        "{}",
        tried.init.stdout
    );
    assert_eq!(tried.eval["samples"], 16);

    for class in ["x", "y", "test"] {
        for number in 0..8 {
            let folder = if class == "test" { "test" } else { class };
            filled.world.write(
                &format!("texts/{folder}/{number}.txt"),
                format!("words of {class} {number}"),
            );
        }
    }
    filled.world.kiln(&["init", "texts"]).expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "texts.toml", "--json"])
        .expect_success();
    assert_eq!(strings(&check.json()[0]["classes"]), ["x", "y"]);

    let mut filled = Filled::new();
    filled
        .classes("data/train", &["a", "b"], 8)
        .class("data/test/#.png", 0, 4);
    let tried = first_try(&filled.world, &["data"], "data/train", "data/test");
    assert!(
        tried.experiment.contains("valid_fraction") && !tried.experiment.contains("valid ="),
        "{}",
        tried.experiment
    );
}

#[test]
fn splits_lie_under_all_kinds_of_names() {
    let cases = [
        ("dataset/train", "dataset/validation"),
        ("data/dataset/Train", "data/dataset/Val"),
        ("training_set", "validation_set"),
        ("Train_Images", "Valid_Images"),
        ("images/train", "images/holdout"),
        ("train/images", "dev/images"),
        ("flowers-train", "flowers-val"),
    ];
    for (train, valid) in cases {
        let mut filled = Filled::new();
        filled
            .classes(&format!("x/{train}"), &["a", "b"], 6)
            .classes(&format!("x/{valid}"), &["a", "b"], 2);
        filled.world.kiln(&["init", "x"]).expect_success();
        let check = filled
            .world
            .kiln(&["check", "--config", "x.toml", "--json"])
            .expect_success()
            .json()
            .swap_remove(0);
        assert_eq!(strings(&check["classes"]), ["a", "b"], "{train}");
        assert_eq!(
            (&check["num_train"], &check["num_valid"]),
            (&12.into(), &4.into()),
            "{train}"
        );
    }
}

#[test]
fn a_class_that_validation_lacks_is_told() {
    let mut filled = Filled::new();
    filled
        .classes("data/train", &["a", "b", "c"], 6)
        .classes("data/valid", &["a", "b"], 3);
    let tried = first_try(&filled.world, &["data"], "data/valid", "data/valid/a/0.png");
    assert!(
        tried
            .train
            .stderr
            .contains("data.valid has no picture of c"),
        "{}",
        tried.train.stderr
    );
    assert_eq!(strings(&tried.eval["classes"]), ["a", "b", "c"]);
    assert_eq!(tried.eval["per_class"]["c"]["samples"], 0);
    // A class that training lacks is still an error.
    std::fs::rename(
        filled.world.path("data/valid/b"),
        filled.world.path("data/valid/d"),
    )
    .expect("renamed");
    let told = filled
        .world
        .kiln(&["check", "--config", "try.toml"])
        .expect_failure()
        .stderr;
    assert!(told.contains("MISSING"), "{told}");
}

#[test]
fn a_class_of_one_picture_stays_in_training() {
    let mut filled = Filled::new();
    filled
        .classes("data", &["a", "b"], 8)
        .classes("data", &["c"], 1);
    let tried = first_try(&filled.world, &["data"], "data", "data/c/0.png");
    assert!(
        tried.train.stderr.contains("no picture of c"),
        "{}",
        tried.train.stderr
    );
}

#[test]
fn leaks_are_counted_in_pictures() {
    let mut filled = Filled::new();
    filled
        .classes("l/train", &["a", "b"], 8)
        .classes("l/valid", &["a", "b"], 2);
    let leaked = std::fs::read(filled.world.path("l/train/a/0.png")).expect("a picture");
    for name in (0..8)
        .map(|n| format!("l/train/a/copy{n}.png"))
        .chain(["l/valid/a/v.png".to_string()])
    {
        filled.world.write(&name, &leaked);
    }
    let told = filled.world.kiln(&["audit", "l"]).expect_failure().stdout;
    assert!(
        told.contains("1 validation picture is also in training (of 5)"),
        "{told}"
    );
    let found = filled
        .world
        .kiln(&["audit", "l", "--json"])
        .expect_failure()
        .json()
        .swap_remove(0);
    assert_eq!(found["leaks"], 1, "{found}");
}

#[test]
fn copies_stay_on_one_side_of_a_split_by_chance() {
    let mut filled = Filled::new();
    filled.classes("u", &["a", "b"], 10);
    for class in ["a", "b"] {
        for number in 0..10 {
            let bytes = std::fs::read(filled.world.path(format!("u/{class}/{number}.png")))
                .expect("a picture");
            filled
                .world
                .write(&format!("u/{class}/{number} copy.png"), bytes);
        }
    }
    let tried = first_try(&filled.world, &["u"], "u", "u/a/0.png");
    assert!(
        !tried.train.stderr.contains("also in training"),
        "{}",
        tried.train.stderr
    );
    assert_eq!(counts(&tried), [32, 8, 0]);
    assert!(
        tried
            .train
            .stderr
            .contains("20 copies of other pictures stay"),
        "{}",
        tried.train.stderr
    );
}

#[test]
fn look_alikes_are_moved_to_one_side() {
    let mut filled = Filled::new();
    filled.classes("u", &["a", "b"], 10);
    for class in ["a", "b"] {
        for number in 0..10 {
            // The same pixels in another file.
            let picture = image::open(filled.world.path(format!("u/{class}/{number}.png")))
                .expect("a picture");
            picture
                .save(filled.world.path(format!("u/{class}/{number}.bmp")))
                .expect("saved");
        }
    }
    let tried = first_try(&filled.world, &["u"], "u", "u/a/0.png");
    let moved = "moved to the other side of the split by chance, so that copies and look-alikes";
    assert!(tried.train.stderr.contains(moved), "{}", tried.train.stderr);
    let again = filled.world.kiln(&[
        "train",
        "--config",
        "try.toml",
        "--device",
        "cpu",
        "--out",
        "again",
        "--set",
        "train.epochs=2",
        "--json",
    ]);
    let again = again.expect_success();
    let best = |run: &Run| run.json().pop().expect("an end")["best"]["valid_loss"].clone();
    assert_eq!(best(&again), best(&tried.train), "the same split again");
}

#[test]
fn what_systems_put_into_folders_is_no_class() {
    let mut filled = Filled::new();
    filled
        .classes("hidden", &["a", "b"], 8)
        .classes("hidden/__MACOSX", &["a"], 2);
    filled.class("hidden/@eaDir/#.png", 0, 2).class(
        "hidden/.ipynb_checkpoints/#-checkpoint.png",
        0,
        1,
    );
    filled.class("hidden/.git/#.png", 0, 1);
    filled.world.write("hidden/a/Thumbs.db", "x");
    filled.world.write("hidden/b/._1.png", "x");
    let tried = first_try(&filled.world, &["hidden"], "hidden", "hidden/a/0.png");
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(tried.eval["samples"], 16);
}

fn labelled_by(filled: &mut Filled, table: &str, rows: impl Fn(usize, &str) -> String) {
    filled
        .class("x/images/c00#.png", 0, 8)
        .class("x/images/d00#.png", 1, 8);
    let mut text = table.to_string();
    for (class, letter) in ["c", "d"].iter().enumerate() {
        for number in 0..8 {
            text.push_str(&rows(class, &format!("{letter}00{number}")));
        }
    }
    filled.world.write("x/labels.csv", text);
}

#[test]
fn labels_stand_in_a_table_beside_the_images() {
    for (ending, init) in [(".png", "x/labels.csv"), ("", "x")] {
        let mut filled = Filled::new();
        labelled_by(&mut filled, "filename,label\n", |class, name| {
            format!("{name}{ending},{}\n", ["cat", "dog"][class])
        });
        let target = if init == "x" {
            vec![init]
        } else {
            vec![init, "--target", "label"]
        };
        let tried = first_try(&filled.world, &target, "x/labels.csv", "x/images/c000.png");
        assert_eq!(strings(&tried.check["classes"]), ["cat", "dog"]);
        assert_eq!(tried.eval["samples"], 16);
        assert!(
            tried.predict.stdout.contains("x/images/c000.png\t"),
            "{}",
            tried.predict.stdout
        );
    }
}

#[test]
fn images_without_a_row_and_rows_without_an_image_are_told() {
    let mut filled = Filled::new();
    labelled_by(
        &mut filled,
        "filename,label\ngone.png,cat\n",
        |class, name| {
            if name == "c000" {
                String::new()
            } else {
                format!("{name}.png,{}\n", ["cat", "dog"][class])
            }
        },
    );
    let told = filled
        .world
        .kiln(&["init", "x/labels.csv", "--target", "label"])
        .expect_success()
        .stderr;
    assert!(
        told.contains("a row of the labels without an image: gone.png"),
        "{told}"
    );
    assert!(
        told.contains("an image of which no row of the labels speaks: c000.png"),
        "{told}"
    );
}

#[test]
fn several_labels_stand_in_one_field_or_in_columns() {
    let mut filled = Filled::new();
    labelled_by(&mut filled, "image,tags\n", |class, name| {
        let more = if name.ends_with(['1', '5']) {
            "|sky"
        } else {
            ""
        };
        format!("{name},{}{more}\n", ["sea", "sun"][class])
    });
    let tried = first_try(
        &filled.world,
        &["x/labels.csv", "--target", "tags"],
        "x/labels.csv",
        "x/images/c000.png",
    );
    assert_eq!(
        (&tried.check["task"], strings(&tried.check["targets"])),
        (&"labels".into(), vec!["sea", "sky", "sun"])
    );
    assert!(tried.eval["per_label"]["sky"].is_object(), "{}", tried.eval);

    let mut filled = Filled::new();
    labelled_by(&mut filled, "image,sea,sun,sky\n", |class, name| {
        format!(
            "{name},{},{},{}\n",
            1 - class,
            class,
            u8::from(name.ends_with('3'))
        )
    });
    let tried = first_try(
        &filled.world,
        &["x/labels.csv"],
        "x/labels.csv",
        "x/images/c000.png",
    );
    assert_eq!(
        (&tried.check["task"], strings(&tried.check["targets"])),
        (&"labels".into(), vec!["sea", "sky", "sun"])
    );
}

#[test]
fn a_column_says_the_split() {
    let mut filled = Filled::new();
    labelled_by(&mut filled, "image,label,split\n", |class, name| {
        let split = match &name[3..] {
            "0" => "test",
            "1" | "2" => "val",
            _ => "train",
        };
        format!("{name},{},{split}\n", ["cat", "dog"][class])
    });
    let tried = first_try(
        &filled.world,
        &["x/labels.csv", "--target", "label"],
        "x/labels.csv",
        "x/images/c000.png",
    );
    assert_eq!(counts(&tried), [10, 4, 2]);
    assert_eq!(tried.eval["samples"], 2, "the test rows");
    assert_eq!(tried.end["test"]["test_loss"], tried.eval["loss"]);
}

#[test]
fn the_class_stands_in_the_files_names() {
    let mut filled = Filled::new();
    filled
        .class("x/train/cat.#.png", 0, 10)
        .class("x/train/dog.#.png", 1, 10);
    let tried = first_try(&filled.world, &["x"], "x/train", "x/train/cat.0.png");
    assert_eq!(strings(&tried.check["classes"]), ["cat", "dog"]);
    assert!(
        tried
            .init
            .stderr
            .contains("told from the files' names by \"{label}.#\""),
        "{}",
        tried.init.stderr
    );
    let mut filled = Filled::new();
    filled
        .class("x/2020-cat-a#.png", 0, 6)
        .class("x/2020-dog-b#.png", 1, 6);
    let tried = first_try(
        &filled.world,
        &["x", "--label-pattern", "#-{label}-*"],
        "x",
        "x",
    );
    assert_eq!(strings(&tried.check["classes"]), ["cat", "dog"]);
    let told = filled
        .world
        .kiln(&["init", "x", "--label-pattern", "{label}-z*"])
        .expect_failure()
        .stderr;
    assert!(told.contains("gives no class of the images"), "{told}");
}

#[test]
fn one_list_a_class_says_the_classes() {
    let mut filled = Filled::new();
    filled
        .class("x/images/#0.png", 0, 8)
        .class("x/images/#1.png", 1, 8);
    let list = |end: &str| {
        (0..8)
            .map(|n| format!("{n}{end}.png\n"))
            .collect::<String>()
    };
    filled.world.write("x/cats.txt", list("0"));
    filled.world.write("x/dogs.txt", list("1"));
    let tried = first_try(
        &filled.world,
        &["x"],
        "x/images --labels x/cats.txt --labels x/dogs.txt",
        "x/images/00.png",
    );
    assert_eq!(strings(&tried.check["classes"]), ["cats", "dogs"]);
}

#[test]
fn what_is_no_data_says_what_is_there_and_what_to_do() {
    let world = World::empty();
    std::fs::create_dir(world.path("empty")).expect("a folder");
    world.write("videos/a.mp4", "x");
    world.write("papers/a.pdf", "%PDF-1.5");
    world.write("packed/photos.zip", "PK");
    world.picture("one.png", [1, 2, 3], 1);
    for number in 0..4 {
        world.picture(&format!("plain/IMG_{number}.png"), [9, 9, 9], number);
    }
    for (path, expected) in [
        ("empty", "is empty"),
        ("videos", "is a video: save some of its frames"),
        ("papers", "is a PDF: convert"),
        ("packed", "is packed: unpack it"),
        ("packed/photos.zip", "is packed: unpack it"),
        ("one.png", "is one image"),
        ("plain", "--label-pattern"),
        ("nowhere", "there is no"),
    ] {
        let told = world.kiln(&["init", path]).expect_failure().stderr;
        assert!(told.contains(expected), "{path}: {told}");
    }
    // Nothing was written on the way.
    assert!(
        std::fs::read_dir(world.path(""))
            .expect("a folder")
            .flatten()
            .all(|e| e.path().extension() != Some("toml".as_ref()))
    );
}

#[test]
fn audit_of_a_folder_with_nothing_usable_fails() {
    let world = World::empty();
    for name in ["d/a/1.png", "d/b/1.png"] {
        world.write(name, "no picture");
    }
    let told = world.kiln(&["audit", "d"]).expect_failure();
    assert!(
        told.stdout.contains("no picture can be used"),
        "{}",
        told.stdout
    );
}

#[test]
fn init_takes_keys_and_they_hold_from_the_start() {
    let mut filled = Filled::new();
    filled.classes("x", &["a", "b", "junk"], 6);
    let sets = [
        "init",
        "x",
        "--set",
        "data.exclude=[\"junk\"]",
        "--set",
        "train.epochs=3",
        "--set",
        "data.valid_fraction=0.5",
    ];
    filled.world.kiln(&sets).expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "x.toml", "--json"])
        .expect_success()
        .json()
        .swap_remove(0);
    assert_eq!(strings(&check["classes"]), ["a", "b"]);
    assert_eq!(check["num_valid"], 6);
    assert!(filled.world.read("x.toml").contains("epochs = 3"));
}

#[test]
fn runs_in_the_folder_of_the_data_are_no_class() {
    let mut filled = Filled::new();
    filled.classes(".", &["a", "b"], 8);
    filled
        .world
        .kiln(&["init", ".", "--out", "x.toml"])
        .expect_success();
    let train = [
        "train",
        "--config",
        "x.toml",
        "--device",
        "cpu",
        "--set",
        "train.epochs=1",
    ];
    filled.world.kiln(&train).expect_success();
    filled.world.kiln(&train).expect_success();
    filled
        .world
        .kiln(&["init", ".", "--out", "y.toml"])
        .expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "y.toml", "--json"])
        .expect_success()
        .json()
        .swap_remove(0);
    assert_eq!(strings(&check["classes"]), ["a", "b"]);
}
