//! `kiln weights`: the catalogue, what is on this machine, what files hold.

use std::path::Path;
use std::process::Command;

#[cfg(feature = "download")]
use crate::support::server::{Reply, Server};
use crate::support::world::{Run, World, finish, holds, refused};

/// The program with no folders of weights but those in `world`.
fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    for name in [
        "KILN_WEIGHTS",
        "KILN_WEIGHTS_URL",
        "TORCH_HOME",
        "HF_HOME",
        "HF_HUB_CACHE",
    ] {
        command.env_remove(name);
    }
    command
        .env("HOME", world.path("home"))
        .env("XDG_CACHE_HOME", world.path("home/.cache"));
    command
}

fn kiln(world: &World, arguments: &[&str]) -> Run {
    finish(command(world, arguments))
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn every_backbone_s_files_are_listed_and_those_on_this_machine_are_found() {
    let world = World::empty();
    let run = kiln(&world, &["weights"]).expect_success();
    holds(
        &run.stdout,
        &[
            "resnet18-f37072fd.pth",
            "~46.8 MB  f37072fd (from its name)",
            "579344248a93...",
            "Apache-2.0",
            "https://download.pytorch.org/models/ (never tried by the authors of this program): resnet18, resnet34",
            "home/.cache/torch/hub/checkpoints (not there)",
        ],
    );
    for line in run.stdout.lines().filter(|line| line.contains(".pth ")) {
        assert!(line.ends_with('-'), "{line}");
    }
    world.write(
        "home/.cache/torch/hub/checkpoints/resnet18-f37072fd.pth",
        "x",
    );
    world.write(
        "home/.cache/huggingface/hub/models--a--b/snapshots/c/vgg16-397923af.pth",
        "x",
    );
    world.write("cache/weights/resnet34-b627a593.pth", "x");
    world.write("mine/mobilenet_v2-b0353104.pth", "x");
    let mut command = command(&world, &["weights", "--json"]);
    command.env("KILN_WEIGHTS", world.path("mine"));
    let found = finish(command).expect_success().json();
    let path = |name: &str| {
        let mut entries = found.iter();
        let entry = entries.find(|entry| entry["name"] == name).expect(name);
        entry["path"].as_str().map(|path| path.replace('\\', "/"))
    };
    for (name, end) in [
        ("resnet18", "hub/checkpoints/resnet18-f37072fd.pth"),
        ("vgg16", "snapshots/c/vgg16-397923af.pth"),
        ("resnet34", "cache/weights/resnet34-b627a593.pth"),
        ("mobilenet_v2", "mine/mobilenet_v2-b0353104.pth"),
    ] {
        assert!(
            path(name).is_some_and(|path| path.ends_with(end)),
            "{name}: {:?}",
            path(name)
        );
    }
    assert_eq!(path("resnet50"), None);
    let lite = found
        .iter()
        .find(|entry| entry["name"] == "efficientnet_lite0")
        .unwrap();
    assert_eq!(lite["preprocess"]["filter"], "bicubic");
    assert_eq!(lite["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn a_file_s_tensors_are_shown() {
    let world = World::empty();
    world.write(
        "home/.cache/torch/hub/checkpoints/net.pth",
        fixture("checkpoint.pth"),
    );
    let run = kiln(&world, &["weights", "info", "net.pth"]).expect_success();
    holds(
        &run.stdout,
        &[
            "hub/checkpoints/net.pth: PyTorch\n",
            "the tensors lie under the key state_dict",
            "the prefix module.model. of all names is left out",
            "0.weight               [2, 3, 2, 2]  f32",
            "7 tensors, 35 values",
        ],
    );
    world.write("sparse.pth", fixture("sparse.pth"));
    let run = kiln(&world, &["weights", "info", "sparse.pth", "--json"]).expect_success();
    let object = &run.json()[0];
    assert_eq!(object["tensors"][0]["shape"], serde_json::json!([2, 2]));
    assert!(object["unreadable"]["sparse"].is_string(), "{object}");
    world.write("page.pth", "<html>");
    refused(
        kiln(&world, &["weights", "info", "page.pth"]),
        &["page.pth: it is a web page"],
    );
    refused(
        kiln(&world, &["weights", "info", "none.pth"]),
        &["none.pth: it cannot be read"],
    );
}

#[cfg(feature = "download")]
#[test]
fn what_is_fetched_is_the_right_file_or_nothing() {
    let world = World::empty();
    let server = Server::start(|_, _| Reply::whole(&fixture("zip.pth")));
    let get = ["weights", "get", "resnet18", "--from", &server.url];
    refused(
        kiln(&world, &get),
        &[
            "resnet18-f37072fd.pth was not fetched",
            "expected one that begins with f37072fd",
        ],
    );
    let left = std::fs::read_dir(world.path("cache/weights"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "nothing is left");
    let mut command = command(&world, &["weights", "get", "resnet18-f37072fd.pth"]);
    command
        .env("KILN_WEIGHTS_URL", &server.url)
        .env("KILN_WEIGHTS", world.path("mine"));
    refused(finish(command), &["was not fetched"]);
    assert!(world.path("mine").is_dir());
    assert_eq!(server.requests()[1].path, "/resnet18-f37072fd.pth");
    // A file of the name that is not the file is no reason to fetch nothing.
    world.write(
        "home/.cache/torch/hub/checkpoints/resnet18-f37072fd.pth",
        fixture("zip.pth"),
    );
    refused(
        kiln(&world, &get),
        &[
            "warning: ",
            "its SHA-256 is wrong; it is fetched",
            "was not fetched",
        ],
    );
    refused(
        kiln(&world, &["weights", "get", "resnet19"]),
        &["no weights called \"resnet19\"", "resnet18, resnet34"],
    );
}
