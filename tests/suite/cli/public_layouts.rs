//! The layouts of public datasets, rebuilt small: five commands work at the first try on each.

use crate::cli::layouts::{Filled, Tried, first_try};
use crate::support::arrays::{alternating as labels, gzip, idx, npy, npz};
use crate::support::world::World;

fn classes(tried: &Tried) -> Vec<&str> {
    let classes = tried.check["classes"].as_array().expect("a list");
    classes
        .iter()
        .map(|class| class.as_str().expect("a name"))
        .collect()
}

#[test]
fn kaggles_cats_and_dogs() {
    let mut filled = Filled::new();
    filled
        .class("cats/train/cat.#.png", 0, 10)
        .class("cats/train/dog.#.png", 1, 10)
        .class("cats/test1/#.png", 0, 3);
    let tried = first_try(&filled.world, &["cats"], "cats/train", "cats/test1");
    assert_eq!(classes(&tried), ["cat", "dog"]);
    assert_eq!(tried.predict.stdout.lines().count(), 3);
    assert!(
        tried.init.stdout.contains("cats/test1"),
        "{}",
        tried.init.stdout
    );
}

#[test]
fn intels_scenes() {
    let mut filled = Filled::new();
    filled.classes("intel/seg_train/seg_train", &["forest", "sea"], 8);
    filled
        .classes("intel/seg_test/seg_test", &["forest", "sea"], 3)
        .class("intel/seg_pred/seg_pred/#.png", 0, 2);
    let tried = first_try(
        &filled.world,
        &["intel"],
        "intel/seg_test/seg_test",
        "intel/seg_pred",
    );
    assert_eq!(classes(&tried), ["forest", "sea"]);
    assert_eq!(tried.end["test"]["test_samples"], 6);
    assert!(
        tried.init.stderr.contains("seg_pred: no split by its name"),
        "{}",
        tried.init.stderr
    );
}

#[test]
fn flowers_by_lists_with_numbers() {
    let mut filled = Filled::new();
    filled
        .class("f/jpg/image_0#.png", 0, 8)
        .class("f/jpg/image_1#.png", 1, 8);
    let list = |numbers: std::ops::Range<usize>| -> String {
        numbers
            .flat_map(|n| {
                [
                    format!("jpg/image_0{n}.png 0\n"),
                    format!("jpg/image_1{n}.png 1\n"),
                ]
            })
            .collect()
    };
    filled.world.write("f/train.txt", list(0..5));
    filled.world.write("f/val.txt", list(5..7));
    filled.world.write("f/test.txt", list(7..8));
    let tried = first_try(&filled.world, &["f"], "f/test.txt", "f/jpg/image_00.png");
    assert_eq!(classes(&tried), ["0", "1"]);
    let counts = ["num_train", "num_valid", "num_test"].map(|key| tried.check[key].as_u64());
    assert_eq!(counts, [Some(10), Some(4), Some(2)], "{}", tried.experiment);
    assert_eq!(tried.end["test"]["test_loss"], tried.eval["loss"]);
}

#[test]
fn birds_with_lists_beside_their_folders() {
    let mut filled = Filled::new();
    let names = ["001.Black_footed_Albatross", "002.Laysan_Albatross"];
    filled.classes("CUB/images", &names, 8);
    filled
        .world
        .write("CUB/images.txt", "1 001.Black_footed_Albatross/0.png\n");
    filled
        .world
        .write("CUB/classes.txt", "1 001.Black_footed_Albatross\n");
    filled.world.write("CUB/attributes/x.txt", "1 2 3\n");
    let tried = first_try(
        &filled.world,
        &["CUB"],
        "CUB/images",
        "CUB/images/002.Laysan_Albatross/0.png",
    );
    assert_eq!(classes(&tried), names);
}

#[test]
fn stanfords_dogs() {
    let mut filled = Filled::new();
    let names = [
        "n02085620-Chihuahua",
        "n02085782-Japanese_spaniel",
        "n02085936-Maltese_dog",
    ];
    filled.classes("dogs/Images", &names, 6);
    let tried = first_try(&filled.world, &["dogs"], "dogs/Images", "dogs/Images");
    assert_eq!(classes(&tried), names);
}

#[test]
fn skin_lesions_by_a_table_of_names_without_extension() {
    let mut filled = Filled::new();
    filled
        .class("ham/part_1/ISIC_000#.png", 0, 8)
        .class("ham/part_2/ISIC_001#.png", 1, 8);
    let mut table = "lesion_id,image_id,dx,dx_type,age,sex,localization\n".to_string();
    for number in 0..8 {
        table.push_str(&format!(
            "HAM_{number},ISIC_000{number},nv,histo,{}.0,male,back\n",
            30 + number
        ));
        table.push_str(&format!(
            "HAM_{number},ISIC_001{number},mel,histo,{}.0,female,face\n",
            40 + number
        ));
    }
    filled.world.write("ham/HAM10000_metadata.csv", table);
    let csv = "ham/HAM10000_metadata.csv";
    let tried = first_try(
        &filled.world,
        &[csv, "--target", "dx"],
        csv,
        "ham/part_1/ISIC_0000.png",
    );
    assert_eq!(classes(&tried), ["mel", "nv"]);
    assert!(
        tried.experiment.contains("image = \"image_id\""),
        "{}",
        tried.experiment
    );
}

