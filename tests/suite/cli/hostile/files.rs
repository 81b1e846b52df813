//! Model files, and folders with odd names, links and pipes.

use std::process::Command;

use serde_json::json;

use super::Attack;
use super::Outcome::{Orderly, Refused, Works};
use crate::support::world::World;

/// A safetensors file with a header and some bytes behind it.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u64).to_le_bytes();
    [&len, header.as_bytes(), data].concat()
}

#[test]
fn model_files_from_strangers_are_refused() {
    let world = World::colours();
    world
        .train(&["--set", "train.epochs=1", "--quiet"])
        .expect_success();
    let whole = std::fs::read(world.path("run/best.safetensors")).expect("a model");
    let (mut nan, mut cut) = (whole.clone(), whole.clone());
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    cut.truncate(whole.len() - 5);
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let meta = |kiln: &str| safetensors(&json!({"__metadata__": {"kiln": kiln}}).to_string(), &[]);
    let tensor = |shape: &str, offsets: &str| {
        let header = format!(
            "{{\"__metadata__\":{{\"kiln\":\"{{}}\"}},\"w\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}"
        );
        safetensors(&header, &[0; 16])
    };
    let files: [(&str, Vec<u8>); 16] = [
        ("empty", Vec::new()),
        ("seven", vec![1; 7]),
        ("length", u64::MAX.to_le_bytes().to_vec()),
        ("long", [&(1u64 << 40).to_le_bytes()[..], b"{}"].concat()),
        ("deep", safetensors(&deep, &[])),
        ("strange", safetensors("{}", &[])),
        ("version", meta("{\"version\": 999}")),
        ("none", meta("{}")),
        ("nested", meta(&deep)),
        ("overflow", tensor("[4611686018427387904, 4]", "[0, 16]")),
        ("reversed", tensor("[4]", "[16, 0]")),
        ("outside", tensor("[400]", "[0, 1600]")),
        ("nan", nan),
        ("cut", cut),
        ("doubled", [whole.clone(), whole.clone()].concat()),
        ("text", b"this is no model\n".to_vec()),
    ];
    let mut attack = Attack::on(&world);
    for (name, content) in &files {
        world.write(name, content);
        attack.case(
            name,
            &["predict", "--model", name, "valid/red"],
            Refused(&[]),
        );
        attack.case(
            name,
            &["eval", "--model", name, "--data", "valid"],
            Refused(&[]),
        );
    }
    attack.case(
        "a folder",
        &["predict", "--model", "valid", "valid/red"],
        Refused(&["valid"]),
    );
    attack.case(
        "no model",
        &["eval", "--model", "gone", "--data", "valid"],
        Refused(&["gone"]),
    );
    attack.end(34);
}

#[cfg(unix)]
#[test]
fn folders_with_odd_names_links_and_pipes_are_listed_and_used() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let world = World::colours();
    let red = world.path("train/red");
    world.image("train/red/new\nline.png", [220, 40, 20], 91);
    world.image("train/red/tab\there.png", [220, 40, 20], 92);
    world.image("train/red/\u{1b}[31m.png", [220, 40, 20], 93);
    world.image("train/red/\u{202e}gnp.png", [220, 40, 20], 94);
    world.image("train/red/bytes.png", [220, 40, 20], 95);
    let bytes = red.join(OsStr::from_bytes(b"\xff\xfe.png"));
    std::fs::rename(red.join("bytes.png"), bytes).expect("a name that is not UTF-8");
    std::fs::create_dir(red.join("folder.png")).expect("a folder");
    symlink("loop.png", red.join("loop.png")).expect("a link to itself");
    symlink("nowhere.png", red.join("dangling.png")).expect("a link");
    symlink("/dev/zero", red.join("zero.png")).expect("a link to a device");
    symlink("..", red.join("up")).expect("a link upwards");
    let made = Command::new("mkfifo").arg(red.join("pipe.png")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let mut attack = Attack::on(&world);
    attack.case("audit", &["audit", "train"], Orderly);
    let train = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=1",
    ];
    attack.case("a link upwards", &train, Refused(&["up"]));
    std::fs::remove_file(red.join("up")).expect("removed");
    attack.case("train", &train, Works);
    let best = "run/best.safetensors";
    attack.case(
        "predict",
        &["predict", "--model", best, "train/red"],
        Orderly,
    );
    attack.case(
        "eval",
        &["eval", "--model", best, "--data", "train"],
        Orderly,
    );
    attack.case(
        "a pipe",
        &["predict", "--model", best, "train/red/pipe.png"],
        Refused(&["pipe.png"]),
    );
    attack.case(
        "a device",
        &["predict", "--model", best, "/dev/zero"],
        Refused(&["/dev/zero"]),
    );
    attack.case(
        "a model that is a device",
        &["predict", "--model", "/dev/zero", "valid/red"],
        Refused(&["/dev/zero"]),
    );
    attack.case(
        "an experiment that is a device",
        &["check", "--config", "/dev/zero"],
        Refused(&["/dev/zero"]),
    );
    attack.fed(
        "a list with odd names",
        &["predict", "--model", best, "-"],
        b"valid/red/00.png\n\n\xff\xfe\nno such\n",
        Refused(&["no such"]),
    );
    attack.case(
        "full",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "/dev/full",
        ],
        Refused(&["/dev/full"]),
    );
    attack.case(
        "null",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "/dev/null",
        ],
        Works,
    );
    attack.case(
        "a folder to write",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "valid",
        ],
        Refused(&["valid"]),
    );
    attack.case(
        "no folder",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "no/where.csv",
        ],
        Refused(&["no/where.csv"]),
    );
    let null = std::fs::metadata("/dev/null").expect("a device");
    assert!(!null.is_file(), "/dev/null was replaced");
    attack.end(14);
}
