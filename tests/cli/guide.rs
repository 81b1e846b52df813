//! The README and the pages of the guide hold what they say: every command is run, every experiment, key and link
//! exists.
//!
//! A page is run in a folder of its own, with the fixtures of [`fixtures`]. A TOML block whose first line is
//! `# NAME.toml` is written there under this name. The commands of a `sh` block are run in the order of the page; the
//! comment `# exit N` states another exit code than 0. A block marked `sh norun` (it needs a GPU, a dataset that is not
//! in the project, cargo, or much time) is not run, but its options are looked up in `--help`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::World;

/// The README, or a page of the guide.
struct Page {
    path: PathBuf,
    text: String,
}

/// A fenced block of code.
struct Block {
    /// What stands behind the opening fence: "sh", "sh norun", "toml".
    info: String,
    /// The line of the opening fence, from 1.
    line: usize,
    text: String,
}

/// A command of a block, without its comment.
#[derive(Debug, PartialEq)]
struct Line {
    command: String,
    exit_code: i32,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the guide, found in its folder.
fn guide() -> Vec<Page> {
    let folder = project().join("src/guide");
    let entries = std::fs::read_dir(&folder).expect("the guide's folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 10, "{paths:?}");
    paths.into_iter().map(Page::read).collect()
}

/// The README and every page of the guide.
fn pages() -> Vec<Page> {
    let mut pages = guide();
    pages.insert(0, Page::read(project().join("README.md")));
    pages
}

impl Page {
    fn read(path: PathBuf) -> Page {
        let text = std::fs::read_to_string(&path).expect("a page can be read");
        Page { path, text }
    }

    fn name(&self) -> String {
        let name = self.path.strip_prefix(project()).unwrap_or(&self.path);
        name.display().to_string()
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(info)) => {
                    open = Some(Block {
                        info: info.trim().to_string(),
                        line: number + 1,
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name());
        blocks
    }

    /// The text outside of fenced blocks.
    fn prose(&self) -> String {
        let mut inside = false;
        let mut keep = |line: &&str| {
            let is_fence = line.starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        };
        let lines: Vec<&str> = self.text.lines().filter(|line| keep(line)).collect();
        lines.join("\n")
    }

    /// What stands between backticks in the prose, paragraph by paragraph.
    fn inline_code(&self) -> Vec<String> {
        let prose = self.prose();
        let paragraphs = prose.split("\n\n");
        let spans = paragraphs.flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        spans.map(|span| span.replace('\n', " ")).collect()
    }

    /// The targets of the links in the prose, but for those to other sites.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1);
        targets
            .filter_map(|rest| rest.split_once(')'))
            .map(|(target, _)| target.to_string())
            .filter(|target| !target.starts_with("http"))
            .collect()
    }
}

impl Block {
    /// The commands: lines joined at a backslash, comments taken off.
    fn lines(&self) -> Vec<Line> {
        let joined = self.text.replace("\\\n", " ");
        let lines = joined.lines().map(Line::parse);
        lines.filter(|line| !line.command.is_empty()).collect()
    }

    /// The name under which an experiment is written: `# NAME.toml` in the first line.
    fn file_name(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        (self.info == "toml" && name.ends_with(".toml") && !name.contains(' ')).then_some(name)
    }
}

impl Line {
    fn parse(line: &str) -> Line {
        let (command, comment) = match comment_begin(line) {
            Some(place) => line.split_at(place),
            None => (line, ""),
        };
        let exit_code = comment.trim_start_matches('#').trim();
        let exit_code = exit_code.strip_prefix("exit ");
        Line {
            command: command.trim().to_string(),
            exit_code: exit_code.map_or(0, |code| code.parse().expect("an exit code")),
        }
    }
}

/// Where a shell takes the rest of a line for a comment: a `#` at the beginning of a word, outside of quotes.
fn comment_begin(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (place, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before.is_whitespace() => return Some(place),
            _ => {}
        }
        before = c;
    }
    None
}

/// The files that the pages' commands take, and links to the project's experiments and data.
fn fixtures() -> World {
    let world = World::empty();
    let colours = [("cats", [220, 40, 20]), ("dogs", [20, 40, 220])];
    let folders = [("photos", 0..12), ("test-photos", 12..18)];
    for (class, (name, colour)) in colours.into_iter().enumerate() {
        for (folder, numbers) in folders.clone() {
            for number in numbers {
                let file = format!("{folder}/{name}/{number}.png");
                world.picture(&file, colour, number + 100 * class as u8);
            }
        }
    }
    world.picture("new.jpg", [210, 50, 30], 250);
    world.write("houses.csv", houses(0..120));
    world.write("more-houses.csv", houses(120..150));
    world.write("reviews.csv", reviews(0..80));
    world.write("more-reviews.csv", reviews(80..100));
    world.write("animals.csv", animals());
    world.write("films.csv", films());
    #[cfg(unix)]
    for name in ["configs", "data"] {
        std::os::unix::fs::symlink(project().join(name), world.path(name))
            .expect("a link can be made");
    }
    world
}

fn houses(rows: std::ops::Range<usize>) -> String {
    let mut text = String::from("size,garden,postcode,street,remarks,price\n");
    for row in rows {
        let (size, place) = (20 + row * 7 % 90, row % 3);
        let garden = match row % 17 {
            5 => String::new(),
            _ => (row * 13 % 400).to_string(),
        };
        let street = ["Hill Road", "Lake Street", "Mill Lane", "High Street"][row * 5 % 4];
        let remarks = ["quiet", "near the lake", "new roof", "with a view"][row * 11 % 4];
        let price = 1000 * size + 20_000 * place + 137 * (row * 31 % 7);
        let postcode = 4051 + place;
        text.push_str(&format!(
            "{size},{garden},{postcode},{street},\"{remarks}, no. {row}\",{price}\n"
        ));
    }
    text
}

fn reviews(rows: std::ops::Range<usize>) -> String {
    let words = ["film", "plot", "actor", "scene", "music", "end"];
    let mut text = String::from("text,label\n");
    for row in rows {
        let (thing, other) = (words[row % 6], words[(row / 6) % 6]);
        let (mood, label) = [("a quiet triumph", "good"), ("simply dull", "bad")][row % 2];
        text.push_str(&format!(
            "\"The {thing}, no. {row}, and the {other}: {mood}!\",{label}\n"
        ));
    }
    text
}

fn animals() -> String {
    let mut text = String::from("length,age,species,weight\n");
    for row in 0..90 {
        let length = row * 7 % 90;
        let species = ["cat", "dog", "emu"][length / 30];
        let (age, weight) = (row * 31 % 17, 40 * length + 137 * (row * 31 % 7));
        text.push_str(&format!("{length},{age},{species},{weight}\n"));
    }
    text
}

fn films() -> String {
    let mut text = String::from("jokes,tears,comedy,drama\n");
    for row in 0..90 {
        let (jokes, tears) = (row * 7 % 50, row * 11 % 40);
        let (comedy, drama) = (u8::from(jokes > 25), u8::from(tears > 15));
        text.push_str(&format!("{jokes},{tears},{comedy},{drama}\n"));
    }
    text
}

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

#[cfg(unix)]
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
                let mut words = line.command.split_whitespace();
                if words.next() != Some("kiln") {
                    continue;
                }
                let is_name = |word: &&str| !word.starts_with('-');
                let mut command: Vec<&str> = words.clone().take_while(is_name).collect();
                command.push("--help");
                let help = world.kiln(&command).expect_success().stdout;
                let is_known = |flag: &str| {
                    let mut names = help.split(|c: char| !c.is_alphanumeric() && c != '-');
                    names.any(|name| name == flag)
                };
                for flag in words.filter(|word| word.starts_with('-')) {
                    let flag = flag.split('=').next().unwrap_or(flag);
                    assert!(flag == "-" || is_known(flag), "{place}: {flag}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "no page has a block that is not run");
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
    let mut names = std::collections::BTreeSet::new();
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

/// The schemas of what lies under `key` (an index stands for any item); empty where nothing does.
fn below<'a>(schema: &'a Value, key: &str) -> Vec<&'a Value> {
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
        found.extend(choices.flat_map(|schema| below(schema, key)));
    }
    found
}

/// The first part of a path that no schema has.
fn unknown_part<'a>(schema: &Value, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut schemas = vec![schema];
    for key in keys {
        schemas = schemas
            .into_iter()
            .flat_map(|schema| below(schema, key))
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

#[test]
fn lines_of_a_block_are_read_as_a_shell_reads_them() {
    let block = Block {
        info: "sh".into(),
        line: 1,
        text: "# all\nkiln a --b 'c # d' \\\n  --e#f   # exit 2\n\nkiln g  # h\n".into(),
    };
    let line = |command: &str, exit_code| Line {
        command: command.into(),
        exit_code,
    };
    let expected = [line("kiln a --b 'c # d'    --e#f", 2), line("kiln g", 0)];
    assert_eq!(block.lines(), expected);
}
