//! Mistakes that users make in an experiment: each message has the place, what was found, what was
//! expected, and where there is one the remedy. The snapshots lie in `snapshots/`.

use crate::support::world::{EXPERIMENT, World};

/// `kiln check` on the experiment with `from` replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(EXPERIMENT.contains(from), "{from}");
    check(&EXPERIMENT.replace(from, to), &["--device", "cpu"])
}

fn check(experiment: &str, more: &[&str]) -> String {
    let world = World::colours();
    world.write("experiment.toml", experiment);
    let base = ["check", "--config", "experiment.toml"];
    let run = world.kiln(&[&base[..], more].concat()).expect_failure();
    assert_eq!(run.stdout, "");
    world.anonymous(&run.stderr)
}

macro_rules! mistakes {
    ($($name:ident: $message:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!($message);
        }
    )*};
}

mistakes! {
    a_misspelt_key: with("epochs = 4", "epoch = 4");
    a_misspelt_section: with("[preprocess]", "[preproces]");
    a_misspelt_layer: with("{ flatten = {} }", "{ flaten = {} }");
    a_misspelt_option: with("filters = 4", "filter = 4");
    a_misspelt_activation: with("\"relu\"", "\"rellu\"");
    a_misspelt_loss: with("\"binary_cross_entropy\"", "\"binary_crossentropy\"");
    a_misspelt_optimizer: with("{ adam = { learning_rate = 0.01 } }", "\"adamm\"");
    an_unknown_precision: with("epochs = 4\n", "epochs = 4\nprecision = \"fp16\"\n");
    a_misspelt_augmentation: with("rotation = 10", "rotaton = 10");
    an_unknown_kind_of_data: with("\"image-folder\"", "\"images\"");
    a_missing_kind_of_data: with("kind = \"image-folder\"\n", "");
    a_missing_section: with("[train]\nepochs = 4\nbatch_size = 4\nloss = \"binary_cross_entropy\"\n\
        optimizer = { adam = { learning_rate = 0.01 } }\n", "");
    a_missing_key: with("epochs = 4\n", "");
    a_missing_option: with("filters = 4, ", "");
    a_missing_size: with("size = [8, 8]\n", "");
    a_text_for_a_number: with("epochs = 4", "epochs = \"four\"");
    a_fraction_for_a_count: with("epochs = 4", "epochs = 4.5");
    a_number_for_a_text: with("\"binary_cross_entropy\"", "7");
    a_zero: with("epochs = 4", "epochs = 0");
    no_units: with("units = 1", "units = 0");
    a_negative_rate: with("learning_rate = 0.01", "learning_rate = -1");
    a_size_of_one_number: with("size = [8, 8]", "size = [8]");
    a_size_that_is_no_list: with("size = [8, 8]", "size = 8");
    an_impossible_number_of_channels: with("channels = 3", "channels = 4");
    a_rotation_beyond_half_a_turn: with("rotation = 10", "rotation = 400");
    an_unknown_preset: with("rotation = 10", "preset = \"heavy\"");
    a_mixup_without_mixing: with("rotation = 10", "mixup = { alpha = 0 }");
    a_hue_for_grey_images: check(&EXPERIMENT.replace("channels = 3", "channels = 1")
        .replace("rotation = 10", "hue = 20"), &["--device", "cpu"]);
    an_unknown_fill: with("rotation = 10", "fill = \"mirror\"");
    a_batch_size_of_nothing: with("batch_size = 4", "batch_size = \"everything\"");
    an_unknown_monitor: with("epochs = 4", "monitor = \"val_accuracy\"\nepochs = 4");
    a_weight_for_no_class: with("epochs = 4", "epochs = 4\nclass_weights = { blu = 2.0, red = 1.0 }");
    too_few_class_weights: with("epochs = 4", "epochs = 4\nclass_weights = [1.0]");
    a_negative_class_weight: with("epochs = 4", "epochs = 4\nclass_weights = { blue = -2.0 }");
    a_text_for_a_class_weight: with("epochs = 4", "epochs = 4\nclass_weights = { blue = \"much\" }");
    a_misspelt_way_to_weigh_classes: with("epochs = 4", "epochs = 4\nclass_weights = \"balance\"");
    an_unknown_sampler: with("epochs = 4", "epochs = 4\nsampler = \"weighted\"");
    a_monitor_that_is_not_defined: with("epochs = 4", "monitor = \"valid_top_5_accuracy\"\nepochs = 4");
    an_unknown_positive_class: with("[train]", "[eval]\npositive = \"green\"\n\n[train]");
    an_unknown_device: with("[train]", "[device]\nkind = \"cuda\"\n\n[train]");
    two_sources_of_validation: with("valid = \"valid\"", "valid = \"valid\"\nvalid_fraction = 0.2");
    no_source_of_validation: with("valid = \"valid\"\n", "");
    no_layers: with("layers = [", "layers = []\nunused = [");
    a_layer_of_two_names: with("{ flatten = {} }", "{ flatten = {}, dense = { units = 1 } }");
    a_dense_layer_on_an_image: with("  { flatten = {} },\n", "");
    a_convolution_on_a_row: with("{ flatten = {} },", "{ flatten = {} }, { conv2d = { filters = 2, kernel = 1 } },");
    a_window_larger_than_the_image: with("kernel = 3", "kernel = 9");
    stated_inputs_that_do_not_fit: with("units = 1", "units = 1, in_features = 100");
    stated_channels_that_do_not_fit: with("filters = 4", "filters = 4, in_channels = 1");
    groups_that_do_not_divide: with("filters = 4", "filters = 4, groups = 2");
    too_many_units_for_two_classes: with("units = 1", "units = 2");
    a_net_that_ends_with_an_image: with("  { flatten = {} },\n  { dense = { units = 1 } },\n", "");
    too_many_means: with("divide_by = 255", "divide_by = 255\nmean = [0.5, 0.5]");
    a_folder_that_is_not_there: with("train = \"train\"", "train = \"trian\"");
    broken_toml: with("epochs = 4", "epochs = = 4");
    a_key_given_twice: with("epochs = 4", "epochs = 4\nepochs = 5");
    several_mistakes_at_once: with("epochs = 4\nbatch_size = 4", "epochs = 0\nbatch = 4");
    a_flag_with_a_misspelt_key: check(EXPERIMENT, &["--set", "train.epoch=3"]);
    a_flag_with_a_wrong_value: check(EXPERIMENT, &["--set", "train.epochs=many"]);
    a_flag_without_a_value: check(EXPERIMENT, &["--set", "train.epochs"]);
    a_flag_beyond_the_list: check(EXPERIMENT, &["--set", "model.layers[9].dense.units=3"]);
    an_empty_file: check("", &[]);
}

