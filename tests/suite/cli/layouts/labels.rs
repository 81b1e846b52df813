//! Labels in tables, lists and file names.

use super::{Filled, counts, first_try, strings};

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
fn images_without_a_row_and_rows_without_an_image_are_reported() {
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
    let message = filled
        .world
        .kiln(&["init", "x/labels.csv", "--target", "label"])
        .expect_success()
        .stderr;
    assert!(
        message.contains("a row of the labels without an image: gone.png"),
        "{message}"
    );
    assert!(
        message.contains("an image of which no row of the labels speaks: c000.png"),
        "{message}"
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
    let message = filled
        .world
        .kiln(&["init", "x", "--label-pattern", "{label}-z*"])
        .expect_failure()
        .stderr;
    assert!(
        message.contains("gives no class of the images"),
        "{message}"
    );
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
