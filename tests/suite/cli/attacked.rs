//! What an attack on the finished program found, with the outcome that it must have.

use std::process::Command;

use crate::support::world::{Run, World, finish, holds};

/// A run of three epochs of which the last is not the best: the rate is so high that nothing is left to gain.
fn run_past_its_best(world: &World) {
    world
        .train(&["--set", "train.epochs=1", "--quiet"])
        .expect_success();
    let more = [
        "train",
        "--resume",
        "run",
        "--set",
        "train.epochs=3",
        "--set",
        "train.optimizer.adam.learning_rate=9",
        "--quiet",
    ];
    world.kiln(&more).expect_success();
    let records = world.read("run/history.jsonl");
    let lines = records.lines().enumerate();
    let best = lines.filter(|(_, line)| line.contains("\"best\":true"));
    let best = best.map(|(index, _)| index).last();
    assert!(best < Some(2), "{records}");
}

#[test]
fn a_best_model_that_is_lost_or_another_run_s_is_reported_and_never_evaluated() {
    let world = World::colours();
    run_past_its_best(&world);
    let best = world.path("run/best.safetensors");
    let own = std::fs::read(&best).expect("a model");
    let other = [
        "--set",
        "model.layers[0].conv2d.filters=7",
        "--set",
        "train.epochs=1",
        "--out",
        "other",
        "--quiet",
    ];
    world.train_into(&other).expect_success();
    let foreign = std::fs::read(world.path("other/best.safetensors")).expect("a model");
    let mut cut = own.clone();
    cut.truncate(own.len() - 3);
    for (number, damaged) in [Some(foreign), Some(cut), Some(Vec::new()), None]
        .into_iter()
        .enumerate()
    {
        match damaged {
            Some(bytes) => std::fs::write(&best, bytes).expect("written"),
            None => std::fs::remove_file(&best).expect("removed"),
        }
        // Nothing is left to train: there would be no best model at all.
        let all = world.kiln(&["train", "--resume", "run"]).expect_failure();
        holds(&all.stderr, &["best.safetensors", "put it back"]);
        let epochs = format!("train.epochs={}", 5 + 2 * number);
        let on = ["train", "--resume", "run", "--set", &epochs];
        let run = world.kiln(&on).expect_success();
        holds(
            &run.stderr,
            &[
                "warning: ",
                "best.safetensors",
                "is not the best model of this run",
            ],
        );
        assert!(run.stdout.contains("best epoch: "), "{}", run.stdout);
        world
            .kiln(&["eval", "--model", "run/best.safetensors", "--data", "valid"])
            .expect_success();
    }
}

#[test]
fn an_output_never_replaces_what_the_command_reads() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let model = "run/best.safetensors";
    let sample = "valid/red/00.png";
    std::fs::hard_link(world.path(model), world.path("link")).expect("a second name");
    let before = [model, "experiment.toml", sample].map(|name| std::fs::read(world.path(name)));
    for output in [model, "link", sample] {
        let eval = [
            "eval",
            "--model",
            model,
            "--data",
            "valid",
            "--predictions",
            output,
        ];
        holds(
            &world.kiln(&eval).expect_failure().stderr,
            &[output, "which this command reads"],
        );
    }
    for output in ["experiment.toml", "train/red/00.png"] {
        let preview = ["preview", "--config", "experiment.toml", "--out", output];
        holds(&world.kiln(&preview).expect_failure().stderr, &[output]);
    }
    let sheet = ["audit", "valid", "--sheet", sample];
    holds(&world.kiln(&sheet).expect_failure().stderr, &[sample]);
    let after = [model, "experiment.toml", sample].map(|name| std::fs::read(world.path(name)));
    for (before, after) in before.into_iter().zip(after) {
        assert!(before.expect("read") == after.expect("read"));
    }
}

