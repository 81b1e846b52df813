//! Every key that changes nothing for a kind of data is a mistake, named with why.

use crate::support::world::World;

/// An experiment of each kind of data, by the file's name.
fn world() -> World {
    let world = World::colours();
    let two: String = (0..40)
        .map(|row| {
            format!(
                "{}.5,{},w{},{}\n",
                row * 7 % 41,
                row * 3,
                row % 3,
                ["a", "b"][row % 2]
            )
        })
        .collect();
    world.write("rows.csv", format!("size,price,place,kind\n{two}"));
    let texts: String = (0..40)
        .map(|row| format!("word{} and more,{}\n", row % 7, ["a", "b"][row % 2]))
        .collect();
    world.write("texts.csv", format!("text,label\n{texts}"));
    for (class, word) in [("good", "fine"), ("bad", "poor")] {
        for number in 0..6 {
            world.write(
                &format!("words/{class}/{number}.txt"),
                format!("{word} number {number}"),
            );
        }
    }
    let end = "[train]\nepochs = 3\nbatch_size = 4\n";
    let dense = "[model]\nlayers = [{ dense = { units = 1 } }]\n";
    let tokens = "[model]\nlayers = [{ embedding = { dim = 2 } }, { flatten = {} }, { dense = { units = 1 } }]\n";
    let binary = "loss = \"binary_cross_entropy\"\n";
    let write = |name: &str, data: &str, model: &str, loss: &str| {
        let text = format!("[data]\n{data}\n{model}{end}{loss}");
        world.write(&format!("{name}.toml"), text);
    };
    let csv = "kind = \"csv\"\ntrain = \"rows.csv\"\nvalid_fraction = 0.2\n";
    write("classes", &format!("{csv}target = \"kind\""), dense, binary);
    write(
        "numbers",
        &format!("{csv}target = \"price\""),
        dense,
        "loss = \"mse\"\n",
    );
    let text = "kind = \"text\"\ntrain = \"texts.csv\"\nvalid_fraction = 0.2";
    write("texts", text, tokens, binary);
    let folder = "kind = \"text-folder\"\ntrain = \"words\"\nvalid_fraction = 0.2";
    write("folder", folder, tokens, binary);
    let image = "kind = \"image-folder\"\ntrain = \"train\"\nvalid = \"valid\"\nsize = [8, 8]";
    let flat = "[model]\nlayers = [{ flatten = {} }, { dense = { units = 1 } }]\n";
    write("images", image, flat, binary);
    world
}

const KINDS: [&str; 5] = ["images", "classes", "numbers", "texts", "folder"];

