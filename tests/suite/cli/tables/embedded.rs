//! Columns of categories that are embedded.

use super::world;
use crate::support::world::refused;

/// Which street a row lies in decides its price, and nothing else does; for some it is not known.
fn streets() -> String {
    let mut text = String::from("size,street,price\n");
    for row in 0..160 {
        let street = row * 7 % 12;
        let (street, price) = match row % 16 {
            15 => (String::new(), 5500),
            _ => (format!("street {street}"), 1000 * (street * 5 % 12)),
        };
        let size = 20 + row % 11;
        text.push_str(&format!("{size},{street},{price}.{}\n", row % 9 + 1));
    }
    text
}

const EMBEDDED: [&str; 2] = ["--set", "data.columns.street={ embedding = 3 }"];

#[test]
fn a_column_of_categories_is_embedded_trained_and_predicted_from() {
    let world = world(&streets());
    let checked = ["check", "--config", "experiment.toml"];
    let checked = world.kiln(&[&checked[..], &EMBEDDED[..]].concat());
    let shown = checked.expect_success().stdout;
    for part in [
        "model.embed",
        "or missing; embedded in 3",
        "and 7 more",
        "model.0",
    ] {
        assert!(shown.contains(part), "{part:?}:\n{shown}");
    }
    let trained = world.train(&[&EMBEDDED[..], &["--json"]].concat());
    let last = trained.expect_success().json().pop().unwrap();
    assert!(last["best"]["valid_r2"].as_f64().unwrap() > 0.95, "{last}");
    let model = std::fs::read(world.path("run/best.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&model[..4000.min(model.len())]).into_owned();
    assert!(
        header.contains(r#""model.embed.street.weight":{"dtype":"F32","shape":[13,3]"#),
        "{header}"
    );
    let predict = |rows: &str| -> Vec<f64> {
        world.write("new.csv", format!("size,street\n{rows}"));
        let arguments = [
            "predict",
            "--model",
            "run/best.safetensors",
            "new.csv",
            "--json",
        ];
        let run = world.kiln(&arguments).expect_success();
        let rows = run.json().into_iter();
        rows.map(|row| row["predicted"]["price"].as_f64().unwrap())
            .collect()
    };
    // Streets 1 and 11 lie at 5000 and 7000.
    let prices = predict("25,street 1\n25,street 11\n");
    assert!(
        (prices[0] - 5000.0).abs() < 900.0 && (prices[1] - 7000.0).abs() < 900.0,
        "{prices:?}"
    );
    // Without a known street: the same for any name.
    let prices = predict("25,moon\n25,dark side of the moon\n25,street 1\n");
    assert_eq!(prices[0], prices[1]);
    assert_ne!(prices[0], prices[2]);
    world.write(
        "more.csv",
        "size,street,price\n25,moon,1\n25,street 1,5000\n",
    );
    let model = "run/best.safetensors";
    let judged = world.kiln(&["eval", "--model", model, "--data", "more.csv"]);
    let message = judged.expect_success().stderr;
    assert!(
        message.contains("street 1 not seen in training"),
        "{message}"
    );
}

#[test]
fn a_run_with_an_embedded_column_goes_on_as_if_it_had_never_stopped() {
    let world = world(&streets());
    let run = |out: &str, more: &[&str]| {
        let arguments = [&EMBEDDED[..], &["--out", out], more].concat();
        world.train_into(&arguments).expect_success();
    };
    run("whole", &["--set", "train.epochs=4"]);
    run("halves", &["--set", "train.epochs=2"]);
    let resumed = ["train", "--resume", "halves", "--set", "train.epochs=4"];
    world.kiln(&resumed).expect_success();
    let model = |name: &str| std::fs::read(world.path(format!("{name}/last.safetensors"))).unwrap();
    assert!(model("whole") == model("halves"), "other bytes");
}

#[test]
fn mistakes_in_an_embedded_column_are_reported() {
    let world = world(&streets());
    let train = |columns: &str| {
        let columns = format!("data.columns={columns}");
        world.train_into(&["--out", "x", "--set", &columns])
    };
    refused(
        train("{ street = { embedding = 0 } }"),
        &["data.columns.street.embedding is 0, expected an integer of at least 1 or a table"],
    );
    refused(
        train("{ street = { embedding = { dims = 3 } } }"),
        &[
            "data.columns.street.embedding.dims is not a known key",
            "embedding.dim is missing",
        ],
    );
    refused(
        train("{ size = { role = \"numeric\", embedding = 3 } }"),
        &["data.columns.size.embedding is for categories; size is numeric"],
    );
}