#[test]
fn plants_by_their_leaves() {
    let mut filled = Filled::new();
    filled
        .class("plants/Apple/scab/#.png", 0, 6)
        .class("plants/Apple/healthy/#.png", 1, 6);
    filled
        .class("plants/Grape/rot/#.png", 2, 6)
        .class("plants/Grape/healthy/h#.png", 1, 6);
    let message = filled
        .world
        .kiln(&["init", "plants", "--out", "top.toml"])
        .expect_success()
        .stderr;
    assert!(message.contains("--classes leaf takes those"), "{message}");
    let tried = first_try(
        &filled.world,
        &["plants", "--classes", "leaf"],
        "plants",
        "plants/Grape/rot/0.png",
    );
    assert_eq!(classes(&tried), ["healthy", "rot", "scab"]);
    assert_eq!(tried.eval["samples"], 24);
}

#[test]
fn satellites_one_folder_down() {
    let mut filled = Filled::new();
    filled.classes("EuroSAT/2750", &["AnnualCrop", "Forest", "River"], 6);
    let tried = first_try(
        &filled.world,
        &["EuroSAT"],
        "EuroSAT/2750",
        "EuroSAT/2750/River/0.png",
    );
    assert_eq!(classes(&tried), ["AnnualCrop", "Forest", "River"]);
}

#[test]
fn caltechs_objects_with_a_background() {
    let mut filled = Filled::new();
    let folder = "caltech101/101_ObjectCategories";
    filled.classes(folder, &["BACKGROUND_Google", "accordion", "anchor"], 6);
    let set = [
        "caltech101",
        "--set",
        "data.exclude=[\"BACKGROUND_Google\"]",
    ];
    let tried = first_try(
        &filled.world,
        &set,
        folder,
        "caltech101/101_ObjectCategories/anchor/0.png",
    );
    assert_eq!(classes(&tried), ["accordion", "anchor"]);
    assert_eq!(tried.eval["samples"], 12);
}

/// Images of a side: bright above for class 0, below for class 1; no two alike.
fn pixels(from: u32, count: u32, side: u32, channels: u32) -> Vec<u8> {
    let size = side * side * channels;
    let pixel = move |index: u32, place: u32| {
        let mixed = (index * size + place).wrapping_mul(2_654_435_761);
        let noise = (mixed ^ mixed >> 15).wrapping_mul(2_246_822_519) >> 25;
        let above = (place % (side * side)) < side * side / 2;
        noise as u8
            + if above == index.is_multiple_of(2) {
                120
            } else {
                0
            }
    };
    (from..from + count)
        .flat_map(|index| (0..size).map(move |place| pixel(index, place)))
        .collect()
}

#[test]
fn medmnists_arrays() {
    let world = World::empty();
    let images = |from, count: u32| {
        npy(
            "|u1",
            &format!("({count}, 8, 8)"),
            &pixels(from, count, 8, 1),
        )
    };
    let numbers = |count: u32| npy("|u1", &format!("({count}, 1)"), &labels(count));
    let arrays = [
        ("train_images", images(0, 40)),
        ("train_labels", numbers(40)),
        ("val_images", images(100, 10)),
        ("val_labels", numbers(10)),
        ("test_images", images(200, 12)),
        ("test_labels", numbers(12)),
    ];
    world.write("pneumonia.npz", npz(&arrays));
    let tried = first_try(&world, &["pneumonia.npz"], "pneumonia.npz", "pneumonia.npz");
    assert_eq!(classes(&tried), ["0", "1"]);
    assert_eq!(
        (&tried.check["num_train"], &tried.check["num_valid"]),
        (&40.into(), &10.into())
    );
    assert_eq!(tried.end["test"]["test_samples"], 12);
    assert_eq!(tried.end["test"]["test_loss"], tried.eval["loss"]);
    std::fs::create_dir(world.path("folder")).expect("a folder");
    std::fs::rename(
        world.path("pneumonia.npz"),
        world.path("folder/pneumonia.npz"),
    )
    .expect("moved");
    world.kiln(&["init", "folder"]).expect_success();
    world
        .kiln(&["check", "--config", "folder.toml"])
        .expect_success();
}