/// A flag, and the kinds that it means something for.
const KEYS: &[(&str, &[&str])] = &[
    ("augment.mixup=true", &["images"]),
    ("augment.cutmix=true", &["images"]),
    ("augment.rotation=10", &["images"]),
    ("augment.preset=light", &["images"]),
    ("augment.fill=wrap", &[]),
    ("augment.fill_value=3", &[]),
    ("augment.mixup=false", &KINDS),
    ("augment={ rotation = 10, fill = \"wrap\" }", &["images"]),
    ("preprocess.divide_by=255", &["images"]),
    ("preprocess.mean=0.5", &["images"]),
    ("preprocess.std=fit", &["images"]),
    ("eval.positive=zebra", &[]),
    (
        "eval.threshold=0.3",
        &["images", "classes", "texts", "folder"],
    ),
    ("eval.threshold=0.5", &KINDS),
    (
        "train.class_weights=balanced",
        &["images", "classes", "texts", "folder"],
    ),
    (
        "train.sampler=balanced",
        &["images", "classes", "texts", "folder"],
    ),
    ("train.drop_last=true", &KINDS),
    (
        "train.early_stopping={ patience = 1, start_from_epoch = 1 }",
        &KINDS,
    ),
    (
        "train.early_stopping={ patience = 1, start_from_epoch = 3 }",
        &[],
    ),
    ("train.optimizer={ sgd = { nesterov = true } }", &[]),
    (
        "train.optimizer={ sgd = { nesterov = true, momentum = 0.9 } }",
        &KINDS,
    ),
    ("audit.leaks=warn", &KINDS),
    ("data.channels=3", &["images"]),
    ("data.resize=nearest", &["images"]),
    ("data.crop=0.5", &[]),
    ("data.pad_value=9", &[]),
    ("data.alpha=drop", &["images"]),
    ("data.max_pixels=1000", &["images"]),
    ("data.cache_memory=1000", &["images", "classes", "numbers"]),
    ("data.cache_disk=1000", &["images"]),
    ("data.shuffle_buffer=9", &[]),
    ("data.classes=[\"x\", \"y\"]", &[]),
    ("data.scale=min_max", &["classes", "numbers"]),
    ("data.impute=median", &["classes", "numbers"]),
    ("data.unseen=error", &["classes", "numbers"]),
    ("data.scale_target=false", &["numbers"]),
    ("data.numeric_labels=true", &["classes", "texts"]),
    ("data.decimal=,", &["classes", "numbers", "texts"]),
    ("data.columns.size=ignore", &["classes", "numbers"]),
    (
        "data.columns.size={ role = \"ignore\", scale = \"min_max\" }",
        &[],
    ),
    ("data.columns.size={ fill = 3, impute = \"median\" }", &[]),
    ("data.columns.kind=category", &["numbers"]),
    ("data.vocabulary=9", &["texts", "folder"]),
    ("data.oov=false", &["texts", "folder"]),
    ("data.level=char", &["texts", "folder"]),
    ("data.filters=x", &["texts", "folder"]),
];

#[test]
fn a_key_means_something_or_is_refused() {
    let world = world();
    for kind in KINDS {
        let config = format!("{kind}.toml");
        let check = ["check", "--config", &config];
        world.kiln(&check).expect_success();
        for (flag, kinds) in KEYS {
            let run = world.kiln(&[&check[..], &["--set", flag]].concat());
            let means = kinds.contains(&kind);
            assert_eq!(
                run.code == 0,
                means,
                "{kind} with {flag}:\n{}{}",
                run.stdout,
                run.stderr
            );
            if !means {
                let key = flag.split('=').next().unwrap();
                assert!(
                    run.stderr.contains(key),
                    "{kind} with {flag}: {}",
                    run.stderr
                );
            }
        }
    }
}

#[test]
fn characters_have_no_filters_and_no_images_of_their_own_size_a_filter() {
    let world = world();
    let both = [
        "check",
        "--config",
        "texts.toml",
        "--set",
        "data.level=char",
        "--set",
        "data.filters=x",
    ];
    let message = world.kiln(&both).expect_failure().stderr;
    assert!(message.contains("data.filters is for words"), "{message}");
    let fit = [
        "check",
        "--config",
        "images.toml",
        "--set",
        "data.pad_value=9",
        "--set",
        "data.aspect=fit",
    ];
    world.kiln(&fit).expect_success();
}

#[test]
fn one_batch_an_epoch_has_no_last_one_and_none_to_gather() {
    let world = world();
    for (flag, message) in [
        (
            "train.drop_last=true",
            "train.drop_last leaves out a smaller last batch",
        ),
        (
            "train.accumulate=2",
            "train.accumulate gathers the gradients of several batches",
        ),
    ] {
        let all = ["--set", "train.batch_size=all", "--set", flag];
        let check = ["check", "--config", "numbers.toml"];
        let run = world
            .kiln(&[&check[..], &all[..]].concat())
            .expect_failure();
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
}

/// With the shape of images, no key of the shipped experiments is in vain.
#[test]
fn the_shipped_experiments_augment_as_they_say() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let shape = kiln::data::Shape::Image {
        height: 32,
        width: 32,
        channels: 3,
    };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "toml") {
            let source = kiln::data::load(&path, &[]).unwrap_or_else(|e| panic!("{e:#}"));
            let checked =
                kiln::data::image::augment::check_shape(&source.experiment.augment, shape);
            assert_eq!(checked, Ok(()), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 5);
}
