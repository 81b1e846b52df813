//! Tables: from a CSV to a trained net, its figures and its predictions; what is wrong with a table.

mod embedded;

use crate::support::world::{World, refused};

/// 120 rows: the price follows from size and place; a few sizes are missing.
fn houses() -> String {
    let mut text = String::from("id,size,place,note,price\n");
    for row in 0..120 {
        let size = 20 + row * 7 % 90;
        let place = ["hill", "lake", "town"][row % 3];
        let price = 1000 * size + 20_000 * (row % 3) + 137 * (row * 31 % 7);
        let size = if row % 17 == 5 {
            String::new()
        } else {
            size.to_string()
        };
        text.push_str(&format!(
            "{row},{size},{place},\"said \"\"{row}\"\", sold\",{price}\n"
        ));
    }
    text
}

const EXPERIMENT: &str = r#"name = "houses"
seed = 3

[data]
kind = "csv"
train = "houses.csv"
valid_fraction = 0.2
target = "price"

[model]
layers = [{ dense = { units = 1 } }]

[train]
epochs = 60
batch_size = 8
loss = "mse"
optimizer = { adam = { learning_rate = 0.05 } }
"#;

fn world(table: &str) -> World {
    let world = World::empty();
    world.write("houses.csv", table);
    world.write("experiment.toml", EXPERIMENT);
    world
}

#[test]
fn numbers_are_learned_judged_and_predicted_in_their_own_units() {
    let world = world(&houses());
    let trained = world.train(&["--json"]).expect_success();
    let last = trained.json().pop().unwrap();
    assert!(last["best"]["valid_r2"].as_f64().unwrap() > 0.9, "{last}");
    assert!(
        last["best"]["valid_mae"].as_f64().unwrap() > 100.0,
        "{last}"
    );
    assert!(last["best"].get("train_accuracy").is_none(), "{last}");
    let model = "run/best.safetensors";
    let judged = world
        .kiln(&["eval", "--model", model, "--data", "houses.csv", "--json"])
        .expect_success();
    assert!(
        judged.stderr.contains("size 7 missing"),
        "{}",
        judged.stderr
    );
    assert!(judged.json()[0]["r2"].as_f64().unwrap() > 0.9);
    // Other order of columns, one more, no target, a place that was never seen.
    world.write("new.csv", "place,extra,size\nlake,x,50\nmoon,y,50\n");
    let rows = world
        .kiln(&["predict", "--model", model, "new.csv", "--json"])
        .expect_success()
        .json();
    let price = rows[0]["predicted"]["price"].as_f64().unwrap();
    assert!((price - 70_000.0).abs() < 15_000.0, "{price}");
    assert_eq!(rows[0]["line"], 2);
    assert_eq!(rows.len(), 2);
    let mut piped = world.command(&["predict", "--model", model, "-"]);
    let file = std::fs::File::open(world.path("new.csv")).unwrap();
    let piped = piped.stdin(file).output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(piped.starts_with("-:2\tprice\t"), "{piped}");
}

#[test]
fn roles_are_shown_and_may_be_chosen() {
    let world = world(&houses());
    let checked = world
        .kiln(&["check", "--config", "experiment.toml"])
        .expect_success();
    for part in [
        "id      ignored: numbers the rows",
        "size    numeric, mean",
        "category: hill, lake, town",
        "note    ignored: too many different values",
        "predicts price from 96 samples, validated on 24",
    ] {
        assert!(
            checked.stdout.contains(part),
            "{part:?}:\n{}",
            checked.stdout
        );
    }
    let chosen = world
        .kiln(&[
            "check",
            "--config",
            "experiment.toml",
            "--set",
            "data.columns={ size = { scale = \"min_max\", impute = \"median\", indicator = true }, \
             place = \"ignore\", note = \"text\" }",
            "--set",
            "data.scale=standardise",
        ])
        .expect_success();
    assert!(chosen.stdout.contains("become 0 to 1"), "{}", chosen.stdout);
    assert!(chosen.stdout.contains("text: "), "{}", chosen.stdout);
}

#[test]
fn rows_that_do_not_fit_into_the_memory_give_the_same_bits() {
    let world = world(&houses());
    let model = |name: &str, more: &[&str]| {
        let mut arguments = vec!["--set", "train.epochs=3", "--out", name];
        arguments.extend(more);
        world.train_into(&arguments).expect_success();
        std::fs::read(world.path(format!("{name}/last.safetensors"))).unwrap()
    };
    let in_memory = model("a", &[]);
    assert!(in_memory == model("b", &["--set", "data.cache_memory=\"0 B\""]));
}

