//! Tables and texts against scikit-learn and Keras (`tests/reference/tables_reference.py` recorded the figures):
//! from a CSV to the net's inputs, from texts to tokens.

use std::collections::BTreeMap;

use kiln::config::Preprocess;
use kiln::data::table::Layout;
use kiln::data::text::{End, Level, Splitting, WordCounts};
use kiln::data::{Dataset, Datasets, Silent, TextPreprocess, read_source};
use serde_json::{Value as Json, json};

/// Absolute; the inputs are 32-bit floats of about 1.
const TOLERANCE: f64 = 1e-6;

fn recorded(text: &str, at_least: usize) -> Json {
    let all: Json = serde_json::from_str(text).expect("JSON");
    let cases = all["cases"].as_array().map_or(0, Vec::len);
    assert!(cases >= at_least, "{cases} cases");
    all
}

fn prepare(case: &Json) -> Datasets {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| {
        let path = folder.path().join(format!("{name}.csv"));
        std::fs::write(&path, case[name].as_str().expect("a table")).expect("written");
        json!(path)
    };
    let mut data: BTreeMap<String, Json> = BTreeMap::from([
        ("kind".into(), json!("csv")),
        ("train".into(), file("train")),
        ("valid".into(), file("valid")),
        ("target".into(), json!("y")),
    ]);
    let options = case["options"].as_object().expect("options");
    data.extend(
        options
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    let survey = read_source(&data).and_then(|source| source.survey(1));
    let survey = survey.unwrap_or_else(|faults| panic!("{}: {faults:?}", case["name"]));
    survey
        .prepare(&Preprocess::default(), None, false, &Silent)
        .unwrap_or_else(|faults| panic!("{}: {faults:?}", case["name"]))
}

fn compare(name: &str, dataset: &dyn Dataset, expected: &Json) {
    let expected = expected.as_array().expect("rows");
    assert_eq!(dataset.len(), expected.len(), "{name}: rows");
    for (index, row) in expected.iter().enumerate() {
        let row = row.as_array().expect("numbers");
        assert_eq!(dataset.shape().num_elements(), row.len(), "{name}: inputs");
        let mut inputs = vec![0.0; row.len()];
        dataset.load(index, None, &mut inputs).expect("a row");
        for (column, (found, expected)) in inputs.iter().zip(row).enumerate() {
            let expected = expected.as_f64().expect("a number");
            let error = (f64::from(*found) - expected).abs();
            let bound = TOLERANCE * expected.abs().max(1.0);
            assert!(
                error <= bound,
                "{name}, row {index}, input {column}: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn columns_become_the_inputs_that_scikit_learn_makes_of_them() {
    let all = recorded(include_str!("../reference/tables.json"), 30);
    for case in all["cases"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let datasets = prepare(case);
        compare(name, &*datasets.train, &case["train_inputs"]);
        compare(name, &*datasets.valid, &case["valid_inputs"]);
    }
}

fn texts(list: &Json) -> Vec<&str> {
    let list = list.as_array().expect("texts").iter();
    list.map(|text| text.as_str().expect("a text")).collect()
}

fn end(name: &Json) -> End {
    match name.as_str() {
        Some("pre") => End::Pre,
        _ => End::Post,
    }
}

#[test]
fn texts_become_the_tokens_that_keras_makes_of_them() {
    let all = recorded(include_str!("../reference/texts.json"), 96);
    let train = texts(&all["texts"]["train"]);
    let others = texts(&all["texts"]["texts"]);
    for case in all["cases"].as_array().expect("cases") {
        let splitting = Splitting {
            lower: case["lower"] == true,
            level: if case["char"] == true {
                Level::Char
            } else {
                Level::Word
            },
            ..Splitting::default()
        };
        let mut counts = WordCounts::new(splitting);
        for text in &train {
            counts.add(text);
        }
        let vocabulary = case["vocabulary"].as_u64().map(|count| count as usize);
        let preprocess = TextPreprocess {
            tokenizer: counts.fit(vocabulary, 1).0,
            oov: case["oov"] == true,
            length: 8,
            pad: end(&case["pad"]),
            truncate: end(&case["truncate"]),
            text: String::new(),
            targets: Vec::new(),
            layout: Layout::default(),
        };
        let encoder = preprocess.encoder();
        let expected = case["tokens"].as_array().expect("rows");
        assert_eq!(expected.len(), others.len());
        for (text, expected) in others.iter().zip(expected) {
            let mut tokens = [0; 8];
            encoder.write(text, &mut tokens);
            let mut shown = case.clone();
            shown["tokens"] = Json::Null;
            assert_eq!(json!(tokens), *expected, "{text:?} with {shown}");
        }
    }
}
