//! Delimiters, quotes, comments, and tables without a header.

use super::{first_try, starter, world_of};
use crate::support::table::{drawn, rows};
use crate::support::world::holds;

#[test]
fn iris_without_a_header() {
    let text = rows(90, |row| {
        let kind = row % 3;
        let [a, b, c] = [0, 1, 2].map(|column| drawn(row, column, 10) as f64 / 10.0 + kind as f64);
        format!(
            "{a:.1},{b:.1},{c:.1},Iris-{}",
            ["setosa", "versicolor", "virginica"][kind]
        )
    });
    let world = world_of("iris.data", text);
    let [init, check] = first_try(&world, "iris.data", &["--target", "last"]);
    holds(&init.stderr, &["has no header", "column_1 to column_4"]);
    holds(&check.stdout, &["column_3", "Iris-setosa"]);
    holds(
        &starter(&world),
        &["header = false", "target = \"column_4\""],
    );
    // By position: the same number of columns, or all but the target.
    world.write("bare.csv", "1.2,2.1,0.3\n2.2,2.5,2.0\n");
    let model = ["predict", "--model", "run/best.safetensors"];
    let bare = world
        .kiln(&[&model[..], &["bare.csv"]].concat())
        .expect_success();
    assert_eq!(bare.stdout.lines().count(), 2);
    world.write("wide.csv", "1,2,3,4,5\n1,2,3,4,5\n");
    let wide = world
        .kiln(&[&model[..], &["wide.csv"]].concat())
        .expect_failure();
    holds(&wide.stderr, &["wide.csv", "has 5 columns, expected 4"]);
    let judged = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "bare.csv",
    ];
    holds(
        &world.kiln(&judged).expect_failure().stderr,
        &["has 3 columns, expected 4"],
    );
}

#[test]
fn columns_are_named_by_number_and_the_first_line_as_the_user_says() {
    let text = rows(40, |row| {
        format!("{},{},{}", row % 7, drawn(row, 1, 50), drawn(row, 2, 2))
    });
    let world = world_of("t.csv", &text);
    first_try(&world, "t.csv", &["--target", "2", "--no-header"]);
    holds(&starter(&world), &["target = \"column_2\""]);
    let world = world_of("t.csv", format!("1990,1991,1992\n{text}"));
    first_try(&world, "t.csv", &["--target", "1992", "--header"]);
    holds(&starter(&world), &["target = \"1992\""]);
}

#[test]
fn adult_with_blanks_behind_commas_and_question_marks() {
    let text = rows(120, |row| {
        let work = ["State-gov", "Private", "?", "Self-emp"][drawn(row, 0, 4)];
        let age = 20 + drawn(row, 1, 50);
        let income = if age > 45 { ">50K" } else { "<=50K" };
        format!("{age}, {work}, {}, {income}", 70_000 + drawn(row, 2, 9000))
    });
    let world = world_of("adult.data", text);
    let [init, check] = first_try(&world, "adult.data", &["--target", "4"]);
    holds(&init.stderr, &["has no header"]);
    holds(&check.stdout, &["<=50K", ">50K", "Private"]);
}

#[test]
fn auto_mpg_between_blanks_with_quoted_names() {
    let text = rows(80, |row| {
        let power = if row % 20 == 7 {
            "?".to_string()
        } else {
            format!("{}.0", 60 + drawn(row, 1, 150))
        };
        format!(
            "{:.1}   {}   {power:>6}      {}.\t\"car {} {}\"",
            10.0 + drawn(row, 2, 300) as f64 / 10.0,
            [4, 6, 8][row % 3],
            1600 + drawn(row, 3, 3000),
            drawn(row, 4, 9),
            row
        )
    });
    let world = world_of("auto-mpg.data", text);
    let [init, check] = first_try(&world, "auto-mpg.data", &["--target", "1"]);
    holds(
        &init.stderr,
        &["has blanks between its columns", "has no header"],
    );
    holds(
        &check.stdout,
        &["predicts column_1 from 64 samples", "column_3"],
    );
    holds(&starter(&world), &["delimiter = \"whitespace\""]);
}

#[test]
fn bank_marketing_in_quotes_between_semicolons() {
    let mut text = String::from("\"age\";\"job\";\"balance\";\"y\"\n");
    text += &rows(80, |row| {
        let job = ["admin.", "technician", "unknown"][drawn(row, 1, 3)];
        format!(
            "{};\"{job}\";{};\"{}\"",
            20 + drawn(row, 0, 60),
            drawn(row, 2, 5000),
            ["no", "yes"][row % 2]
        )
    });
    let world = world_of("bank.csv", text);
    let [_, check] = first_try(&world, "bank.csv", &["--target", "y"]);
    holds(&check.stdout, &["category: admin., technician, unknown"]);
}

#[test]
fn comments_are_no_rows() {
    let text = String::from("# made by hand\n# in 2020\na,b,y\n")
        + &rows(40, |row| {
            format!("{},{},{}", drawn(row, 1, 99), row % 6, ["u", "v"][row % 2])
        });
    let world = world_of("t.csv", text);
    let [init, _] = first_try(&world, "t.csv", &["--target", "y"]);
    holds(&init.stderr, &["2 lines of comments"]);
    let text = String::from("% a b y\n")
        + &rows(40, |row| {
            format!("  {}  {}   {}", drawn(row, 1, 99), row % 6, row % 2)
        });
    let world = world_of("t.dat", text);
    first_try(&world, "t.dat", &["--target", "3"]);
}

#[test]
fn quotes_that_close_nothing_are_signs_like_others() {
    let mut text = String::from("label\ttext\nham\t\"quoting without an end\n");
    text += &rows(40, |row| match row % 2 {
        0 => format!("ham\tsee you at lunch {row}"),
        _ => format!("spam\tfree \"prize\" number {row} now"),
    });
    let world = world_of("t.tsv", text);
    let [init, _] = first_try(&world, "t.tsv", &["--target", "label"]);
    holds(&init.stderr, &["quotes that close nothing"]);
    holds(&init.stdout, &["41 rows"]);
}

#[test]
fn rows_that_a_quote_swallows_are_named_where_quotes_are_meant() {
    let mut text = String::from("y\tnote\tlong\n");
    text += &rows(30, |row| format!("{}\tgood {row}\t\"a, b\tc\"", row % 2));
    text += "0\t\"no end\tx\n1\tnext\ty\n0\tlast\" one\tz\n";
    let world = world_of("t.tsv", text);
    let init = ["init", "t.tsv", "--target", "y", "--out", "e.toml"];
    holds(
        &world.kiln(&init).stderr,
        &["a quote that makes lines 32 to 34 one row"],
    );
}
