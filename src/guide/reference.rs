//! The reference of every key, layer, loss, optimizer, schedule, augmentation, initializer, activation and metric, as
//! Markdown. It is generated from the JSON schema, which holds the docstrings, types, ranges and defaults of the code:
//! there is no second list.

use serde_json::{Map, Value, json};

use super::entry::{Entry, child, children};
use super::schema::experiment_schema;
use crate::config::schema_of;
use crate::metrics::regression::REGRESSION_METRICS;
use crate::metrics::{LABEL_METRICS, METRICS};
use crate::model::{Activation, Init};

/// Everything that `kiln guide` can explain beside its pages.
pub struct Reference {
    root: Value,
}

/// Families by a name that is not the path of their key.
const GROUPS: [(&str, &str); 4] = [
    ("layers", "model.layers"),
    ("losses", "train.loss"),
    ("optimizers", "train.optimizer"),
    ("schedules", "train.schedule"),
];

impl Default for Reference {
    fn default() -> Self {
        let mut root = experiment_schema();
        root["properties"]["activations"] = named(schema_of::<Activation>(), "activation");
        root["properties"]["initializers"] = named(schema_of::<Init>(), "weight_init");
        root["properties"]["metrics"] = metrics();
        Reference { root }
    }
}

/// A schema of names under a description that says where they are used.
fn named(mut schema: Value, option: &str) -> Value {
    schema["description"] = json!(format!(
        "What the option `{option}` of layers takes: a name, or a table with options."
    ));
    schema
}

fn metrics() -> Value {
    let mut all = Map::new();
    let classes = METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let labels = LABEL_METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let numbers = REGRESSION_METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let tasks = [
        ("classes", Vec::from_iter(classes)),
        ("multi-label", Vec::from_iter(labels)),
        ("regression", Vec::from_iter(numbers)),
    ];
    for (task, metrics) in tasks {
        for (name, about, higher) in metrics {
            let better = if higher {
                "Higher is better."
            } else {
                "Lower is better."
            };
            let text = format!("Of {task}: {about}");
            let entry = all
                .entry(name)
                .or_insert_with(|| json!({"x-metric": better, "description": ""}));
            let before = entry["description"].as_str().unwrap_or_default();
            let gap = if before.is_empty() { "" } else { " " };
            entry["description"] = json!(format!("{before}{gap}{text}"));
        }
    }
    json!({
        "description": "Figures of a split: `valid_NAME` in `history.jsonl` and as `train.monitor`; with several heads \
                        `valid_HEAD_NAME`.",
        "properties": all,
    })
}

impl Reference {
    /// The entries at a path of the experiment (`train.optimizer.adam.beta1`), or has that name anywhere (`adam`,
    /// `conv2d`, `f1`, `valid_f1`): the entries with the shortest path first. Empty where there is nothing.
    pub fn find(&self, name: &str) -> Vec<Entry<'_>> {
        let name = strip_indices(name.trim());
        let group = GROUPS.iter().find(|(group, _)| *group == name);
        let path = group.map_or(name.as_str(), |(_, path)| path);
        if let Some(entry) = self.at(path) {
            return vec![entry];
        }
        let metric = name.strip_prefix("valid_").or(name.strip_prefix("train_"));
        if let Some(entry) = metric.and_then(|metric| self.at(&format!("metrics.{metric}"))) {
            return vec![entry];
        }
        let suffix = format!(".{name}");
        let mut found: Vec<Entry<'_>> = self.all();
        found.retain(|entry| entry.path.ends_with(&suffix));
        let depth = |entry: &Entry<'_>| entry.path.matches('.').count();
        found.sort_by_key(depth);
        // A name of a family is that member; an option that many members have is shown for each.
        if let Some(first) = found.first().map(depth) {
            found.retain(|entry| depth(entry) == first);
        }
        found
    }

    /// The name nearest to one that is not known.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let entries = self.all();
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
        let names = entries
            .iter()
            .flat_map(|entry| [entry.path.clone(), last(&entry.path)]);
        let topics = super::TOPICS.iter().map(|topic| topic.name.to_string());
        names
            .chain(topics)
            .map(|known| (strsim::jaro_winkler(name, &known), known))
            .filter(|(score, _)| *score > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }

    fn at(&self, path: &str) -> Option<Entry<'_>> {
        let start = Entry {
            path: String::new(),
            node: &self.root,
            text: "",
            required: false,
            is_kind: false,
        };
        path.split('.')
            .try_fold(start, |entry, segment| child(&entry, segment))
    }

    /// Every entry, those above before those below.
    fn all(&self) -> Vec<Entry<'_>> {
        let mut all = vec![Entry {
            path: String::new(),
            node: &self.root,
            text: "",
            required: false,
            is_kind: false,
        }];
        let mut next = 0;
        while next < all.len() {
            let more = children(&all[next]);
            all.extend(more);
            next += 1;
        }
        all.remove(0);
        all
    }
}