#[cfg(unix)]
fn bash(world: &World, text: &str) -> Run {
    let mut command = Command::new("bash");
    command
        .args(["-c", text])
        .current_dir(world.path(""))
        .env("KILN", env!("CARGO_BIN_EXE_kiln"));
    finish(command)
}

#[cfg(unix)]
#[test]
fn a_reader_of_another_output_that_goes_away_is_a_failure() {
    let world = World::empty();
    // More than a pipe holds.
    let rows: String = (0..9000)
        .map(|i| format!("{},{}\n", i % 97, ["x", "y"][i % 2]))
        .collect();
    world.write("t.csv", format!("a,t\n{rows}"));
    init_and_train(&world, "t.csv", "t");
    let eval = "$KILN eval --model run-t.csv/best.safetensors --data t.csv --quiet";
    let run = bash(
        &world,
        &format!("{eval} --predictions >(head -1 > /dev/null)"),
    );
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    holds(&run.stderr, &["cannot write", "/dev/fd/"]);
    // Of standard output it is none.
    bash(
        &world,
        "$KILN predict --model run-t.csv/best.safetensors t.csv | head -1; exit ${PIPESTATUS[0]}",
    )
    .expect_success();
}

#[test]
fn arguments_with_control_characters_do_not_reach_the_terminal() {
    let world = World::empty();
    for argument in ["\u{1b}[35mEVIL", "--\u{1b}]0;x", "--threads=\u{202e}9"] {
        let run = world.kiln(&[argument]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!run.stderr.contains(raw), "{:?}", run.stderr);
    }
}

#[test]
fn mistakes_within_variants_are_named_with_path_and_hint() {
    let world = World::colours();
    for (option, words) in [
        (
            "weight_init={ normal = { stdd = 1 } }",
            &[
                "weight_init.normal.stdd is not a known key",
                "did you mean `std`?",
            ][..],
        ),
        (
            "weight_init={ norml = { std = 1 } }",
            &[
                "weight_init.norml",
                "did you mean `normal`?",
                "glorot_uniform",
            ],
        ),
        (
            "weight_init={ normal = { std = -1 } }",
            &["normal.std is -1"],
        ),
        (
            "weight_init={ constant = { value = 1e300 } }",
            &["constant.value is"],
        ),
        (
            "activation={ leaky_relu = { slop = 3 } }",
            &[
                "leaky_relu.slop is not a known key",
                "did you mean `slope`?",
            ],
        ),
        (
            "activation={ relu = { foo = 3 } }",
            &["activation.relu takes no options", "\"relu\""],
        ),
    ] {
        let set = format!("model.layers[3].dense.{option}");
        let run = world.kiln(&["check", "--config", "experiment.toml", "--set", &set]);
        holds(&run.expect_failure().stderr, words);
    }
    let set = ["--set", "train.warmup={ epochs = 1, foo = 2 }"];
    let run = world.kiln(&[&["check", "--config", "experiment.toml"][..], &set].concat());
    holds(
        &run.expect_failure().stderr,
        &["train.warmup.foo is not a known key"],
    );
}

/// Trains what `kiln init` writes for a table; what `init` said.
fn init_and_train(world: &World, table: &str, target: &str) -> Run {
    let out = format!("{table}.toml");
    let init = world.kiln(&["init", table, "--target", target, "--out", &out]);
    let init = init.expect_success();
    let run = format!("run-{table}");
    let train = ["train", "--config", &out, "--device", "cpu", "--out", &run];
    let sets = ["--set", "train.epochs=2", "--quiet"];
    world.kiln(&[&train[..], &sets].concat()).expect_success();
    init
}

