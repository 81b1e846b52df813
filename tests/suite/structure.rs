//! The structure of `src`: no file imports one that imports it, no room imports one to its right, files and functions
//! are of a size that can be read.
//!
//! What is read is `use` lines and paths that begin with `crate::`, `super::` or the name of a child. A name that a
//! `mod.rs` re-exports stands for the file that defines it, so a table of members may import its members.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The most lines of a file.
const MOST_LINES: usize = 450;

type Module = Vec<String>;

/// What one file names.
#[derive(Default)]
struct Names {
    imports: Vec<Module>,
    re_exports: Vec<Module>,
}

struct House {
    files: BTreeMap<Module, PathBuf>,
    imports: BTreeMap<Module, BTreeSet<Module>>,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn module_of(file: &Path) -> Module {
    let inner = file.strip_prefix(source()).expect("within src");
    let mut module: Module = inner
        .with_extension("")
        .iter()
        .map(|part| part.to_str().expect("UTF-8").to_string())
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// The text without comments and without modules of tests.
fn code(text: &str) -> String {
    let mut lines = Vec::new();
    let mut in_tests = false;
    let mut all = text.lines().peekable();
    while let Some(line) = all.next() {
        if in_tests {
            in_tests = line != "}";
            continue;
        }
        let next_is_module = all
            .peek()
            .is_some_and(|next| next.trim_start_matches("pub ").starts_with("mod "));
        if line.starts_with("#[cfg(") && line.contains("test") && next_is_module {
            in_tests = all.next().is_some_and(|next| next.ends_with('{'));
            continue;
        }
        lines.push(line.split("//").next().unwrap_or_default());
    }
    lines.join("\n")
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        return vec![name.trim().to_string()];
    };
    let inner = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[begin..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    let expanded = parts.flat_map(|part| expand(part.trim()));
    expanded
        .map(|part| {
            format!("{}{part}", before.trim())
                .trim_end_matches("::self")
                .to_string()
        })
        .collect()
}

/// Every path of the text that begins with a word and goes on with `::`.
fn paths(text: &str) -> Vec<String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let begin = at;
        while at < bytes.len() && (is_word(bytes[at]) || bytes[at..].starts_with(b"::")) {
            at += if bytes[at] == b':' { 2 } else { 1 };
        }
        if at == begin {
            at += 1; // may be within a letter that is not ASCII
            continue;
        }
        let path = &text[begin..at];
        let after_dollar = begin > 0 && bytes[begin - 1] == b'$';
        if path.contains("::") && !path.starts_with("::") && !after_dollar {
            found.push(path.trim_end_matches("::").to_string());
        }
    }
    found
}

fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut re_exports, mut rest) = (Vec::new(), Vec::new(), String::new());
    let text = code(text);
    let mut left = text.as_str();
    while let Some(at) = find_use(left) {
        rest.push_str(&left[..at]);
        let end = left[at..].find(';').map_or(left.len(), |end| at + end);
        let statement = &left[at..end];
        let (visibility, tree) = statement.split_once("use ").expect("found above");
        let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        let list = match visibility.trim().starts_with("pub") {
            true => &mut re_exports,
            false => &mut imports,
        };
        list.extend(expand(&tree));
        left = &left[end..];
    }
    rest.push_str(left);
    imports.extend(paths(&rest));
    (imports, re_exports)
}

/// Where the next `use` statement begins.
fn find_use(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let bare = match bare.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(bare, |(_, r)| r),
            Some(rest) => rest.trim_start(),
            None => bare,
        };
        if bare.starts_with("use ") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

