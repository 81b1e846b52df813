//! Nets with several heads: a class and a number of the same rows, each with its layers, loss and figures.

use crate::cli::resume::{assert_same, left, left_alone};
use crate::support::world::{World, refused};

/// 120 rows: kind and price follow from the size.
fn animals() -> String {
    let mut text = String::from("size,weight,kind,price\n");
    for row in 0..120 {
        let size = row * 7 % 90;
        let kind = ["cat", "dog", "emu"][size / 30];
        let (weight, price) = (row * 31 % 17, 40 * size + 137 * (row * 31 % 7));
        text.push_str(&format!("{size},{weight},{kind},{price}\n"));
    }
    text
}

const EXPERIMENT: &str = r#"name = "animals"
seed = 3

[data]
kind = "csv"
train = "animals.csv"
valid_fraction = 0.25
target = ["kind", "price"]

[model]
layers = [{ dense = { units = 16, activation = "relu" } }]

[model.heads]
price = [{ dense = { units = 1 } }]
kind = [
  { dense = { units = 8, activation = "relu" } },
  { dense = { units = 3, activation = "softmax" } },
]

[train]
epochs = 40
batch_size = 8
loss = { per_head = { kind = "sparse_categorical_cross_entropy", price = { loss = "mse", weight = 0.5 } } }
optimizer = { adam = { learning_rate = 0.01 } }
monitor = "valid_kind_accuracy"
"#;

fn world() -> World {
    let world = World::empty();
    world.write("animals.csv", animals());
    world.write("experiment.toml", EXPERIMENT);
    world
}

#[test]
fn two_heads_are_trained_judged_and_answer_side_by_side() {
    let world = world();
    let trained = world.train(&["--json"]).expect_success();
    let end = trained.json().pop().unwrap();
    assert_eq!(end["targets"], serde_json::json!(["kind", "price"]));
    let best = &end["best"];
    let figure = |name: &str| {
        best[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {best}"))
    };
    assert!(figure("valid_kind_accuracy") > 0.85, "{best}");
    assert!(figure("valid_price_r2") > 0.8, "{best}");
    let sum = figure("valid_kind_loss") + 0.5 * figure("valid_price_loss");
    assert!((figure("valid_loss") - sum).abs() < 1e-5, "{best}");
    let model = "run/best.safetensors";
    let judged = world
        .kiln(&[
            "eval",
            "--model",
            model,
            "--data",
            "animals.csv",
            "--json",
            "--predictions",
            "p.csv",
        ])
        .expect_success()
        .json();
    let heads = &judged[0]["heads"];
    assert!(
        heads["kind"]["accuracy"].as_f64().unwrap() > 0.85,
        "{heads}"
    );
    assert!(heads["price"]["r2"].as_f64().unwrap() > 0.8, "{heads}");
    let table = world.read("p.csv");
    let header = "file,loss,kind.class,kind.predicted,kind.correct,kind.loss,kind.p(cat),kind.p(dog),kind.p(emu),\
                  price.loss,price.price,price.predicted(price)";
    assert_eq!(table.lines().next(), Some(header));
    assert_eq!(table.lines().nth(1).unwrap().split(',').count(), 13); // one name has a comma
    world.write("new.csv", "weight,size\n3,5\n3,80\n");
    let rows = world
        .kiln(&["predict", "--model", model, "new.csv", "--json"])
        .expect_success()
        .json();
    let (small, large) = (&rows[0]["heads"], &rows[1]["heads"]);
    assert_eq!(small["kind"]["class"], "cat");
    assert_eq!(large["kind"]["class"], "emu");
    let price = |row: &serde_json::Value| row["price"]["predicted"]["price"].as_f64().unwrap();
    assert!(price(large) > price(small) + 1500.0, "{rows:?}");
    let lines = world
        .kiln(&["predict", "--model", model, "new.csv"])
        .expect_success();
    assert!(
        lines.stdout.starts_with("new.csv:2\tkind\tcat\t"),
        "{}",
        lines.stdout
    );
    let shown = world
        .kiln(&["eval", "--model", model, "--data", "animals.csv"])
        .expect_success();
    for part in ["kind:\n", "is \\ predicted", "price:\n", " r2 "] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
}

#[test]
fn a_run_with_heads_is_resumed_to_the_bit() {
    let world = world();
    let alone = left_alone(&world, &["--set", "train.epochs=4"]);
    world.train(&["--set", "train.epochs=2"]).expect_success();
    world
        .kiln(&["train", "--resume", "run", "--set", "train.epochs=4"])
        .expect_success();
    assert_same(&left(&world, "run"), &alone, "with heads");
}

#[test]
fn heads_and_targets_that_do_not_fit_are_named() {
    let world = world();
    let set = |value: &str| world.train(&["--set", value]);
    refused(
        set("data.target=\"kind\""),
        &["model.heads are kind, price, but the data has classes as its one target"],
    );
    refused(
        set("model.heads={ kind = [{ dense = { units = 3 } }] }"),
        &["model.heads", "has no layers for the target \"price\""],
    );
    // A head without layers says what the trunk gives, whatever the head before it does.
    refused(set("model.heads.price=[]"), &["head price: mse", "16"]);
    refused(
        set("model.heads.colour=[{ dense = { units = 3 } }]"),
        &["model.heads has \"colour\", the targets of the data are kind, price"],
    );
    refused(
        set("train.loss={ per_head = { kind = \"sparse_categorical_cross_entropy\" } }"),
        &["train.loss.per_head has no loss for \"price\", only for kind"],
    );
    refused(
        set("train.loss=\"mse\""),
        &["the loss is for one target", "per_head"],
    );
    refused(
        set("train.loss={ per_head = { kind = \"mse\", price = \"mse\" } }"),
        &[
            "head kind: mse is for numbers",
            "sparse_categorical_cross_entropy",
        ],
    );
    refused(
        set("model.heads.kind=[{ dense = { units = 2 } }]"),
        &["head kind", "3"],
    );
    refused(
        set("model.heads.kind=[{ dens = { units = 3 } }]"),
        &[
            "model.heads.kind[0] is `dens`, which is no layer",
            "did you mean `dense`?",
        ],
    );
    refused(
        set("train.monitor=\"valid_price_accuracy\""),
        &["valid_price_accuracy", "valid_price_r2"],
    );
    world.write(
        "experiment.toml",
        EXPERIMENT.replace("[model.heads]", "[model.other]"),
    );
    refused(world.train(&[]), &["model.other is not a known key"]);
}

#[test]
fn a_net_without_heads_is_refused_with_the_remedy() {
    let world = world();
    let begin = EXPERIMENT.find("[model.heads]").unwrap();
    let end = EXPERIMENT.find("[train]").unwrap();
    let flat = [&EXPERIMENT[..begin], &EXPERIMENT[end..]].concat();
    world.write("experiment.toml", flat);
    refused(
        world.train(&["--set", "train.monitor=\"valid_loss\""]),
        &[
            "model has no heads, but the data has targets of different kinds: kind, price",
            "[model.heads] kind = [",
        ],
    );
}
