//! The manual inside the program: pages in Markdown, one a topic, and the reference of every key of an experiment,
//! which is put together from the docstrings that also make the JSON schema.
//!
//! Adding a page: one file, and one line in [`TOPICS`].

mod entry;
mod entry_page;
mod published;
mod reference;
mod render;
mod schema;

pub use entry::Entry;
pub use published::published_schema;
pub use reference::Reference;
pub use render::render;
pub use schema::{experiment_schema, styles_table};

/// One page of the manual.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The argument of `kiln guide`; also the name of the page's file.
    pub name: &'static str,
    /// Markdown; `{{styles}}` stands for the table of what `style` sets.
    source: &'static str,
}

macro_rules! topics {
    ($($name:literal),* $(,)?) => {
        &[$(Topic { name: $name, source: include_str!(concat!($name, ".md")) }),*]
    };
}

/// Every page, in the order in which a newcomer reads them.
pub const TOPICS: &[Topic] = topics![
    "start",
    "experiment",
    "images",
    "tables",
    "text",
    "heads",
    "augmentation",
    "training",
    "transfer",
    "backbones",
    "imbalance",
    "metrics",
    "audit",
    "resume",
    "model-files",
    "weights",
    "styles",
    "devices",
    "speed",
    "commands",
    "development",
];

impl Topic {
    /// The page in Markdown.
    pub fn markdown(&self) -> String {
        self.source.replace("{{styles}}", styles_table().trim_end())
    }

    /// Its first line, without the mark of a heading.
    pub fn title(&self) -> &'static str {
        let first = self.source.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }
}

/// The page of that name.
pub fn find_topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_title_and_no_page_is_left_out_of_the_table() {
        for topic in TOPICS {
            assert!(topic.source.starts_with("# "), "{}.md", topic.name);
            assert!(!topic.markdown().contains("{{"), "{}.md", topic.name);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide");
        let pages = std::fs::read_dir(folder).expect("the guide's folder");
        let pages = pages.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let count = pages
            .filter(|path| path.extension().is_some_and(|e| e == "md"))
            .count();
        assert_eq!(count, TOPICS.len(), "add the page to TOPICS");
    }
}
