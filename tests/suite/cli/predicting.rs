//! `kiln predict`, as a user would call it.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::cli::commands::trained;
use crate::support::world::finish;

#[test]
fn predict_answers_each_image_and_names_the_bad_one() {
    let world = trained();
    world.write("broken.jpg", "no image");
    let run = world
        .kiln(&[
            "predict",
            "-m",
            "run/best.safetensors",
            "--device",
            "cpu",
            "valid/red/00.png",
            "broken.jpg",
            "valid/blue/00.png",
            "missing.png",
        ])
        .expect_failure();
    let rows: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows[0].starts_with("valid/red/00.png\tred\t"),
        "{}",
        rows[0]
    );
    assert!(
        rows[1].starts_with("valid/blue/00.png\tblue\t"),
        "{}",
        rows[1]
    );
    assert!(
        run.stderr
            .contains("broken.jpg: is not an image (it holds text)"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("missing.png: cannot be read"),
        "{}",
        run.stderr
    );
}

#[test]
fn predict_takes_folders_patterns_and_a_list() {
    let world = trained();
    let count = |arguments: &[&str]| {
        let base = ["predict", "-m", "run/best.safetensors", "--device", "cpu"];
        world
            .kiln(&[&base[..], arguments].concat())
            .expect_success()
            .stdout
            .lines()
            .count()
    };
    assert_eq!(count(&["valid"]), 12);
    assert_eq!(count(&["valid/*/0[0-2].png"]), 6);
    assert_eq!(count(&["valid/red", "valid/blue/00.png"]), 7);

    let mut command = world.command(&["predict", "-m", "run/best.safetensors", "--json", "-"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"valid/red/00.png\nvalid/blue/01.png\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let classes: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["class"].clone())
        .collect();
    assert_eq!(classes, ["red", "blue"]);
}

#[test]
fn predict_shows_the_top_classes_in_order() {
    let world = trained();
    let run = world
        .kiln(&[
            "predict",
            "-m",
            "run/best.safetensors",
            "valid/red/00.png",
            "--top",
            "5",
            "--json",
        ])
        .expect_success();
    let top = run.json()[0]["top"].clone();
    assert_eq!(top.as_array().unwrap().len(), 2);
    assert_eq!(top[0]["class"], "red");
    assert!(top[0]["probability"].as_f64() > top[1]["probability"].as_f64());
}

#[test]
fn predict_without_any_image_fails() {
    let world = trained();
    std::fs::create_dir(world.path("nothing")).unwrap();
    let run = world
        .kiln(&[
            "predict",
            "-m",
            "run/best.safetensors",
            "nothing",
            "none*.png",
        ])
        .expect_failure();
    assert!(
        run.stderr.contains("nothing: holds no images"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("none*.png: matches no file"),
        "{}",
        run.stderr
    );
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let world = trained();
    let binary = env!("CARGO_BIN_EXE_kiln");
    let script =
        format!("'{binary}' predict -m run/best.safetensors valid valid valid | head -n 1");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(world.path(""));
    let run = finish(command);
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout.lines().count(), 1);
}

#[test]
fn the_kernels_can_be_kept_from_using_all_that_the_cpu_has() {
    let world = trained();
    let predict = |simd: &str| {
        let mut command =
            world.command(&["predict", "-m", "run/best.safetensors", "valid", "--json"]);
        command.env("KILN_SIMD", simd);
        finish(command)
    };
    let native = predict("native").expect_success().json();
    for simd in ["avx2", "portable"] {
        for (a, b) in predict(simd).expect_success().json().iter().zip(&native) {
            let (a, b) = (&a["probability"], &b["probability"]);
            assert!(
                (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-4,
                "{a} {b}"
            );
        }
    }
    let message = predict("sse9").expect_failure().stderr;
    assert!(
        message.contains("expected native, avx2 or portable"),
        "{message}"
    );
}
