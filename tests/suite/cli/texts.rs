//! Sentences: from a CSV or a folder to a trained net and its answers.

use crate::support::world::World;

const EXPERIMENT: &str = r#"name = "moods"
seed = 3

[data]
kind = "text"
train = "moods.csv"
valid_fraction = 0.2

[model]
layers = [
  { embedding = { dim = 8 } },
  { lstm = { units = 6, dropout = 0.1, recurrent_dropout = 0.1 } },
  { dense = { units = 1 } },
]

[train]
epochs = 12
batch_size = 8
loss = "binary_cross_entropy"
optimizer = { adam = { learning_rate = 0.02 } }
"#;

fn sentences() -> Vec<(String, &'static str)> {
    let words = ["film", "plot", "actor", "scene", "music", "end"];
    (0..120)
        .map(|i| {
            let (thing, other) = (words[i % 6], words[(i / 6) % 6]);
            let (mood, label) = match i % 2 {
                0 => ("good", "happy"),
                _ => ("bad", "sad"),
            };
            (
                format!("The {thing}, no. {i}, and the {other}: {mood}!"),
                label,
            )
        })
        .collect()
}

fn world() -> World {
    let world = World::empty();
    let rows = sentences();
    let rows = rows
        .iter()
        .map(|(text, label)| format!("\"{text}\",{label}\n"));
    world.write(
        "moods.csv",
        format!("text,label\n{}", rows.collect::<String>()),
    );
    world.write("experiment.toml", EXPERIMENT);
    world
}

