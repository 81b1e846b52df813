//! Experiments and command lines.

use super::Attack;
use super::Outcome::{Orderly, Refused, Works};
use crate::support::world::{EXPERIMENT, World};

#[test]
fn impossible_numbers_in_an_experiment_are_refused() {
    let world = World::colours();
    let mut attack = Attack::on(&world);
    let refused: [(&str, &'static [&'static str]); 46] = [
        (
            "model.layers=[{ flatten = {} }, { dense = { units = 1000000000 } }, { dense = { units = 1 } }]",
            &["GB", "dense"],
        ),
        ("model.layers[3].dense.units=4611686018427387904", &[]),
        ("model.layers[3].dense.units=18446744073709551615", &[]),
        ("model.layers[3].dense.units=1e30", &["units"]),
        ("model.layers[3].dense.units=-1", &["units"]),
        ("model.layers[0].conv2d.filters=1000000000", &["GB"]),
        ("model.layers[0].conv2d.filters=0", &["filters"]),
        ("model.layers[0].conv2d.kernel=0", &["kernel"]),
        ("model.layers[0].conv2d.kernel=65535", &[]),
        ("model.layers[0].conv2d.kernel=[3,3,3]", &["kernel"]),
        ("model.layers[0].conv2d.stride=0", &["stride"]),
        ("model.layers[0].conv2d.groups=7", &["groups"]),
        ("model.layers[0].conv2d.dilation=65535", &[]),
        ("model.layers[0].conv2d.in_channels=4", &["in_channels"]),
        ("model.layers[1]={ upsample = { size = 0 } }", &["size"]),
        ("model.layers[1]={ reshape = { to = [-1, -1] } }", &[]),
        (
            "model.layers[1]={ reshape = { to = [4294967296, 4294967296] } }",
            &[],
        ),
        ("model.layers[3]={ dropout = { rate = 1.0 } }", &["rate"]),
        ("model.layers=[]", &[]),
        ("model.layers[99999999999999999999999].dense.units=1", &[]),
        ("model.layers[-1].dense.units=1", &[]),
        ("model.layers[4294967295]={ flatten = {} }", &[]),
        ("data.size=[0, 0]", &["size"]),
        ("data.size=[1000000, 1000000]", &[]),
        ("data.size=[9223372036854775807, 9223372036854775807]", &[]),
        ("data.channels=0", &["channels"]),
        ("data.channels=1000000", &["channels"]),
        ("data.train=\"\"", &["train"]),
        ("data.train=\"no\\u0000where\"", &["train"]),
        ("data.valid_fraction=2.0", &["valid_fraction"]),
        ("train.batch_size=0", &["batch_size"]),
        ("train.epochs=-3", &["epochs"]),
        ("train.epochs=99999999999999999999", &["epochs"]),
        ("train.optimizer.adam.learning_rate=nan", &["learning_rate"]),
        ("train.optimizer.adam.learning_rate=inf", &["learning_rate"]),
        ("train.optimizer.adam.learning_rate=-1", &["learning_rate"]),
        ("train.optimizer.adam.beta1=1", &["beta1"]),
        ("train.class_weights={ red = -1 }", &["class_weights"]),
        ("train.class_weights={ green = 1 }", &["class_weights"]),
        ("train.monitor=\"valid_luck\"", &["monitor"]),
        ("train.loss=\"poisson\"", &["loss"]),
        ("seed=-1", &["seed"]),
        ("seed=1.5", &["seed"]),
        ("seed=18446744073709551616", &["seed"]),
        ("preprocess.divide_by=0", &["divide_by"]),
        ("eval.positive=\"green\"", &["positive"]),
    ];
    for (set, words) in refused {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        attack.case(set, &arguments, Refused(words));
    }
    let orderly = [
        "model.layers[1]={ upsample = { size = 65535 } }",
        "train.batch_size=1000000000000",
        "preprocess.mean=[1, 2, 3, 4, 5]",
        "preprocess.std=0",
        "augment.rotation=1e308",
        "augment.mixup={ alpha = 0 }",
        "augment.random_resized_crop={ scale = [2, 1] }",
        "eval.threshold=7",
        "name=\"../../outside\"",
        "name=\"\\u001b[31mred\\nnew line\"",
    ];
    for set in orderly {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        attack.case(set, &arguments, Orderly);
    }
    attack.end(56);
}

