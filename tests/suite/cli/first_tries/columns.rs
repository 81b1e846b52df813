//! Columns that say nothing, or everything.

use super::{first_try, starter, world_of};
use crate::support::table::{drawn, rows};
use crate::support::world::holds;

#[test]
fn identifiers_and_copies_of_the_target_are_left_out_and_named() {
    let mut text = String::from("record,code,height,length,twice,kind\n");
    let order: Vec<usize> = (0..60).map(|row| row * 37 % 60).collect();
    text += &rows(60, |row| {
        let height = 50.0 + drawn(row, 1, 100_000) as f64 / 1000.0;
        let kind = drawn(row, 2, 3);
        format!(
            "{},{},{height:.3},{}.{},{},{}",
            order[row] + 1,
            900 + kind,
            drawn(row, 3, 9),
            row,
            kind * 10,
            ["a", "b", "c"][kind]
        )
    });
    let world = world_of("t.csv", &text);
    let [init, _] = first_try(&world, "t.csv", &["--target", "kind"]);
    holds(
        &init.stderr,
        &[
            "record: the numbers 1 to 60, each in one row; left out",
            "code: a copy of kind",
            "twice: a copy of kind",
            "--set data.columns.twice=numeric keeps it",
        ],
    );
    let starter = starter(&world);
    holds(
        &starter,
        &[
            "record = \"ignore\"",
            "height = \"numeric\"",
            "length = \"numeric\"",
            "\"numeric\" keeps it",
        ],
    );
    // As it says.
    let kept = [
        "init",
        "t.csv",
        "--target",
        "kind",
        "--out",
        "kept.toml",
        "--set",
        "data.columns.twice=numeric",
    ];
    world.kiln(&kept).expect_success();
    holds(
        &std::fs::read_to_string(world.path("kept.toml")).unwrap(),
        &["twice = \"numeric\""],
    );
}

#[test]
fn sums_that_give_the_target_away_are_named_and_a_strong_predictor_stays() {
    let mut text = String::from("day,casual,registered,strong,count\n");
    text += &rows(60, |row| {
        let (casual, registered) = (drawn(row, 1, 300), drawn(row, 2, 900));
        let count = casual + registered;
        format!(
            "{},{casual},{registered},{},{count}",
            row % 7,
            count + drawn(row, 3, 120)
        )
    });
    let world = world_of("bikes.csv", text);
    let [init, _] = first_try(&world, "bikes.csv", &["--target", "count"]);
    holds(
        &init.stderr,
        &["casual and registered: give count away: it is their sum"],
    );
    holds(
        &starter(&world),
        &["strong = \"numeric\"", "casual = \"numeric\""],
    );
}

#[test]
fn a_single_column_that_says_all_is_still_learned_from() {
    let text = String::from("x,y\n") + &rows(40, |row| format!("{}.5,{}", row, 3 * row + 1));
    let world = world_of("line.csv", text);
    first_try(&world, "line.csv", &["--target", "y"]);
    holds(&starter(&world), &["x = \"numeric\""]);
}