#[test]
fn semicolons_with_decimal_commas_are_a_table() {
    let world = World::empty();
    let rows = |row: &dyn Fn(usize) -> String| -> String { (0..60).map(row).collect() };
    let label = |i: usize| ["x", "y"][i % 2];
    world.write(
        "two.csv",
        format!("a;t\n{}", rows(&|i| format!("{i},5;{}\n", label(i)))),
    );
    world.write(
        "first.csv",
        format!("t;a\n{}", rows(&|i| format!("{};{i},25\n", label(i)))),
    );
    world.write(
        "text.csv",
        format!(
            "a;b;t\n{}",
            rows(&|i| format!("{i},5;abc{};{}\n", i % 3, label(i)))
        ),
    );
    let sentence = |i: usize| format!("well, this is number {i}, and so on;{}\n", label(i));
    world.write("said.csv", format!("text;t\n{}", rows(&sentence)));
    for table in ["two.csv", "first.csv", "text.csv", "said.csv"] {
        init_and_train(&world, table, "t");
    }
    let euros = rows(&|i| format!("{i},50 \u{80};{}\n", label(i)));
    let bytes: Vec<u8> = euros.chars().map(|c| c as u32 as u8).collect();
    world.write("euros.csv", [b"preis;t\n".as_slice(), &bytes].concat());
    init_and_train(&world, "euros.csv", "t");
}

#[test]
fn names_in_another_encoding_are_a_header() {
    let world = World::empty();
    // Windows-1251: имя, рост, пол as names, да and нет below.
    let mut bytes = b"\xe8\xec\xff,\xf0\xee\xf1\xf2,\xef\xee\xeb\n".to_vec();
    for i in 0..60 {
        let class: &[u8] = [&b"\xe4\xe0"[..], b"\xed\xe5\xf2"][i % 2];
        bytes.extend(format!("{},{},", i % 7, i * 7 % 13).into_bytes());
        bytes.extend(class);
        bytes.push(b'\n');
    }
    world.write("ru.csv", bytes);
    let init = init_and_train(&world, "ru.csv", "last");
    assert!(!init.stderr.contains("no header"), "{}", init.stderr);
    let check = world
        .kiln(&["check", "--config", "ru.csv.toml"])
        .expect_success();
    let message = &check.stdout;
    assert!(
        message.contains("пол") && !message.contains("column_1"),
        "{message}"
    );
}

#[test]
fn quotes_that_close_each_other_swallow_no_row() {
    let world = World::empty();
    let line = |i: usize| match i % 15 {
        5 => format!("{i}\t\"I said hello\tpos\n"),
        6 => format!("{i}\tand then left\" ok\tneg\n"),
        _ => format!("{i}\tsome words of row {i}\t{}\n", ["pos", "neg"][i % 2]),
    };
    let rows: String = (0..60).map(line).collect();
    world.write("q.tsv", format!("id\ttext\tlabel\n{rows}"));
    let init = init_and_train(&world, "q.tsv", "label");
    holds(&init.stderr, &["quotes"]);
    assert!(init.stdout.contains("60 rows"), "{}", init.stdout);
}

#[test]
fn a_table_of_sentences_is_one_whatever_its_name() {
    let world = World::empty();
    let line = |i: usize| format!("{} film number {i}\t{}\n", ["good", "bad"][i % 2], i % 2);
    let rows: String = (0..60).map(line).collect();
    world.write("amazon.txt", &rows);
    init_and_train(&world, "amazon.txt", "last");
    let model = "run-amazon.txt/best.safetensors";
    let predict = ["predict", "--model", model, "amazon.txt"];
    let answers = world.kiln(&predict).expect_success().stdout;
    assert_eq!(answers.lines().count(), 60, "{answers}");
    world.write("plain.txt", "a good film\n");
    let one = world
        .kiln(&["predict", "--model", model, "plain.txt"])
        .expect_success();
    assert_eq!(one.stdout.lines().count(), 1);
    #[cfg(unix)]
    {
        let piped = format!("$KILN predict --model {model} <(echo a good film)");
        let answer = bash(&world, &piped).expect_success().stdout;
        assert_eq!(answer.lines().count(), 1, "{answer}");
    }
}
