//! The README and the pages of the guide hold what they say: every command is run, every experiment, key and link
//! exists.
//!
//! A page is run in a folder of its own, with the fixtures of [`fixtures()`]. A TOML block whose first line is
//! `# NAME.toml` is written there under this name. The commands of a `sh` block are run in the order of the page; the
//! comment `# exit N` states another exit code than 0. A block marked `sh norun` (it needs a GPU, a dataset that is not
//! in the project, cargo, or much time) is not run, but its options are looked up in `--help`.

mod fixtures;
mod page;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::world::World;
use fixtures::fixtures;
use page::{Page, guide, pages, project};

/// Runs the commands of a page; what went wrong, in words.
fn run_page(page: &Page) -> Vec<String> {
    let blocks = page.blocks();
    let world = fixtures();
    for block in &blocks {
        if let Some(name) = block.file_name() {
            world.write(name, &block.text);
        }
    }
    let mut faults = Vec::new();
    for block in blocks.iter().filter(|block| block.info == "sh") {
        for line in block.lines() {
            let run = world.shell(&line.command);
            if run.code != line.exit_code || run.stderr.contains("panicked") {
                let (place, code, expected) = (block.line, run.code, line.exit_code);
                faults.push(format!(
                    "{}:{place}: {}\nexit code {code}, expected {expected}\n{}{}",
                    page.name(),
                    line.command,
                    run.stdout,
                    run.stderr
                ));
            }
        }
    }
    faults
}

#[test]
fn every_command_of_the_guide_runs() {
    let faults: Vec<String> = pages().iter().flat_map(run_page).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn options_of_commands_that_are_not_run_exist() {
    let world = World::empty();
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks() {
            let known = ["sh", "sh norun", "toml", "text", "python"];
            let place = format!("{}:{}", page.name(), block.line);
            assert!(known.contains(&&*block.info), "{place}: {:?}", block.info);
            for line in block.lines().iter().filter(|_| block.info == "sh norun") {
                if let Some(arguments) = line.command.strip_prefix("kiln ") {
                    check_options(&world, arguments, &place);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 0, "no page has a block that is not run");
}

/// Asserts that there is such a command, and that its help names every option.
fn check_options(world: &World, arguments: &str, place: &str) {
    let words = || arguments.split_whitespace();
    let mut command: Vec<&str> = words().take_while(|word| !word.starts_with('-')).collect();
    command.push("--help");
    let help = world.kiln(&command).expect_success().stdout;
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    let mut options = words().filter(|word| word.starts_with('-') && *word != "-");
    let unknown = options.find(|option| {
        let name = option.split('=').next();
        !help.split(|c| !is_part(c)).any(|known| Some(known) == name)
    });
    assert_eq!(unknown, None, "{place}: kiln {arguments}");
}

#[test]
fn pages_begin_with_a_title_and_a_sentence() {
    for page in guide() {
        let mut lines = page.text.lines();
        let title = lines.next().unwrap_or_default();
        assert!(title.starts_with("# "), "{}: {title:?}", page.name());
        assert_eq!(lines.next(), Some(""), "{}", page.name());
        let sentence = lines.next().unwrap_or_default();
        let plain = sentence.starts_with(char::is_alphabetic);
        assert!(plain, "{}: {sentence:?}", page.name());
    }
}

#[test]
fn links_resolve_and_the_readme_names_every_page() {
    for page in pages() {
        let folder = page.path.parent().expect("a page lies in a folder");
        for link in page.links() {
            let exists = folder.join(&link).is_file();
            assert!(exists, "{}: {link} does not exist", page.name());
        }
    }
    let readme = Page::read(project().join("README.md")).links();
    for page in guide() {
        assert!(
            readme.contains(&page.name()),
            "the README does not name {}",
            page.name()
        );
    }
}

#[test]
fn the_page_of_commands_names_every_command() {
    let page = Page::read(project().join("src/guide/commands.md"));
    let help = World::empty().kiln(&["--help"]).expect_success().stdout;
    let (_, list) = help.split_once("Commands:").expect("a list of commands");
    let (list, _) = list.split_once("\n\n").expect("more than a list");
    let names: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.contains(&"train"), "{names:?}");
    let row = |name: &&str| page.text.contains(&format!("\n| `kiln {name}"));
    let missing: Vec<&str> = names.into_iter().filter(|name| !row(name)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}

#[test]
fn every_entry_that_the_pages_point_to_exists() {
    let world = World::empty();
    let mut names = BTreeSet::new();
    for code in pages().iter().flat_map(Page::inline_code) {
        let name = code.strip_prefix("kiln guide ");
        let is_name = |name: &&str| !name.contains(char::is_uppercase);
        names.extend(name.filter(is_name).map(String::from));
    }
    assert!(names.contains("layers"), "{names:?}");
    for name in &names {
        let run = world.kiln(&["guide", name]);
        assert_eq!(run.code, 0, "kiln guide {name}\n{}", run.stderr);
    }
}

/// The schemas of what lies under `key` (an index stands for any item) in a part of `root`; empty where nothing does.
fn below<'a>(root: &'a Value, schema: &'a Value, key: &str) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        return below(root, target.expect("a part of the schema"), key);
    }
    let mut found = Vec::new();
    if schema == &Value::Bool(true) {
        return vec![schema];
    }
    let of_key = schema["properties"].get(key);
    let of_others = schema.get("additionalProperties");
    let others = of_others.filter(|others| **others != Value::Bool(false));
    found.extend(of_key.or(others));
    if key.parse::<usize>().is_ok() {
        found.extend(schema.get("items"));
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        found.extend(choices.flat_map(|schema| below(root, schema, key)));
    }
    found
}

/// The first part of a path that no schema has.
fn unknown_part<'a>(root: &Value, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut schemas = vec![root];
    for key in keys {
        schemas = schemas
            .into_iter()
            .flat_map(|schema| below(root, schema, key))
            .collect();
        if schemas.is_empty() {
            return Some(key);
        }
    }
    None
}

