//! Mistakes within what holds others: path, line and hint are those of the inner one.

use crate::support::world::World;

fn check(model: &str, loss: &str) -> String {
    let world = World::colours();
    let text = format!(
        "[data]\nkind = \"image-folder\"\ntrain = \"train\"\nvalid = \"valid\"\nsize = [8, 8]\nchannels = 3\n\
         [model]\nlayers = [\n{model}\n]\n[train]\nepochs = 1\nloss = {loss}\n"
    );
    world.write("experiment.toml", text);
    world
        .kiln(&["check", "--config", "experiment.toml"])
        .expect_failure()
        .stderr
}

#[track_caller]
fn reports(model: &str, parts: &[&str]) {
    let message = check(model, "\"binary_cross_entropy\"");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
}

const END: &str = "\n{ flatten = {} },\n{ dense = { units = 1 } },";

#[test]
fn a_mistake_within_a_block_is_shown_where_it_is() {
    let block = format!(
        "{{ residual = {{ layers = [\n  {{ conv2d = {{ filter = 3, kernel = 3 }} }},\n] }} }},{END}"
    );
    reports(
        &block,
        &[
            "experiment.toml:10: model.layers[0].residual.layers[0].conv2d.filter is not a known key",
            "  10 |   { conv2d = { filter = 3, kernel = 3 } },\n",
            "did you mean `filters`?",
            "experiment.toml:10: model.layers[0].residual.layers[0].conv2d.filters is missing",
        ],
    );
    let deeper = format!(
        "{{ residual = {{ layers = [\n  {{ residual = {{ layers = [\n    {{ conv2 = {{}} }},\n    {{ dropout = {{ rate = 2 }} }},\n  ] }} }},\n] }} }},{END}"
    );
    reports(
        &deeper,
        &[
            "experiment.toml:11: model.layers[0].residual.layers[0].residual.layers[0] is `conv2`",
            "did you mean `conv2d`?",
            "experiment.toml:12: model.layers[0].residual.layers[0].residual.layers[1].dropout.rate is 2",
        ],
    );
}

#[test]
fn a_shape_that_does_not_fit_within_a_block_is_shown_where_it_is() {
    let block = format!(
        "{{ residual = {{ layers = [\n  {{ flatten = {{}} }},\n  {{ conv2d = {{ filters = 3, kernel = 3 }} }},\n] }} }},{END}"
    );
    reports(
        &block,
        &[
            "experiment.toml:11: model.layers[0].residual.layers[1] (conv2d) expects an image",
            "  11 |   { conv2d = { filters = 3, kernel = 3 } },\n",
            "hint: layers on images come before",
        ],
    );
    let window = format!(
        "{{ residual = {{ layers = [\n  {{ conv2d = {{ filters = 3, kernel = 30 }} }},\n] }} }},{END}"
    );
    reports(
        &window,
        &[
            "experiment.toml:10: model.layers[0].residual.layers[0] (conv2d) expects a height of at least 30",
        ],
    );
}

#[test]
fn a_mistake_of_a_layer_that_runs_both_ways_is_said_once() {
    let both = "{ reshape = { shape = [8, 24] } },\n{ bidirectional = { layer = { lstm = {\n  unit = 3,\n} } } },\n{ dense = { units = 1 } },";
    let message = check(both, "\"binary_cross_entropy\"");
    let line =
        "experiment.toml:11: model.layers[1].bidirectional.layer.lstm.unit is not a known key";
    assert_eq!(message.matches(line).count(), 1, "{message}");
    assert!(message.contains("did you mean `units`?"), "{message}");
    let image =
        "{ bidirectional = { layer = {\n lstm = { units = 3 } } } },\n{ dense = { units = 1 } },";
    let message = check(image, "\"binary_cross_entropy\"");
    assert!(
        message.contains("model.layers[0].bidirectional.layer (lstm) expects a sequence"),
        "{message}"
    );
}

#[test]
fn a_mistake_in_the_loss_of_a_head_is_shown_where_it_is() {
    let net = format!("{{ dense = {{ units = 1 }} }},{END}");
    let loss = "{ per_head = { \"km/h\" = { focal = { gama = 1 } }, b = { loss = \"hubr\", weight = 2 } } }";
    let message = check(&net, loss);
    for part in [
        "train.loss.per_head.\"km/h\".focal.gama is not a known key",
        "did you mean `gamma`?",
        "train.loss.per_head.b.loss is `hubr`",
        "did you mean `huber`?",
    ] {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
}

#[test]
fn advice_names_the_optimizer_in_use() {
    let world = World::colours();
    let optimizer = "optimizer = { adam = { learning_rate = 0.01 } }";
    for (name, rate) in [("sgd", "1e30"), ("rmsprop", "1e30")] {
        let other = format!("optimizer = {{ {name} = {{ learning_rate = {rate} }} }}");
        let text = crate::support::world::EXPERIMENT.replace(optimizer, &other);
        world.write("experiment.toml", text);
        let message = world.train_into(&["--out", name]).expect_failure().stderr;
        assert!(
            message.contains(&format!("train.optimizer.{name}.learning_rate")),
            "{message}"
        );
        assert!(!message.contains("adam"), "{message}");
    }
}
