//! Names that hold anything: of columns, heads, classes and experiments.

use serde_json::{Value, json};

use crate::cli::resume::{assert_same, left};
use crate::support::world::World;

/// Columns that are embedded: each name is part of that of a tensor.
fn columns() -> Vec<String> {
    let long = "x".repeat(220);
    [
        "km/h",
        "ema",
        "adam.m",
        "model.0",
        "model.0.weight",
        "ema/model.0.weight",
        "adam.m/model.0.weight",
        "a.b",
        "quo\"te",
        "it's",
        "tab\tin",
        "new\nline",
        "back\\slash",
        "größe 😀",
        "[0]",
        "a=b",
        "{}",
        "#",
        "valid_loss",
        "__metadata__",
        &long,
    ]
    .map(str::to_string)
    .to_vec()
}

/// Heads: each name is part of that of its tensors and its figures. With `kind` and `kind_balanced` the latter have
/// dots; the first tensors of `a.0` are called as those of a block within `a`.
const HEADS: [&str; 9] = [
    "kind",
    "kind_balanced",
    "a",
    "a.0",
    "m/s",
    "swa",
    "Grad °\n\"C\"",
    "loss",
    "log",
];

const CLASSES: [&str; 6] = ["a/b", "new\nline", "q\"uote, comma", "01", "1", "ünï 😀"];

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

fn table() -> String {
    let names: Vec<String> = columns();
    let header = names.iter().map(String::as_str).chain(HEADS).map(quoted);
    let mut text = header.collect::<Vec<_>>().join(",") + "\n";
    for row in 0..60usize {
        let mixed = |place: usize| (row * 31 + place * 17 + row * row * 7) % 101;
        let inputs = (0..names.len()).map(|place| CLASSES[mixed(place) % 2 + place % 4]);
        let targets = (0..HEADS.len()).map(|place| match HEADS[place] {
            "m/s" => format!("{}.5", mixed(place)),
            _ => CLASSES[mixed(place) % CLASSES.len()].to_string(),
        });
        let fields = inputs
            .map(quoted)
            .chain(targets.map(|field| quoted(&field)));
        text += &(fields.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

fn experiment() -> Value {
    let embedded: Value = columns()
        .into_iter()
        .map(|name| (name, json!({"embedding": 2})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let block =
        json!([{"residual": {"layers": [{"dense": {"units": 8}}]}}, {"dense": {"units": 6}}]);
    let mut heads = serde_json::Map::new();
    let mut losses = serde_json::Map::new();
    for head in HEADS {
        let layers = match head {
            "m/s" => json!([{"dense": {"units": 1}}]),
            "a" => block.clone(),
            _ => json!([{"dense": {"units": 6}}]),
        };
        let loss = if head == "m/s" {
            "mse"
        } else {
            "sparse_categorical_cross_entropy"
        };
        heads.insert(head.into(), layers);
        losses.insert(head.into(), json!(loss));
    }
    json!({
        "name": format!("na/me \"x\"\n{}", "y".repeat(300)),
        "seed": 3,
        "data": {"kind": "csv", "train": "t.csv", "valid": "t.csv", "target": HEADS, "columns": embedded},
        "audit": {"leaks": "warn"},
        "model": {"layers": [{"dense": {"units": 8, "activation": "relu"}}], "heads": heads},
        "train": {"epochs": 2, "batch_size": 8, "loss": {"per_head": losses}, "ema": {},
            "optimizer": {"adam": {"learning_rate": 0.01}}, "monitor": "valid_m/s.r2",
            "early_stopping": {"patience": 9, "monitor": "valid_kind.balanced_accuracy"}},
    })
}

#[test]
fn any_name_survives_training_resuming_judging_and_answering() {
    let world = World::empty();
    world.write("t.csv", table());
    world.write("experiment.json", experiment().to_string());
    let train = ["train", "--config", "experiment.json", "--device", "cpu"];
    world
        .kiln(&[&train[..], &["--out", "alone"]].concat())
        .expect_success();
    let short = ["--set", "train.epochs=1", "--out", "run"];
    world
        .kiln(&[&train[..], &short[..]].concat())
        .expect_success();
    let more = ["train", "--resume", "run", "--set", "train.epochs=2"];
    world.kiln(&more).expect_success();
    assert_same(&left(&world, "run"), &left(&world, "alone"), "resumed");

    let last = left(&world, "run").history.pop().unwrap();
    for head in HEADS {
        let figure = &last[format!("valid_{head}.loss")];
        assert!(figure.is_f64(), "{head:?}: {last}");
    }
    for model in ["run/best.safetensors", "run/last.safetensors"] {
        let judged = world
            .kiln(&[
                "eval",
                "--model",
                model,
                "--data",
                "t.csv",
                "--json",
                "--predictions",
                "p.csv",
            ])
            .expect_success();
        let heads = judged.json()[0]["heads"].as_object().unwrap().clone();
        assert_eq!(heads.len(), HEADS.len());
        assert_eq!(
            heads["kind"]["classes"],
            json!(["01", "1", "a/b", "new\nline", "q\"uote, comma", "ünï 😀"])
        );
        let answered = world
            .kiln(&["predict", "--model", model, "t.csv", "--json"])
            .expect_success();
        let answers = answered.json();
        assert_eq!(answers.len(), 60);
        assert!(
            HEADS
                .iter()
                .all(|head| answers[0]["heads"].get(head).is_some()),
            "{}",
            answers[0]
        );
    }
    // Without --out the folder is named like the experiment, as far as file systems let it.
    world
        .kiln(&[&train[..], &["--set", "train.epochs=1"]].concat())
        .expect_success();
    let runs = std::fs::read_dir(world.path("runs")).unwrap();
    let names: Vec<_> = runs.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names[0].to_str().unwrap().starts_with("na_me__x__y"),
        "{names:?}"
    );
}

#[test]
fn flags_reach_keys_of_any_name() {
    let world = World::empty();
    world.write("t.csv", table());
    world.write("experiment.json", experiment().to_string());
    let check = |flag: &str| world.kiln(&["check", "--config", "experiment.json", "--set", flag]);
    for (flag, message) in [
        (
            r#"data.columns."km/h".embedding=-3"#,
            r#"data.columns."km/h".embedding is -3"#,
        ),
        (
            r#"data.columns."a=b".embedding=-3"#,
            r#"data.columns."a=b".embedding is -3"#,
        ),
        (
            r#"data.columns."quo\"te".embedding=-3"#,
            r#"data.columns."quo\"te".embedding is -3"#,
        ),
        (
            "data.columns.'it''s'.embedding=3",
            "where a dot is expected",
        ),
        (
            r#"data.columns."new\nline".embedding=-3"#,
            r#"data.columns."new\nline".embedding is -3"#,
        ),
        (
            "model.heads.'a.0'[0].dense.units=0",
            r#"model.heads."a.0"[0].dense.units is 0"#,
        ),
        (
            r#"data.columns."km/h.embedding=3"#,
            "quote that is not closed",
        ),
        ("data..columns=3", "empty key"),
        ("model.layers[x].dense=3", "expected an index such as [0]"),
    ] {
        let refused = check(flag).expect_failure();
        assert!(
            refused.stderr.contains(message),
            "{flag}: {}",
            refused.stderr
        );
    }
    check(r#"data.columns."km/h".embedding=3"#).expect_success();
    check("data.columns.km/h.embedding=3").expect_success();
}