#[test]
fn sentences_are_learned_and_answered() {
    let world = world();
    let trained = world.train(&["--json"]).expect_success();
    let last = trained.json().pop().unwrap();
    assert!(
        last["best"]["valid_accuracy"].as_f64().unwrap() > 0.95,
        "{last}"
    );
    let model = "run/best.safetensors";
    let said = world
        .kiln(&[
            "predict",
            "--model",
            model,
            "--text",
            "a good plot",
            "--text",
            "a BAD plot.",
        ])
        .expect_success();
    let classes: Vec<&str> = said
        .stdout
        .lines()
        .map(|line| line.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(classes, ["happy", "sad"], "{}", said.stdout);
    let strange = ["predict", "--model", model, "--text", "the good xylophone"];
    let message = world.kiln(&strange).expect_success().stderr;
    let expected = "1 of 3 words in texts are not known (33.3%)";
    assert!(message.contains(expected), "{message}");
    world.write("lines.txt", "good music\n\nbad end\n");
    let mut piped = world.command(&["predict", "--model", model, "--json", "-"]);
    let file = std::fs::File::open(world.path("lines.txt")).unwrap();
    let piped = String::from_utf8(piped.stdin(file).output().unwrap().stdout).unwrap();
    assert_eq!(piped.lines().count(), 2, "{piped}");
    assert!(
        piped.starts_with("{\"text\":\"good music\",\"class\":\"happy\""),
        "{piped}"
    );
    // As in training and evaluation: answered, and told of.
    let empty = world
        .kiln(&["predict", "--model", model, "--text", " ... "])
        .expect_success();
    assert_eq!(empty.stdout.lines().count(), 1, "{}", empty.stdout);
    let expected = "1 of 1 texts have no word";
    assert!(empty.stderr.contains(expected), "{}", empty.stderr);
    let judged = world.kiln(&["eval", "--model", model, "--data", "moods.csv", "--json"]);
    assert!(
        judged.expect_success().json()[0]["accuracy"]
            .as_f64()
            .unwrap()
            > 0.95
    );
}

/// Rows without a word: counted alike by training, `eval` and `predict`.
#[test]
fn a_text_without_words_counts_the_same_everywhere() {
    let world = world();
    let mut rows = world.read("moods.csv");
    rows += "\"\",happy\n\"...\",sad\n";
    world.write("moods.csv", rows);
    let trained = world.train(&["--set", "train.epochs=1"]).expect_success();
    assert!(
        trained.stderr.contains("have no word"),
        "{}",
        trained.stderr
    );
    world.write(
        "new.csv",
        "text,label\na good plot,happy\n\"\",sad\n!?,happy\n",
    );
    let model = ["--model", "run/best.safetensors"];
    let judged = world
        .kiln(&[&["eval", "--data", "new.csv", "--json"], &model[..]].concat())
        .expect_success();
    let answered = world
        .kiln(&[&["predict", "new.csv"], &model[..]].concat())
        .expect_success();
    assert_eq!(judged.json()[0]["samples"], 3);
    assert_eq!(answered.stdout.lines().count(), 3, "{}", answered.stdout);
    for run in [judged, answered] {
        assert!(
            run.stderr.contains("2 of 3 texts have no word"),
            "{}",
            run.stderr
        );
    }
}

/// The mark of some editors before a text is no part of its first word.
#[test]
fn a_byte_order_mark_is_no_word() {
    let world = world();
    let marked = |name: &str| world.write(name, format!("\u{feff}{}", world.read(name)));
    for (text, label) in sentences() {
        let (name, text) = (text.replace(|c: char| !c.is_alphanumeric(), "_"), text);
        for split in ["train", "valid"] {
            world.write(
                &format!("{split}/{label}/{name}.txt"),
                format!("\u{feff}{text}"),
            );
        }
    }
    marked("moods.csv");
    marked("experiment.toml");
    let json = serde_json::json!({"data": {"kind": "text", "train": "moods.csv", "valid_fraction": 0.2},
        "model": {"layers": [{"embedding": {"dim": 2}}, "flatten", {"dense": {"units": 1}}]},
        "train": {"epochs": 1, "loss": "binary_cross_entropy"}});
    world.write("experiment.json", format!("\u{feff}{json}"));
    world.write(
        "folder.toml",
        EXPERIMENT
            .replace("kind = \"text\"", "kind = \"text-folder\"")
            .replace("moods.csv", "train")
            .replace("valid_fraction = 0.2", "valid = \"valid\""),
    );
    for config in ["experiment.toml", "experiment.json", "folder.toml"] {
        let arguments = [
            "train",
            "--config",
            config,
            "--device",
            "cpu",
            "--set",
            "train.epochs=1",
        ];
        let out = config.replace('.', "_");
        world
            .kiln(&[&arguments[..], &["--out", &out, "--no-audit"]].concat())
            .expect_success();
        let model = std::fs::read(world.path(format!("{out}/best.safetensors"))).unwrap();
        let text = String::from_utf8_lossy(&model);
        assert!(
            !text.contains('\u{feff}'),
            "{config}: a mark is in the vocabulary"
        );
    }
    world.write("one.txt", "\u{feff}good music");
    world.write("lines.txt", "\u{feff}good music\n");
    let model = ["predict", "--model", "experiment_toml/best.safetensors"];
    let mut piped = world.command(&[&model[..], &["-"]].concat());
    let lines = std::fs::File::open(world.path("lines.txt")).unwrap();
    let piped = crate::support::world::finish({
        piped.stdin(lines);
        piped
    });
    let from_file = world.kiln(&[&model[..], &["one.txt"]].concat());
    for run in [piped, from_file] {
        let run = run.expect_success();
        assert!(!run.stderr.contains("not known"), "{}", run.stderr);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let world = world();
    let model = |threads: &str| {
        let arguments = ["--set", "train.epochs=2", "--out", threads];
        let mut all = vec!["train", "--config", "experiment.toml", "--device", "cpu"];
        all.extend(arguments);
        let mut command = world.command(&all);
        let run = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        std::fs::read(world.path(format!("{threads}/last.safetensors"))).unwrap()
    };
    let one = model("1");
    assert!(one == model("2") && one == model("5"));
}

#[test]
fn a_folder_of_texts_is_one_class_a_folder() {
    let world = world();
    for (i, (text, label)) in sentences().iter().enumerate() {
        let split = if i % 5 == 0 { "valid" } else { "train" };
        world.write(&format!("{split}/{label}/{i}.txt"), text);
    }
    world.write("train/sad/latin.txt", b"caf\xE9 bad");
    let text = EXPERIMENT
        .replace("kind = \"text\"", "kind = \"text-folder\"")
        .replace("train = \"moods.csv\"", "train = \"train\"")
        .replace("valid_fraction = 0.2", "valid = \"valid\"");
    world.write("experiment.toml", text);
    let trained = world.train(&["--json"]).expect_success();
    assert!(
        trained
            .stderr
            .contains("latin.txt: is not written in UTF-8"),
        "{}",
        trained.stderr
    );
    let last = trained.json().pop().unwrap();
    assert!(
        last["best"]["valid_accuracy"].as_f64().unwrap() > 0.95,
        "{last}"
    );
    let judged = world
        .kiln(&[
            "eval",
            "--model",
            "run/best.safetensors",
            "--data",
            "valid",
            "--json",
        ])
        .expect_success();
    assert_eq!(judged.json()[0]["samples"], 24);
}

#[test]
fn other_nets_read_sentences_too() {
    for layers in [
        "[{ embedding = { dim = 8 } }, { bidirectional = { layer = { gru = { units = 4 } } } }, \
         { dense = { units = 1 } }]",
        "[{ embedding = { dim = 8 } }, { spatial_dropout = { rate = 0.1 } }, { conv1d = { filters = 8, \
         kernel = 3, padding = \"same\", activation = \"relu\" } }, { layer_norm = {} }, { global_max_pool = {} }, \
         { dense = { units = 1 } }]",
        "[{ embedding = { dim = 8 } }, { residual = { layers = [{ conv1d = { filters = 8, kernel = 3, \
         padding = \"causal\" } }], drop_path = 0.1, activation = \"relu\" } }, { attention_pool = {} }, \
         { dense = { units = 1 } }]",
    ] {
        let world = world();
        let layers = format!("model.layers={layers}");
        let trained = world.train(&["--json", "--set", &layers]).expect_success();
        let last = trained.json().pop().unwrap();
        assert!(
            last["best"]["valid_accuracy"].as_f64().unwrap() > 0.9,
            "{layers}: {last}"
        );
    }
}

#[test]
fn a_text_where_an_image_should_be_is_reported_with_the_remedy() {
    let world = world();
    let layers = "model.layers=[{ lstm = { units = 4 } }, { dense = { units = 1 } }]";
    let run = world
        .kiln(&["check", "--config", "experiment.toml", "--set", layers])
        .expect_failure();
    assert!(
        run.stderr
            .contains("put { embedding = { dim = 50 } } before it"),
        "{}",
        run.stderr
    );
    let empty = "text,label\n\" . \",happy\ngood,happy\nbad,sad\nworse,sad\nbest,happy\n";
    world.write("moods.csv", empty);
    let run = world
        .train(&[
            "--set",
            "train.epochs=1",
            "--set",
            "data.valid_fraction=0.4",
        ])
        .expect_success();
    assert!(
        run.stderr
            .contains("have no word: they are nothing but padding"),
        "{}",
        run.stderr
    );
}