/// `model.layers[2].conv2d` is explained as `model.layers.conv2d`.
fn strip_indices(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SOURCES;
    use crate::model::{LAYERS, LOSSES};
    use crate::train::{OPTIMIZERS, SCHEDULES};

    fn only(name: &str) -> String {
        let reference = Reference::default();
        let found = reference.find(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].markdown()
    }

    #[test]
    fn a_path_shows_type_range_default_and_text() {
        let page = only("train.optimizer.adam.beta1");
        assert!(page.starts_with("# `train.optimizer.adam.beta1`"), "{page}");
        assert!(
            page.contains("a number of at least 0 and below 1"),
            "{page}"
        );
        assert!(page.contains("**Default:** `0.9`"), "{page}");
        let page = only("model.layers[3].dense");
        assert!(
            page.contains("layers = [{ dense = { units = 8 } }]"),
            "{page}"
        );
        assert!(
            page.contains("| units | an integer of at least 1 | required |"),
            "{page}"
        );
        assert!(only("data.csv.target").contains("data.csv.target"));
        assert!(only("train.early_stopping").contains("patience"));
    }

    #[test]
    fn every_member_of_every_family_is_found_by_its_name_alone() {
        let reference = Reference::default();
        let names = |family: &[&str]| family.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let mut all = names(&LAYERS.iter().map(|m| m.name).collect::<Vec<_>>());
        all.extend(LOSSES.iter().map(|m| m.name.to_string()));
        all.extend(OPTIMIZERS.iter().map(|m| m.name.to_string()));
        all.extend(SCHEDULES.iter().map(|m| m.name.to_string()));
        all.extend(SOURCES.iter().map(|m| m.name.to_string()));
        all.extend(METRICS.iter().map(|m| m.name.to_string()));
        all.extend(
            [
                "relu",
                "glorot_uniform",
                "mixup",
                "random_erasing",
                "r2",
                "exact_match",
            ]
            .map(String::from),
        );
        for name in all {
            let found = reference.find(&name);
            let text = found.first().map_or("", |entry| entry.text);
            assert!(text.len() > 2, "{name}");
        }
        for group in [
            "layers",
            "losses",
            "optimizers",
            "schedules",
            "augment",
            "metrics",
            "data",
            "initializers",
            "activations",
        ] {
            assert!(only(group).lines().count() > 6, "{group}");
        }
        assert_eq!(reference.find("valid_f1")[0].path, "metrics.f1");
    }

    #[test]
    fn every_key_has_a_docstring_and_an_unknown_one_a_neighbour() {
        let reference = Reference::default();
        let bare: Vec<String> = reference
            .all()
            .into_iter()
            .filter(|entry| entry.text.is_empty() && !entry.path.ends_with(".kind"))
            .map(|entry| entry.path)
            .collect();
        assert!(bare.is_empty(), "without a docstring: {bare:?}");
        assert_eq!(
            reference.nearest("lerning_rate").as_deref(),
            Some("learning_rate")
        );
        assert_eq!(reference.nearest("zzzz"), None);
    }
}