#[test]
fn classes_labels_and_several_numbers() {
    let mut text = String::from("a,b,kind,x,y\n");
    for row in 0..60 {
        let (a, b) = (row % 10, row * 7 % 11);
        let kind = if a > 4 { "big" } else { "small" };
        text.push_str(&format!(
            "{a},{b},{kind},{},{}\n",
            u8::from(a > 4),
            u8::from(b > 5)
        ));
    }
    let world = world(&text);
    let train = |target: &str, loss: &str, units: usize, run: &str| {
        let sets = [
            format!("data.target={target}"),
            format!("train.loss=\"{loss}\""),
            format!("model.layers=[{{ dense = {{ units = {units} }} }}]"),
        ];
        let ignore = "data.columns={ x = \"ignore\", y = \"ignore\", kind = \"ignore\" }";
        let mut arguments = vec!["--json", "--out", run, "--no-audit"];
        for set in &sets {
            arguments.extend(["--set", set]);
        }
        if !target.contains("kind") {
            arguments.extend(["--set", "data.columns={ kind = \"ignore\" }"]);
        } else {
            arguments.extend(["--set", ignore.trim_end_matches(", kind = \"ignore\" }")]);
            arguments.pop();
            arguments.push("data.columns={ x = \"ignore\", y = \"ignore\" }");
        }
        world
            .train_into(&arguments)
            .expect_success()
            .json()
            .pop()
            .unwrap()
    };
    let classes = train("\"kind\"", "binary_cross_entropy", 1, "classes");
    assert!(
        classes["best"]["valid_accuracy"].as_f64().unwrap() > 0.9,
        "{classes}"
    );
    assert_eq!(classes["classes"], serde_json::json!(["big", "small"]));
    let labels = train("[\"x\", \"y\"]", "binary_cross_entropy", 2, "labels");
    assert!(
        labels["best"]["valid_f1_macro"].as_f64().unwrap() > 0.9,
        "{labels}"
    );
    let numbers = train("[\"a\", \"b\"]", "mse", 2, "numbers");
    assert!(numbers["best"]["valid_r2"].is_number(), "{numbers}");
    world.write("one.csv", "a,b\n9,1\n");
    let said = world
        .kiln(&[
            "predict",
            "--model",
            "labels/best.safetensors",
            "one.csv",
            "--json",
        ])
        .expect_success()
        .json();
    assert!(
        said[0]["probabilities"]["x"].as_f64().unwrap() > 0.5,
        "{said:?}"
    );
}

#[test]
fn a_run_on_a_table_goes_on_as_if_it_had_never_stopped() {
    let world = world(&houses());
    world
        .train_into(&["--out", "whole", "--set", "train.epochs=6"])
        .expect_success();
    world
        .train_into(&["--out", "part", "--set", "train.epochs=2"])
        .expect_success();
    let resumed = [
        "train",
        "--resume",
        "part",
        "--set",
        "train.epochs=6",
        "--device",
        "cpu",
    ];
    world.kiln(&resumed).expect_success();
    let read = |name: &str| std::fs::read(world.path(format!("{name}/last.safetensors"))).unwrap();
    assert!(read("whole") == read("part"));
}

#[test]
fn what_is_wrong_with_a_table_is_reported_with_file_line_and_column() {
    let whole = houses();
    let check = |table: &str, more: &[&str]| {
        let mut arguments = vec!["check", "--config", "experiment.toml"];
        arguments.extend(more);
        world(table).kiln(&arguments)
    };
    let with = |line: &str| format!("{whole}{line}\n");
    refused(
        check(&with("121,5,hill,x"), &[]),
        &[
            "houses.csv line 122: has 4 fields, expected 5",
            "experiment.toml:6",
        ],
    );
    refused(
        check(&with("121,large,hill,x,5"), &[]),
        &[
            "column \"size\" holds numbers, but \"large\" in houses.csv, line 122",
            "data.missing",
        ],
    );
    refused(
        check(&with("121,inf,hill,x,5"), &[]),
        &["column \"size\" is \"inf\" in houses.csv, line 122, expected a finite number"],
    );
    refused(
        check(
            &with("121,5,hill,x,dear"),
            &["--set", "data.task=\"regression\""],
        ),
        &["\"dear\" in houses.csv, line 122 is no number"],
    );
    refused(
        check(&whole, &["--set", "data.target=\"prize\""]),
        &["names the column \"prize\"", "did you mean `price`"],
    );
    refused(
        check(&whole, &["--set", "data.columns={ sise = \"ignore\" }"]),
        &["data.columns.sise", "did you mean `size`"],
    );
    refused(
        check(
            &whole,
            &["--set", "data.columns={ place = { scale = \"none\" } }"],
        ),
        &["data.columns.place.scale is for numbers; place is category"],
    );
    refused(check("", &[]), &["is empty (0 bytes)"]);
    refused(check("id,size,place,note,price\n", &[]), &["has no rows"]);
    refused(check("a,a\n1,2\n", &[]), &["names two columns \"a\""]);
    refused(check("PK\x03\x04", &[]), &["export it as CSV"]);
    refused(
        check(&whole, &["--set", "preprocess.divide_by=255"]),
        &["preprocess is for pixel values", "data.scale"],
    );
    refused(
        check(&whole, &["--set", "train.loss=\"binary_cross_entropy\""]),
        &["is for classes, the targets are numbers (price); use loss = \"mse\""],
    );
    // NaN is a missing value, and rows without a target are left out by name.
    let odd = with("121,NaN,hill,x,5\n122,5,hill,x,");
    let checked = check(&odd, &[]).expect_success();
    assert!(
        checked.stdout.contains("1: has no target: ")
            && checked.stdout.contains("houses.csv, line 123"),
        "{}",
        checked.stdout
    );
}

