//! The README and the guide's pages as blocks of code, commands, inline code and links.

use std::path::{Path, PathBuf};

/// The README, or a page of the guide.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of code.
pub struct Block {
    /// What stands behind the opening fence: "sh", "sh norun", "toml".
    pub info: String,
    /// The line of the opening fence, from 1.
    pub line: usize,
    pub text: String,
}

/// A command of a block, without its comment.
#[derive(Debug, PartialEq)]
pub struct Line {
    pub command: String,
    pub exit_code: i32,
}

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the guide, found in its folder.
pub fn guide() -> Vec<Page> {
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
pub fn pages() -> Vec<Page> {
    let mut pages = guide();
    pages.insert(0, Page::read(project().join("README.md")));
    pages
}

impl Page {
    pub fn read(path: PathBuf) -> Page {
        let text = std::fs::read_to_string(&path).expect("a page can be read");
        Page { path, text }
    }

    pub fn name(&self) -> String {
        let name = self.path.strip_prefix(project()).unwrap_or(&self.path);
        name.display().to_string()
    }

    pub fn blocks(&self) -> Vec<Block> {
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
    pub fn inline_code(&self) -> Vec<String> {
        let prose = self.prose();
        let paragraphs = prose.split("\n\n");
        let spans = paragraphs.flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        spans.map(|span| span.replace('\n', " ")).collect()
    }

    /// The targets of the links in the prose, but for those to other sites.
    pub fn links(&self) -> Vec<String> {
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
    pub fn lines(&self) -> Vec<Line> {
        let joined = self.text.replace("\\\n", " ");
        let lines = joined.lines().map(Line::parse);
        lines.filter(|line| !line.command.is_empty()).collect()
    }

    /// The name under which an experiment is written: `# NAME.toml` in the first line.
    pub fn file_name(&self) -> Option<&str> {
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
