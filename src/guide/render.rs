//! Renders Markdown for a terminal: wrapped to a width, headings and code styled.

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use markdown::mdast::{List, Node, Table as Rows};
use markdown::{Constructs, ParseOptions, to_mdast};

/// Shows Markdown in lines of at most `width` columns; code blocks keep theirs. Without `styled` no escape sequence is
/// written.
pub fn render(source: &str, width: usize, styled: bool) -> String {
    let constructs = Constructs {
        html_flow: false,
        html_text: false,
        gfm_table: true,
        ..Constructs::default()
    };
    let options = ParseOptions {
        constructs,
        ..ParseOptions::default()
    };
    let mut page = Page {
        width,
        styled,
        out: String::new(),
    };
    match to_mdast(source, &options) {
        Ok(root) => page.blocks(&root, ""),
        Err(_) => page.out.push_str(source), // only MDX, which is off, has errors of syntax
    }
    page.out
}

const HEADING: Style = Style::new().bold().underline();
const STRONG: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// Spaces before a code block.
const INDENT: &str = "    ";

/// A non-breaking space, used within commands and values.
const HARD_SPACE: &str = "\u{a0}";

struct Page {
    width: usize,
    styled: bool,
    out: String,
}

impl Page {
    fn blocks(&mut self, parent: &Node, indent: &str) {
        for node in parent.children().into_iter().flatten() {
            self.block(node, indent);
            self.out.push('\n');
        }
    }

    fn block(&mut self, node: &Node, indent: &str) {
        match node {
            Node::Heading(_) => {
                let text = self.paint(HEADING, &self.inline(node));
                self.wrap(&text, indent, indent);
            }
            Node::Code(code) => {
                for line in code.value.lines() {
                    let line = self.paint(CODE, line);
                    self.out
                        .push_str(format!("{indent}{INDENT}{line}").trim_end());
                    self.out.push('\n');
                }
            }
            Node::List(list) => self.list(list, indent),
            Node::Table(table) => self.table(table),
            node => {
                let text = self.inline(node);
                self.wrap(&text, indent, indent);
            }
        }
    }

    fn list(&mut self, list: &List, indent: &str) {
        for (number, item) in (list.start.unwrap_or(1)..).zip(&list.children) {
            let mark = match list.ordered {
                true => format!("{number}. "),
                false => "- ".to_string(),
            };
            let mut first = format!("{indent}{mark}");
            let rest = format!("{indent}{}", " ".repeat(mark.len()));
            for child in item.children().into_iter().flatten() {
                match child {
                    Node::Paragraph(_) => {
                        let text = self.inline(child);
                        self.wrap(&text, &first, &rest);
                    }
                    other => self.block(other, &rest),
                }
                first.clone_from(&rest);
            }
        }
    }

    fn table(&mut self, rows: &Rows) {
        // Without styles: columns are measured with all that a cell holds, escape sequences too.
        let plain = Page {
            styled: false,
            out: String::new(),
            ..*self
        };
        let cells = |row: &Node| -> Vec<String> {
            let cells = row.children().into_iter().flatten();
            cells.map(|cell| plain.inline(cell)).collect()
        };
        let mut rows = rows.children.iter().map(cells);
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.width).unwrap_or(u16::MAX));
        let header = rows.next().unwrap_or_default();
        let has_header = header.iter().any(|cell| !cell.is_empty());
        if has_header {
            table.set_header(header);
        }
        for row in rows {
            table.add_row(row);
        }
        for (number, line) in table.lines().enumerate() {
            let line = line.replace(HARD_SPACE, " ");
            let line = match number {
                0 if has_header => self.paint(STRONG, line.trim_end()),
                _ => line.trim_end().to_string(),
            };
            self.out.push_str(&line);
            self.out.push('\n');
        }
    }

    /// The text of a node and what it holds, in one line.
    fn inline(&self, node: &Node) -> String {
        let inner = || -> String {
            let children = node.children().into_iter().flatten();
            children.map(|child| self.inline(child)).collect()
        };
        match node {
            Node::Text(text) => text.value.replace('\n', " "),
            Node::InlineCode(code) => {
                self.paint(CODE, &code.value.replace([' ', '\n'], HARD_SPACE))
            }
            Node::Strong(_) => self.paint(STRONG, &inner()),
            Node::Break(_) => "\n".to_string(),
            Node::Link(link) => inner() + &self.target(&link.url),
            Node::Image(image) => image.alt.clone(),
            _ => inner(),
        }
    }

    /// The target of a link, after its text: to a page by its command, to an address as it is.
    fn target(&self, url: &str) -> String {
        let page = url.rsplit('/').next().unwrap_or(url);
        match page.strip_suffix(".md") {
            Some(topic) if topic != "README" => {
                let command = format!("kiln{HARD_SPACE}guide{HARD_SPACE}{topic}");
                format!(" ({})", self.paint(CODE, &command))
            }
            _ if url.contains("://") => format!(" ({url})"),
            _ => String::new(),
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.styled {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    /// Writes a paragraph, with `first` before its first line and `rest` before the others.
    fn wrap(&mut self, text: &str, first: &str, rest: &str) {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false);
        for line in textwrap::wrap(text, options) {
            self.out.push_str(&line.replace(HARD_SPACE, " "));
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_code_and_tables_fit_the_width() {
        let page = "# A title\n\nSome words that are longer than a line of thirty columns, with `code = 1`.\n\n\
                    - one\n- two, which is also rather long for its line\n  1. inner\n\n\
                    ```sh\nkiln train   # kept as it is, however long the line may be\n```\n\n\
                    | a | b |\n|---|---|\n| 1 | 2 |\n\nSee [tables](tables.md).\n";
        let shown = render(page, 30, false);
        let expected = "A title\n\nSome words that are longer\nthan a line of thirty columns,\nwith code = 1.\n\n\
                        - one\n- two, which is also rather\n  long for its line\n  1. inner\n\n    \
                        kiln train   # kept as it is, however long the line may be\n\n \
                        a  b\n 1  2\n\nSee tables\n(kiln guide tables).\n\n";
        assert_eq!(shown, expected, "{shown}");
    }

    #[test]
    fn styles_are_closed_and_only_where_asked_for() {
        let plain = render("## b\n\n**c** `d`\n", 80, false);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        let styled = render("## b\n\n**c** `d`\n", 80, true);
        assert_eq!(styled.matches("\u{1b}[0m").count(), 3, "{styled:?}");
    }

    #[test]
    fn what_looks_like_a_tag_is_text() {
        assert_eq!(render("a <b> c\n", 80, false), "a <b> c\n\n");
    }
}