#[test]
fn a_category_never_seen_may_be_an_error() {
    let world = world(&houses());
    world
        .train(&["--set", "train.epochs=1", "--set", "data.unseen=\"error\""])
        .expect_success();
    world.write("new.csv", "size,place\n5,moon\n5,lake\n");
    let run = world.kiln(&["predict", "--model", "run/best.safetensors", "new.csv"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    let expected = "new.csv:2: column \"place\" is \"moon\", which training did not have";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    refused(
        {
            world.write("short.csv", "place\nlake\n");
            world.kiln(&["predict", "--model", "run/best.safetensors", "short.csv"])
        },
        &["short.csv has no column \"size\"; it has place"],
    );
}

#[test]
fn the_audit_finds_copies_and_columns_that_give_the_target_away() {
    let mut table = houses();
    table = table
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let price = line.rsplit(',').next().unwrap();
            let twice = price
                .parse::<f64>()
                .map_or("euros".into(), |p| (2.0 * p).to_string());
            format!("{line},{}\n", if i == 0 { "euros".into() } else { twice })
        })
        .collect();
    let world = world(&table);
    let audited = world
        .kiln(&["audit", "--config", "experiment.toml"])
        .expect_success();
    let expected =
        "1 column gives the target away:\n  euros: its correlation with price is 1.00000";
    assert!(audited.stdout.contains(expected), "{}", audited.stdout);
    let rows: Vec<&str> = table.lines().collect();
    world.write("valid.csv", [rows[0], rows[5], rows[6]].join("\n"));
    let sets = ["--set", "data.valid=valid.csv"];
    let leaking = [&["audit", "--config", "experiment.toml"], &sets[..]].concat();
    // Both splits cannot be given.
    refused(world.kiln(&leaking), &["is given beside `valid`"]);
    let text = EXPERIMENT.replace("valid_fraction = 0.2", "valid = \"valid.csv\"");
    world.write("experiment.toml", text);
    let audited = world
        .kiln(&["audit", "--config", "experiment.toml"])
        .expect_failure();
    let expected = "valid.csv, line 2 is houses.csv, line 6";
    assert!(audited.stdout.contains(expected), "{}", audited.stdout);
    refused(
        world.train(&[]),
        &["is not apart from data.train", expected],
    );
}

#[test]
fn ten_thousand_columns_are_read() {
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let mut text = names.join(",") + ",price\n";
    for row in 0..12 {
        let fields: Vec<String> = (0..10_000).map(|i| ((i * row) % 13).to_string()).collect();
        text.push_str(&format!("{},{}\n", fields.join(","), row * 3));
    }
    let world = world(&text);
    let arguments = [
        "check",
        "--config",
        "experiment.toml",
        "--set",
        "data.task=\"regression\"",
    ];
    let checked = world.kiln(&arguments).expect_success();
    assert!(
        checked.stdout.contains("more columns"),
        "{}",
        checked.stdout
    );
}

#[test]
fn predicting_counts_the_fields_that_were_filled_in() {
    let world = world(&houses());
    world.train(&["--set", "train.epochs=1"]).expect_success();
    world.write("new.csv", "size,place\n5,moon\n5,lake\n,moon\n");
    let run = world.kiln(&["predict", "--model", "run/best.safetensors", "new.csv"]);
    let message = run.expect_success().stderr;
    let expected = "fields of the rows filled in: size 1 missing; place 2 not seen in training";
    assert!(message.contains(expected), "{message}");
}
