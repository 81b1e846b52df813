//! Cache files hold private images: they are their user's alone, and nothing planted in their place is
//! touched.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Instant;

use crate::support::world::{Run, World, finish};

/// Decoded images go into the cache file.
const TRAIN: [&str; 11] = [
    "train",
    "--config",
    "experiment.toml",
    "--device",
    "cpu",
    "--set",
    "train.epochs=1",
    "--set",
    "data.cache_memory=0",
    "--out",
    "run",
];

fn train(world: &World) -> Run {
    let _ = std::fs::remove_dir_all(world.path("run"));
    world.kiln(&TRAIN).expect_success()
}

fn files(folder: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn folders_and_files_are_their_user_s_alone() {
    let world = World::colours();
    let message = train(&world).stderr;
    assert!(!message.contains("cache"), "{message}");
    assert_eq!(mode(&world.path("cache")), 0o700);
    for ending in ["samples", "lock"] {
        let found = files(&world.path("cache"), ending);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|path| mode(path) == 0o600));
    }
}

#[test]
fn a_link_planted_as_a_cache_file_is_not_followed() {
    let world = World::colours();
    train(&world);
    for planted in files(&world.path("cache"), "samples") {
        std::fs::remove_file(&planted).unwrap();
        world.write("victim", "kept");
        symlink(world.path("victim"), &planted).unwrap();
    }
    let message = train(&world).stderr;
    assert!(
        message.contains("note: no cache file can be written"),
        "{message}"
    );
    assert!(message.contains("symbolic link"), "{message}");
    assert_eq!(world.read("victim"), "kept");
}

#[test]
fn a_folder_of_another_user_or_open_to_others_is_not_used() {
    let world = World::colours();
    std::fs::create_dir(world.path("cache")).unwrap();
    std::fs::set_permissions(world.path("cache"), PermissionsExt::from_mode(0o777)).unwrap();
    let message = train(&world).stderr;
    assert!(
        message.contains("others may write into the folder"),
        "{message}"
    );
    assert!(files(&world.path("cache"), "samples").is_empty());
    if std::os::unix::fs::chown(world.path("cache"), Some(65_534), None).is_ok() {
        std::fs::set_permissions(world.path("cache"), PermissionsExt::from_mode(0o700)).unwrap();
        let message = train(&world).stderr;
        assert!(message.contains("belongs to another user"), "{message}");
        assert!(files(&world.path("cache"), "samples").is_empty());
    }
}

#[test]
fn a_user_without_a_home_has_a_folder_of_its_own() {
    let world = World::colours();
    std::fs::create_dir(world.path("tmp")).unwrap();
    std::fs::set_permissions(world.path("tmp"), PermissionsExt::from_mode(0o1777)).unwrap();
    let mut command = world.command(&TRAIN);
    command
        .env_remove("KILN_CACHE_DIR")
        .env_remove("XDG_CACHE_HOME");
    command
        .env("HOME", "/nonexistent")
        .env("TMPDIR", world.path("tmp"));
    finish(command).expect_success();
    let user = world.path("run").metadata().map(|meta| {
        use std::os::unix::fs::MetadataExt;
        meta.uid()
    });
    let folder = world.path(format!("tmp/kiln-{}", user.unwrap()));
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(files(&folder, "samples").len(), 2);
}

#[test]
fn a_lock_that_is_held_for_ever_is_given_up() {
    let world = World::colours();
    train(&world);
    let lock = &files(&world.path("cache"), "lock")[0];
    // This process holds it.
    let held = std::fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let begin = Instant::now();
    let message = train(&world).stderr;
    assert!(begin.elapsed().as_secs() < 60);
    assert!(message.contains("waiting for another run"), "{message}");
    assert!(
        message.contains("note: no cache file can be written"),
        "{message}"
    );
}