impl House {
    fn read() -> House {
        let mut list = Vec::new();
        files_below(&source(), &mut list);
        let files: BTreeMap<Module, PathBuf> = list
            .into_iter()
            .filter(|file| !file.ends_with("main.rs"))
            .map(|file| (module_of(&file), file))
            .collect();
        let named: BTreeMap<&Module, Names> = files
            .iter()
            .map(|(module, file)| {
                let text = std::fs::read_to_string(file).expect("UTF-8");
                let (imports, re_exports) = read(&text);
                let whole = |paths: Vec<String>| {
                    let paths = paths.iter();
                    paths
                        .filter_map(|path| absolute(&files, module, path))
                        .collect()
                };
                let names = Names {
                    imports: whole(imports),
                    re_exports: whole(re_exports),
                };
                (module, names)
            })
            .collect();
        let mut re_exported: BTreeMap<Module, Module> = BTreeMap::new();
        for (module, names) in &named {
            for path in &names.re_exports {
                let name = path.last().cloned().unwrap_or_default();
                let mut outer = (*module).clone();
                outer.push(name);
                re_exported.insert(outer, path.clone());
            }
        }
        let imports = named
            .iter()
            .map(|(module, names)| {
                let files = names
                    .imports
                    .iter()
                    .map(|path| defining(&files, &re_exported, path));
                let others = files.filter(|file| file != *module && !file.is_empty());
                ((*module).clone(), others.collect())
            })
            .collect();
        House { files, imports }
    }

    fn shown(&self, module: &Module) -> String {
        let file = self.files[module].strip_prefix(source());
        file.expect("within src").display().to_string()
    }

    /// A way from a file over its imports back to itself, if there is one.
    fn circle(&self, from: &Module) -> Option<Vec<Module>> {
        let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for next in &self.imports[file] {
                if next == from {
                    let mut way = vec![file.clone()];
                    let mut at = file;
                    while at != from {
                        at = before[at];
                        way.push(at.clone());
                    }
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(next) {
                    before.insert(next, file);
                    open.push(next);
                }
            }
        }
        None
    }
}

/// A path of a module's text from the crate's root on; `None` where it is of another crate.
fn absolute(files: &BTreeMap<Module, PathBuf>, module: &Module, path: &str) -> Option<Module> {
    let mut parts = path.split("::").map(str::to_string).peekable();
    let mut whole = module.clone();
    match parts.peek().map(String::as_str)? {
        "crate" => {
            parts.next();
            whole.clear();
        }
        "self" => {
            parts.next();
        }
        "super" => {
            while parts.next_if(|part| part == "super").is_some() {
                whole.pop();
            }
        }
        child => {
            let mut inner = module.clone();
            inner.push(child.to_string());
            files.get(&inner)?;
        }
    }
    whole.extend(parts);
    Some(whole)
}

/// The file that defines what a path names, through the re-exports on its way.
fn defining(
    files: &BTreeMap<Module, PathBuf>,
    re_exported: &BTreeMap<Module, Module>,
    path: &Module,
) -> Module {
    let mut path = path.clone();
    for _ in 0..8 {
        let len = (0..=path.len())
            .rev()
            .find(|&len| files.contains_key(&path[..len]))
            .unwrap_or_default();
        let next = (len < path.len())
            .then(|| re_exported.get(&path[..=len]))
            .flatten();
        match next {
            Some(next) if next[..] != path[..=len] => {
                path = [&next[..], &path[len + 1..]].concat();
            }
            _ => return path[..len].to_vec(),
        }
    }
    path
}

