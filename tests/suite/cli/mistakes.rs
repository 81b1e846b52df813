//! `tests/schema/mistakes.json` lists mistakes of experiments, each a merge patch (RFC 7396) on one of its bases. `kiln
//! check` refuses every one and names the key. That the JSON schema refuses them, too, `tests/schema/refuses.py` checks.

use serde_json::{Map, Value};

use crate::support::world::World;

fn merge(base: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut merged = base.as_object().cloned().unwrap_or_else(Map::new);
    for (key, value) in patch {
        let old = merged.get(key).cloned().unwrap_or_default();
        match value {
            Value::Null => merged.shift_remove(key),
            value => merged.insert(key.clone(), merge(&old, value)),
        };
    }
    Value::Object(merged)
}

/// Data for every base.
fn world() -> World {
    let world = World::colours();
    let row = |i: usize| {
        format!(
            "{i}.5,{},{}.25,{}\n",
            i * 7 % 11,
            i * 3,
            ["a", "b", "c"][i % 3]
        )
    };
    let table: String = (0..40).map(row).collect();
    world.write("t.csv", format!("x,z,y,k\n{table}"));
    let mood = |i: usize| ["good", "bad"][i % 2];
    let line = |i: usize| format!("a {} film number {i},{}\n", mood(i), mood(i));
    let texts: String = (0..40).map(line).collect();
    world.write("s.csv", format!("text,label\n{texts}"));
    world
}

#[test]
fn every_mistake_is_refused_and_names_its_key() {
    let listed: Value =
        serde_json::from_str(include_str!("../../schema/mistakes.json")).expect("JSON");
    let world = world();
    let check = |experiment: &Value| {
        world.write("e.json", experiment.to_string());
        // Without `--device`, which would override one of the mistakes.
        let mut command = world.command(&["check", "--config", "e.json"]);
        command.env("VK_DRIVER_FILES", "/dev/null");
        crate::support::world::finish(command)
    };
    for (name, base) in listed["bases"].as_object().expect("a table") {
        let run = check(base);
        assert_eq!(run.code, 0, "the base {name}: {}", run.stderr);
    }
    let mistakes = listed["mistakes"].as_array().expect("a list");
    assert!(mistakes.len() > 100, "{} mistakes", mistakes.len());
    for mistake in mistakes {
        let base = &listed["bases"][mistake["base"].as_str().expect("a name")];
        let run = check(&merge(base, &mistake["patch"]));
        let message = mistake["told"].as_str().expect("a text");
        assert_eq!(run.code, 1, "{}: {}", mistake["name"], run.stderr);
        assert!(
            run.stderr.contains(message),
            "{}: {}",
            mistake["name"],
            run.stderr
        );
    }
}