#[test]
fn odd_command_lines_are_usage_errors() {
    let world = World::colours();
    let mut attack = Attack::on(&world);
    let dots = format!("a{}=1", ".a".repeat(20_000));
    let deep = format!("data.x={}{}", "[".repeat(20_000), "]".repeat(20_000));
    let tables = format!("data.x={}1{}", "{a=".repeat(20_000), "}".repeat(20_000));
    let long = format!("name=\"{}\"", "n".repeat(100_000));
    for set in [
        "",
        "=",
        "=1",
        "a",
        "train..epochs=3",
        ".=1",
        "train.epochs",
        &dots,
        &deep,
        &tables,
    ] {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        let shown: String = set.chars().take(40).collect();
        attack.case(&shown, &arguments, Refused(&[]));
    }
    attack.case(
        "long",
        &["check", "--config", "experiment.toml", "--set", &long],
        Orderly,
    );
    attack.case(
        "threads 0",
        &["--threads", "0", "devices"],
        Refused(&["--threads"]),
    );
    attack.case(
        "threads 65535",
        &["--threads", "65535", "devices"],
        Refused(&["--threads"]),
    );
    attack.case(
        "batch",
        &[
            "bench",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--batch",
            "10000000",
        ],
        Refused(&[]),
    );
    attack.case(
        "steps",
        &["train", "--config", "experiment.toml", "--verify", "1"],
        Refused(&["--verify"]),
    );
    attack.case(
        "a gpu that is not there",
        &["check", "--config", "experiment.toml", "--device", "gpu:99"],
        Refused(&["gpu:99"]),
    );
    attack.case(
        "device",
        &[
            "check",
            "--config",
            "experiment.toml",
            "--device",
            "quantum",
        ],
        Refused(&["quantum"]),
    );
    attack.case(
        "empty model",
        &["predict", "--model", "", "x.png"],
        Refused(&[]),
    );
    attack.case("no guide", &["guide", "\u{1b}[31m"], Refused(&["guide"]));
    attack.end(19);
}

#[test]
fn experiments_that_are_no_text_or_too_deep_are_refused() {
    let world = World::empty();
    let deep = 100_000;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(deep), close.repeat(deep));
    let block = "{ residual = { layers = [";
    let residuals = format!(
        "[model]\nlayers = [{}{}]\n",
        block.repeat(400),
        "] } }".repeat(400)
    );
    let files: [(&str, Vec<u8>); 18] = [
        ("empty.toml", Vec::new()),
        ("binary.toml", (0..=255).cycle().take(5000).collect()),
        ("nul.toml", b"name = \"a\0b\"\n".to_vec()),
        (
            "list.toml",
            format!("a = {}", nested("[", "]")).into_bytes(),
        ),
        (
            "table.toml",
            format!("a = {}", nested("{a=", "}")).into_bytes(),
        ),
        (
            "header.toml",
            format!("[{}a]\n", "a.".repeat(deep)).into_bytes(),
        ),
        (
            "dotted.toml",
            format!("{}a = 1\n", "a.".repeat(deep)).into_bytes(),
        ),
        ("residuals.toml", residuals.into_bytes()),
        ("twice.toml", b"seed = 1\nseed = 2\n".to_vec()),
        ("open.toml", b"name = \"never closed\n".to_vec()),
        ("list.json", nested("[", "]").into_bytes()),
        ("object.json", nested("{\"a\":", "}").into_bytes()),
        ("null.json", b"null".to_vec()),
        ("number.json", b"17".to_vec()),
        ("comma.json", b"{\"seed\": 1,,}".to_vec()),
        ("surrogate.json", b"{\"name\": \"\\ud800\"}".to_vec()),
        (
            "utf16.toml",
            "seed = 1"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        ("experiment.yaml", b"seed: 1\n".to_vec()),
    ];
    let mut attack = Attack::on(&world);
    for (name, content) in &files {
        world.write(name, content);
        attack.case(name, &["check", "--config", name], Refused(&[]));
        assert!(attack.wrong.is_empty() || !attack.wrong[0].is_empty());
    }
    std::fs::create_dir(world.path("folder.toml")).expect("a folder");
    attack.case(
        "a folder",
        &["check", "--config", "folder.toml"],
        Refused(&["folder.toml"]),
    );
    attack.case(
        "nothing",
        &["check", "--config", "missing.toml"],
        Refused(&["missing.toml"]),
    );
    attack.end(20);
}

#[test]
fn experiments_that_windows_wrote_are_read() {
    let world = World::colours();
    let marked = [b"\xef\xbb\xbf".as_slice(), EXPERIMENT.as_bytes()].concat();
    world.write("bom.toml", marked);
    world.write("crlf.toml", EXPERIMENT.replace('\n', "\r\n"));
    world.write(
        "comments.toml",
        format!("{}\n{EXPERIMENT}", "# much\n".repeat(200_000)),
    );
    let mut attack = Attack::on(&world);
    for name in ["bom.toml", "crlf.toml", "comments.toml"] {
        attack.case(name, &["check", "--config", name, "--device", "cpu"], Works);
    }
    attack.end(3);
}
