//! Small samples of every kind of input and target, each prepared once.

use std::path::Path;

use image::{Rgb, RgbImage};
use kiln::config::{Path as Place, Preprocess, Spec, read_member};
use kiln::data::image::augment::Augmentation;
use kiln::data::{Datasets, EmbeddedColumn, Shape, Silent, read_source};
use kiln::model::{LOSSES, Layers, Network};
use serde_json::{Value as Json, json};

/// Samples, and what a net needs to know of them.
pub struct Samples {
    pub name: String,
    /// The experiment's `[data]`.
    pub data: Json,
    pub datasets: Datasets,
    pub shape: Shape,
    pub embedded: Vec<EmbeddedColumn>,
    /// What comes to the first layer of the experiment.
    pub trunk_input: Shape,
}

/// Every kind, in a folder.
pub fn all(folder: &Path) -> Vec<Samples> {
    write(folder);
    let at = |name: &str| folder.join(name).display().to_string();
    let images = |name: &str, size: [usize; 2], channels: usize| {
        json!({"kind": "image-folder", "train": at(&format!("{name}/train")), "valid": at(&format!("{name}/valid")),
               "size": size, "channels": channels, "cache_disk": 0})
    };
    let table = |target: Json, more: Json| {
        let targets = ["two", "three", "y", "z", "l1", "l2", "count"];
        let is_target = |name: &str| {
            target == json!(name) || target.as_array().is_some_and(|a| a.contains(&json!(name)))
        };
        let mut columns = serde_json::Map::new();
        for other in targets.iter().filter(|name| !is_target(name)) {
            columns.insert(other.to_string(), json!("ignore"));
        }
        let mut data = json!({"kind": "csv", "train": at("train.csv"), "valid": at("valid.csv"), "target": target});
        for (key, value) in more.as_object().into_iter().flatten() {
            match key.as_str() {
                "columns" => columns.extend(value.as_object().cloned().unwrap_or_default()),
                _ => data[key] = value.clone(),
            }
        }
        data["columns"] = Json::Object(columns);
        data
    };
    let embedded = json!({"columns": {"place": {"embedding": 2}, "colour": {"embedding": {"dim": 3, "l2": 0.01}}}});
    let one_embedded = json!({"task": "regression", "scale_target": false, "columns": {"place": {"embedding": 1}}});
    let text = |label: &str, length: usize| {
        json!({"kind": "text", "train": at("train.csv"), "valid": at("valid.csv"), "text": "words", "label": label,
               "length": length})
    };
    let plain = json!({});
    let mixed = json!({"mixup": {}, "cutmix": {}, "horizontal_flip": true});
    let kinds = [
        ("images of two", images("two", [7, 6], 1), plain.clone()),
        ("images of three", images("three", [6, 8], 3), plain.clone()),
        (
            "mixed images of two",
            images("two", [6, 6], 3),
            mixed.clone(),
        ),
        ("mixed images of three", images("three", [8, 5], 1), mixed),
        (
            "table, two classes",
            table(json!("two"), plain.clone()),
            plain.clone(),
        ),
        (
            "table, three classes, embedded",
            table(json!("three"), embedded.clone()),
            plain.clone(),
        ),
        (
            "table, numbers",
            table(json!(["y", "z"]), plain.clone()),
            plain.clone(),
        ),
        (
            "table, counts, embedded",
            table(json!("count"), one_embedded),
            plain.clone(),
        ),
        (
            "table, labels",
            table(json!(["l1", "l2"]), json!({"task": "labels"})),
            plain.clone(),
        ),
        (
            "table, heads",
            table(json!(["three", "y"]), json!({"task": "heads"})),
            plain.clone(),
        ),
        (
            "table, heads, embedded",
            table(json!(["two", "z", "three"]), {
                let mut heads = embedded.clone();
                heads["task"] = json!("heads");
                heads
            }),
            plain.clone(),
        ),
        ("texts of two", text("two", 6), plain.clone()),
        ("texts of three", text("three", 9), plain.clone()),
        ("texts, numbers", text("y", 4), plain),
    ];
    kinds
        .into_iter()
        .map(|(name, data, augment)| prepared(name, data, &augment))
        .collect()
}

fn prepared(name: &str, data: Json, augment: &Json) -> Samples {
    let fail = |faults| -> ! { panic!("{name}: {faults:?}") };
    let table = serde_json::from_value(data.clone()).expect("a table");
    let source = read_source(&table).unwrap_or_else(|faults| fail(faults));
    let survey = source.survey(1).unwrap_or_else(|faults| fail(faults));
    let augment = serde_json::from_value(augment.clone()).expect("a table");
    let augmentation = Augmentation::read(&augment, 1).unwrap_or_else(|faults| fail(faults));
    let (shape, embedded) = (survey.shape(), survey.embedded());
    let preprocess = match shape {
        Shape::Image { .. } => json!({"divide_by": 255}),
        _ => json!({}),
    };
    let preprocess: Preprocess = serde_json::from_value(preprocess).expect("options");
    let datasets = survey.prepare(&preprocess, augmentation, false, &Silent);
    let mse =
        read_member(LOSSES, "loss", &Spec::Name("mse".into()), &Place::default()).expect("a loss");
    let none = Layers::read(&[]).and_then(|layers| layers.with_columns(embedded.clone()));
    let trunk_input = match embedded.is_empty() {
        true => shape,
        false => Network::plan(none.expect("no layers"), shape, &*mse)
            .expect("a row")
            .output(),
    };
    Samples {
        name: name.to_string(),
        data,
        datasets: datasets.unwrap_or_else(|faults| fail(faults)),
        shape,
        embedded,
        trunk_input,
    }
}

fn write(folder: &Path) {
    for (split, count) in [("train", 20), ("valid", 33)] {
        for (name, classes) in [("two", &["a", "b"][..]), ("three", &["a", "b", "c"])] {
            for (class_index, class) in classes.iter().enumerate() {
                let folder = folder.join(format!("{name}/{split}/{class}"));
                std::fs::create_dir_all(&folder).expect("a folder");
                for number in 0..count / classes.len() + 1 {
                    let image = RgbImage::from_fn(8, 8, |x, y| {
                        let place = x * 31 + y * 17 + (number * 7 + split.len()) as u32;
                        Rgb([
                            (place * 13 % 251) as u8,
                            (class_index * 90) as u8,
                            (place % 5 * 50) as u8,
                        ])
                    });
                    image
                        .save(folder.join(format!("{number}.png")))
                        .expect("an image");
                }
            }
        }
        let mut text = String::from("n1,n2,place,colour,words,two,three,y,z,l1,l2,count\n");
        for row in 0..count {
            let pick = |from: &[&'static str], step: usize| from[row * step % from.len()];
            let words = [
                "one two three",
                "red",
                "green blue red two",
                "a fine and a bad day",
                "two two",
            ];
            let line = format!(
                "{},{},{},{},{},{},{},{:?},{:?},{},{},{}\n",
                row * 7 % 11,
                row as f64 / 3.0 - 2.0,
                pick(&["here", "there", "nowhere"], 1),
                pick(&["red", "green", "blue", "grey"], 3),
                pick(&words, 2),
                pick(&["no", "yes"], 1),
                pick(&["x", "y", "z"], 2),
                (row * row % 7) as f64 - 1.5,
                10.25 * row as f64,
                row % 2,
                row / 2 % 2,
                row * 5 % 6,
            );
            text.push_str(&line);
        }
        std::fs::write(folder.join(format!("{split}.csv")), text).expect("written");
    }
}
