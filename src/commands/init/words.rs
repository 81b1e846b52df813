//! Paths and texts as an experiment file writes them.

use std::path::Path;

use crate::console::path_text;

/// `folder` as the experiment file should name it: relative to the file where that is short.
pub fn relative_to(out: &Path, folder: &Path) -> anyhow::Result<String> {
    let base = std::path::absolute(out)?;
    let base = base.parent().unwrap_or(Path::new("/"));
    let relative = folder.strip_prefix(base).unwrap_or(folder);
    let text = path_text(relative).into_owned();
    Ok(if text.is_empty() {
        ".".to_string()
    } else {
        text
    })
}

pub fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_string()
}
