//! What is said where data cannot be used or a run should go on; splits that keep copies and rare classes right.

use super::{first_try, starter, world_of};
use crate::support::table::{drawn, rows};
use crate::support::world::{World, holds};

#[test]
fn rare_classes_and_copies_pass_their_own_check_and_training() {
    let mut text = String::from("a,b,cls\n");
    text += &rows(40, |row| {
        format!("{}.5,{},{}", row, row % 7, ["x", "y"][row % 2])
    });
    text += "99.5,1,z\n98.5,1,w\n97.5,2,w\n";
    // The same row several times in a small class.
    text += &"50.5,3,v\n".repeat(3);
    text += "51.5,4,v\n";
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "cls"]);
    holds(&check.stdout, &["of z there is one row only"]);
    for seed in ["2", "3", "4", "5"] {
        let seed = format!("seed={seed}");
        let audited = ["audit", "--config", "e.toml", "--set", &seed];
        let found = world.kiln(&audited).expect_success().stdout;
        assert!(!found.contains("also in training"), "{found}");
    }
}

#[test]
fn copies_of_text_files_go_to_one_side() {
    let world = World::empty();
    for row in 0..40 {
        let class = ["good", "bad"][row % 2];
        // One in four is a copy of another.
        let text = format!(
            "a {class} text, number {}",
            if row % 8 < 2 { row % 2 } else { row }
        );
        world.write(&format!("texts/{class}/{row}.txt"), text);
    }
    let experiment = "[data]\nkind = \"text-folder\"\ntrain = \"texts\"\nvalid_fraction = 0.3\n\n[model]\nlayers = \
                      [{ embedding = { dim = 4 } }, { global_max_pool = {} }, { dense = { units = 1 } }]\n\n[train]\n\
                      epochs = 1\nloss = \"binary_cross_entropy\"\noptimizer = { adam = { learning_rate = 0.01 } }\n";
    world.write("e.toml", experiment);
    for seed in 1..6 {
        let seed = format!("seed={seed}");
        let audited = ["audit", "--config", "e.toml", "--set", &seed];
        let found = world.kiln(&audited).expect_success().stdout;
        assert!(!found.contains("also in training"), "{found}");
    }
}

#[test]
fn dead_ends_say_what_is_there_and_what_to_run() {
    let world = world_of("data/sales.csv", "a,b\n1,2\n2,3\n");
    let message = |arguments: &[&str], parts: &[&str]| {
        holds(&world.kiln(arguments).expect_failure().stderr, parts)
    };
    message(
        &["init", "data/sale.csv"],
        &["there is no", "kiln init", "sales.csv"],
    );
    message(
        &["init", "data"],
        &["with tables: sales.csv", "kiln init data/sales.csv"],
    );
    world.write("dates.csv", "when\n2020-01-01\n2020-01-02\n2020-01-03\n");
    message(
        &["init", "dates.csv", "--target", "when"],
        &["\"when\" holds dates", "--target"],
    );
    message(
        &["init", "dates.csv"],
        &["which column", "of when", "dates, written year-month-day"],
    );
    world.write("same.csv", "a,b\n1,x\n1,x\n1,x\n");
    message(&["init", "same.csv", "--target", "b"], &["b"]);
    let useless = world.kiln(&["audit", "same.csv"]).expect_failure();
    holds(&useless.stdout, &["no column can be used"]);
    world.write("few.csv", "a,b\n1,x\n2,y\n3,z\n");
    message(&["init", "few.csv", "--target", "b"], &["one row only"]);
    world.write(
        "names.csv",
        String::from("who,y\n") + &rows(80, |row| format!("n{row},{}", row % 2)),
    );
    message(
        &["init", "names.csv", "--target", "y"],
        &[
            "who (too many different values)",
            "--set data.columns.NAME=category",
        ],
    );
    let chosen = [
        "init",
        "names.csv",
        "--target",
        "y",
        "--set",
        "data.columns.who=category",
    ];
    world.kiln(&chosen).expect_success();
    world
        .kiln(&["check", "--config", "names.toml"])
        .expect_success();
    world.write("broken.xlsx", "PK\x03\x04nothing");
    message(
        &["init", "broken.xlsx", "--target", "a"],
        &["broken.xlsx", "export it as CSV"],
    );
}

#[test]
fn a_training_that_should_go_on_says_so_and_goes_on() {
    let text = String::from("a,b,y\n")
        + &rows(60, |row| {
            format!(
                "{}.5,{}.25,{}",
                drawn(row, 1, 99),
                row % 6,
                7 * drawn(row, 1, 99) + row % 6
            )
        });
    let world = world_of("t.csv", text);
    world
        .kiln(&["init", "t.csv", "--target", "y", "--out", "e.toml"])
        .expect_success();
    holds(&starter(&world), &["early_stopping = { patience ="]);
    let train = [
        "train",
        "--config",
        "e.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=4",
    ];
    let trained = world.kiln(&train).expect_success();
    holds(
        &trained.stderr,
        &[
            "still improving",
            "kiln train --resume run --set train.epochs=8",
        ],
    );
    world
        .kiln(&["train", "--resume", "run", "--set", "train.epochs=8"])
        .expect_success();
    let one = [
        "train",
        "--config",
        "e.toml",
        "--out",
        "one",
        "--set",
        "train.epochs=1",
        "--set",
        "train.batch_size=1",
        "--set",
        "model.layers=[{ dense = { units = 4 } }, { batch_norm = {} }, { dense = { units = 1 } }]",
    ];
    holds(
        &world.kiln(&one).stderr,
        &["train.batch_size is 1, but batch_norm"],
    );
}