/// Every path of a value, as keys: `["train", "epochs"]`.
fn paths(value: &Value, path: &mut Vec<String>, each: &mut impl FnMut(&[String])) {
    let mut enter = |key: String, value: &Value| {
        path.push(key);
        each(path);
        paths(value, path, each);
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| enter(key.clone(), v)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, v)| enter(index.to_string(), v)),
        _ => {}
    }
}

/// The experiment's key that inline code names, if it names one: `train.epochs`, `audit.leaks = "warn"`.
fn key_of(code: &str) -> Option<&str> {
    const TABLES: [&str; 9] = [
        "data",
        "preprocess",
        "augment",
        "model",
        "train",
        "checkpoint",
        "eval",
        "audit",
        "device",
    ];
    let key = code.split([' ', '=']).next()?;
    let (table, rest) = key.split_once('.')?;
    // `model.2.weight` and `model.embed.street.weight` are parameters.
    let is_parameter = table == "model" && (rest.ends_with(".weight") || rest.ends_with(".bias"));
    (TABLES.contains(&table) && !is_parameter).then_some(key)
}

#[test]
fn every_key_of_the_guide_exists() {
    let schema = World::empty().kiln(&["schema"]).expect_success().stdout;
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    assert_eq!(
        unknown_part(&schema, "train.epoch".split('.')),
        Some("epoch")
    );
    let (mut named, mut written) = (0, 0);
    for page in pages() {
        for code in page.inline_code() {
            if let Some(key) = key_of(&code) {
                let unknown = unknown_part(&schema, key.split('.'));
                assert_eq!(unknown, None, "{}: `{code}`", page.name());
                named += 1;
            }
        }
        for block in page.blocks().iter().filter(|block| block.info == "toml") {
            let place = format!("{}:{}", page.name(), block.line);
            let value: Value = toml_edit::de::from_str(&block.text)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            paths(&value, &mut Vec::new(), &mut |path| {
                let unknown = unknown_part(&schema, path.iter().map(String::as_str));
                assert_eq!(unknown, None, "{place}: {}", path.join("."));
                written += 1;
            });
        }
    }
    assert!(named > 40 && written > 100, "{named} {written}");
}