#[test]
fn fashions_packed_idx_files() {
    let world = World::empty();
    for (name, from, count) in [("train", 0, 60u32), ("t10k", 500, 12)] {
        let images = idx(8, &[count, 8, 8], &pixels(from, count, 8, 1));
        let numbers = idx(8, &[count], &labels(count));
        world.write(
            &format!("fashion/{name}-images-idx3-ubyte.gz"),
            gzip(&images),
        );
        world.write(
            &format!("fashion/{name}-labels-idx1-ubyte.gz"),
            gzip(&numbers),
        );
    }
    let tried = first_try(
        &world,
        &["fashion"],
        "fashion",
        "fashion/t10k-images-idx3-ubyte.gz",
    );
    assert_eq!(classes(&tried), ["0", "1"]);
    assert_eq!(tried.end["test"]["test_samples"], 12);
    assert_eq!(tried.predict.stdout.lines().count(), 12);
}

#[test]
fn cifars_binaries() {
    let world = World::empty();
    let batch = |from: u32, count: u32| -> Vec<u8> {
        let images = pixels(from, count, 32, 3);
        let each = images.chunks(3072).zip(labels(count));
        each.flat_map(|(image, label)| [&[label][..], image].concat())
            .collect()
    };
    world.write("cifar-10-batches-bin/data_batch_1.bin", batch(0, 20));
    world.write("cifar-10-batches-bin/data_batch_2.bin", batch(100, 20));
    world.write("cifar-10-batches-bin/test_batch.bin", batch(200, 8));
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n";
    world.write("cifar-10-batches-bin/batches.meta.txt", names);
    let mut filled = Filled::new();
    filled.class("one.png", 0, 1);
    std::fs::copy(filled.world.path("one.png"), world.path("one.png")).expect("copied");
    let folder = "cifar-10-batches-bin";
    let tried = first_try(&world, &[folder], folder, "one.png");
    assert_eq!(classes(&tried), ["airplane", "automobile"]);
    assert_eq!(tried.end["test"]["test_samples"], 8);
}

fn texts(world: &World, folder: &str, count: usize, end: &str) {
    let words = ["good fine great lovely", "bad awful poor sad"];
    for (index, class) in ["neg", "pos"].iter().enumerate() {
        for number in 0..count {
            let text = format!("It is {} number {number} of {folder}\n", words[1 - index]);
            world.write(&format!("{folder}/{class}/{number}{end}"), text);
        }
    }
}

#[test]
fn newsgroups_without_extensions() {
    let world = World::empty();
    texts(&world, "20news/20news-bydate-train", 10, "");
    texts(&world, "20news/20news-bydate-test", 3, "");
    let test = "20news/20news-bydate-test";
    let tried = first_try(&world, &["20news"], test, "20news/20news-bydate-test/neg/0");
    assert_eq!(classes(&tried), ["neg", "pos"]);
    assert_eq!(tried.eval["samples"], 6);
    assert!(
        tried.init.stderr.contains("--data"),
        "{}",
        tried.init.stderr
    );
}

#[test]
fn film_reviews_with_unlabelled_ones() {
    let world = World::empty();
    texts(&world, "aclImdb/train", 10, "_7.txt");
    texts(&world, "aclImdb/test", 3, "_7.txt");
    for number in 0..4 {
        world.write(
            &format!("aclImdb/train/unsup/{number}_0.txt"),
            "who knows\n",
        );
    }
    world.write("aclImdb/README", "Large Movie Review Dataset");
    world.write("aclImdb/imdb.vocab", "the\n");
    let tried = first_try(
        &world,
        &["aclImdb"],
        "aclImdb/test",
        "aclImdb/test/pos/0_7.txt",
    );
    assert_eq!(classes(&tried), ["neg", "pos"]);
    assert_eq!(tried.eval["samples"], 6);
    assert!(
        tried.init.stderr.contains("without labels: unsup/"),
        "{}",
        tried.init.stderr
    );
}

#[test]
fn archives_in_a_folder_or_by_a_pattern() {
    let world = World::empty();
    let synth = [
        "synth",
        "shapes",
        "--out",
        "wds",
        "--train",
        "8",
        "--valid",
        "3",
        "--size",
        "10",
        "--per-shard",
        "10",
    ];
    world.kiln(&synth).expect_success();
    let first = std::fs::read_dir(world.path("wds"))
        .expect("a folder")
        .flatten()
        .map(|e| e.path())
        .min()
        .expect("a file");
    assert!(first.extension().is_some_and(|end| end == "tar"));
    world
        .kiln(&[
            "synth", "shapes", "--out", "loose", "--train", "1", "--valid", "1",
        ])
        .expect_success();
    let tried = first_try(&world, &["wds"], "wds/valid-00000.tar", "loose/train");
    assert_eq!(classes(&tried), ["circle", "square", "triangle"]);
    assert_eq!(
        (&tried.check["num_train"], &tried.check["num_valid"]),
        (&24.into(), &9.into())
    );
    assert!(
        tried.experiment.contains("train-*.tar"),
        "{}",
        tried.experiment
    );
    world
        .kiln(&["init", "wds/train-*.tar", "--out", "pattern.toml"])
        .expect_success();
    world
        .kiln(&["check", "--config", "pattern.toml"])
        .expect_success();
}