#[test]
fn broken_json() {
    let world = World::colours();
    world.write(
        "experiment.json",
        "{\n  \"data\": {\"kind\": \"image-folder\",,}\n}\n",
    );
    let run = world
        .kiln(&["check", "--config", "experiment.json"])
        .expect_failure();
    insta::assert_snapshot!(world.anonymous(&run.stderr));
}

#[test]
fn a_wrong_value_in_json() {
    let world = World::colours();
    world.write(
        "experiment.json",
        r#"{
  "data": {"kind": "image-folder", "train": "train", "valid": "valid", "size": [8, 8]},
  "model": {"layers": ["flatten", {"dense": {"units": "one"}}]},
  "train": {"epochs": 1, "loss": "binary_cross_entropy"}
}
"#,
    );
    let run = world
        .kiln(&["check", "--config", "experiment.json"])
        .expect_failure();
    insta::assert_snapshot!(world.anonymous(&run.stderr));
}

#[test]
fn an_experiment_that_is_not_there() {
    let world = World::empty();
    let run = world
        .kiln(&["train", "--config", "nothing.toml"])
        .expect_failure();
    insta::assert_snapshot!(run.stderr);
}

#[test]
fn a_folder_in_place_of_the_experiment() {
    let world = World::colours();
    let run = world.kiln(&["train", "--config", "train"]).expect_failure();
    insta::assert_snapshot!(run.stderr.split(": Is a dir").next().unwrap());
}

#[test]
fn a_model_that_is_none() {
    let world = World::colours();
    world.write("model.safetensors", "not a model");
    let run = world
        .kiln(&["predict", "-m", "model.safetensors", "x.png"])
        .expect_failure();
    insta::assert_snapshot!(run.stderr);
}

#[test]
fn a_model_that_is_cut_off() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let bytes = std::fs::read(world.path("run/best.safetensors")).unwrap();
    world.write("cut.safetensors", &bytes[..bytes.len() - 7]);
    let run = world
        .kiln(&["predict", "-m", "cut.safetensors", "x.png"])
        .expect_failure();
    insta::assert_snapshot!(run.stderr);
}

#[test]
fn a_run_folder_that_exists() {
    let world = World::colours();
    world.write("run/notes.txt", "precious");
    let run = world.train(&[]).expect_failure();
    insta::assert_snapshot!(run.stderr.lines().last().unwrap());
    assert_eq!(world.read("run/notes.txt"), "precious");
}
