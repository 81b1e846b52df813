//! `kiln guide`: the manual, a page or a key.

use std::io::{IsTerminal, Write, stdout};
use std::process::{Command, Stdio};

use anyhow::bail;
use serde_json::json;

use crate::cli::GuideArgs;
use crate::console;
use crate::guide::{Entry, Reference, TOPICS, find_topic, render};

/// Columns of a page on a terminal that is wider.
const WIDEST: usize = 100;

pub fn run(args: &GuideArgs) -> anyhow::Result<u8> {
    let Some(name) = &args.topic else {
        return show(&contents(), args);
    };
    if let Some(topic) = find_topic(name) {
        let text = topic.markdown();
        return match args.json {
            true => {
                print_line(&json!({"topic": topic.name, "title": topic.title(), "markdown": text}))
            }
            false => show(&text, args),
        };
    }
    let reference = Reference::default();
    let found = reference.find(name);
    if found.is_empty() {
        let hint = match reference.nearest(name) {
            Some(nearest) => format!("did you mean `kiln guide {nearest}`?"),
            None => "`kiln guide` lists the pages; a key is named as in the experiment, train.optimizer.adam".into(),
        };
        bail!("the guide has no page and no key {name:?}\nhint: {hint}");
    }
    if args.json {
        for entry in &found {
            print_line(&entry.json())?;
        }
        return Ok(0);
    }
    show(&found.iter().map(Entry::markdown).collect::<String>(), args)
}

/// The list of pages.
fn contents() -> String {
    let mut page = "# The guide\n\nOne page a topic:\n\n| topic | page |\n|---|---|\n".to_string();
    for topic in TOPICS {
        page.push_str(&format!("| {} | {} |\n", topic.name, topic.title()));
    }
    page.push_str(
        "\n`kiln guide TOPIC` shows a page. `kiln guide KEY` explains a key, layer, loss, optimizer, augmentation or \
         metric: `kiln guide train.optimizer.adam`, `kiln guide conv2d`, `kiln guide f1`. These list what there is to \
         pick from: `kiln guide layers`, `losses`, `optimizers`, `schedules`, `augment`, `data`, `activations`, \
         `initializers`, `metrics`.\n",
    );
    page
}

fn print_line(value: &serde_json::Value) -> anyhow::Result<u8> {
    writeln!(console::out(), "{value}")?;
    Ok(0)
}

/// Shows Markdown: rendered and paged on a terminal, as it is elsewhere.
fn show(markdown: &str, args: &GuideArgs) -> anyhow::Result<u8> {
    if !stdout().is_terminal() {
        write!(console::out(), "{markdown}")?;
        return Ok(0);
    }
    let (rows, columns) = ::console::Term::stdout().size();
    let styled = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = render(markdown, usize::from(columns).clamp(20, WIDEST), styled);
    let long = text.lines().count() >= usize::from(rows);
    // Past what escapes control characters: these are the page's own.
    if !(long && !args.no_pager && page(&text)) {
        console::write_raw(&text)?;
    }
    Ok(0)
}

/// Shows a text in the user's pager; `false` where there is none.
fn page(text: &str) -> bool {
    let pager = std::env::var("PAGER")
        .ok()
        .filter(|pager| !pager.trim().is_empty());
    let words: Vec<&str> = pager
        .as_deref()
        .unwrap_or("less -R")
        .split_whitespace()
        .collect();
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let spawned = Command::new(program)
        .args(arguments)
        .env("LESSCHARSET", "utf-8")
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        return false;
    };
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(text.as_bytes()); // the reader may quit before the end
    }
    child.wait().is_ok()
}