/// The rooms from left to right, as the crate page lists them.
fn order() -> Vec<String> {
    let page = std::fs::read_to_string(source().join("lib.rs")).expect("UTF-8");
    let line = page.lines().find(|line| line.contains("console →"));
    let line = line.expect("the crate page lists the rooms");
    let rooms = line.trim_start_matches("//!").split('→');
    rooms.map(|room| room.trim().to_string()).collect()
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let house = House::read();
    assert!(house.files.len() > 300, "the files are found");
    let circles: BTreeSet<String> = house
        .files
        .keys()
        .filter(|module| !module.is_empty())
        .filter_map(|module| house.circle(module))
        .map(|way| {
            let shown: BTreeSet<String> = way.iter().map(|file| house.shown(file)).collect();
            shown.into_iter().collect::<Vec<_>>().join(", ")
        })
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_room_imports_one_to_its_right() {
    let house = House::read();
    let order = order();
    let place = |module: &Module| order.iter().position(|room| Some(room) == module.first());
    let rooms: BTreeSet<&String> = house.files.keys().filter_map(|file| file.first()).collect();
    let listed: BTreeSet<&String> = order.iter().collect();
    assert_eq!(rooms, listed, "the crate page lists every room");
    let mut upward = Vec::new();
    for (file, imports) in &house.imports {
        for import in imports {
            if !file.is_empty() && place(import) > place(file) {
                upward.push(format!("{} -> {}", house.shown(file), house.shown(import)));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn files_can_be_read() {
    let house = House::read();
    let long: Vec<String> = house
        .files
        .iter()
        .filter_map(|(module, file)| {
            let lines = std::fs::read_to_string(file)
                .expect("UTF-8")
                .lines()
                .count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", house.shown(module)))
        })
        .collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:#?}");
}

/// Whether some function gives a sentence in place of an error: `Result<T, String>`, or an associated type that is one.
fn has_sentences(text: &str) -> bool {
    let code: String = code(text).split_whitespace().collect();
    let results = code.match_indices("Result<").any(|(at, head)| {
        let arguments = &code[at + head.len()..];
        let mut depth = 1;
        let end = arguments.char_indices().find(|(at, letter)| {
            match letter {
                '<' => depth += 1,
                '>' if !arguments[..*at].ends_with(['-', '=']) => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        end.is_some_and(|(end, _)| arguments[..end].trim_end_matches(',').ends_with(",String"))
    });
    results || code.contains("typeError=String;") || code.contains("typeErr=String;")
}

#[test]
fn errors_have_types() {
    for (text, expected) in [
        ("fn f() -> Result<(), String> {}", true),
        (
            "fn f() -> Option<Result<\n(Vec<u8>, fn() -> u8), String,\n>> {}",
            true,
        ),
        ("type Error = String;", true),
        (
            "fn f() -> Result<String, Error> { Vec::<String>::new() }",
            false,
        ),
        ("fn f() -> Result<HashMap<u8, String>> {}", false),
        ("// Result<(), String>", false),
    ] {
        assert_eq!(has_sentences(text), expected, "{text}");
    }
    let house = House::read();
    let files = house
        .files
        .iter()
        .filter(|(_, file)| has_sentences(&std::fs::read_to_string(file).expect("UTF-8")));
    let found: Vec<String> = files.map(|(module, _)| house.shown(module)).collect();
    assert!(
        found.is_empty(),
        "an error is a type (see `thiserror`), not a sentence: {found:?}"
    );
}

/// The reader of this file, on what it must see and what it must not.
#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let text = "use super::{a::B, c};\npub use d::E;\nfn f() { crate::g::h(); i::J }\n// use x::y;\n\
                #[cfg(test)]\nmod tests {\n    use z::Z;\n}\npub(crate) use k::{L, m::{N, O as P}};\n";
    let (imports, re_exports) = read(text);
    assert_eq!(imports, ["super::a::B", "super::c", "crate::g::h", "i::J"]);
    assert_eq!(re_exports, ["d::E", "k::L", "k::m::N", "k::m::O"]);
    let house = House {
        files: BTreeMap::new(),
        imports: [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]
            .map(|(one, other)| {
                (
                    vec![one.to_string()],
                    BTreeSet::from([vec![other.to_string()]]),
                )
            })
            .into(),
    };
    let circle = house.circle(&vec!["a".to_string()]).expect("a circle");
    assert_eq!(circle.concat(), ["a", "b", "c"]);
    assert!(house.circle(&vec!["d".to_string()]).is_none());
}
