//! Escapes of what must not reach a terminal or break a line. One form for all: that of JSON strings
//! (`\n`, `\u001b`), so that JSON stays JSON; bytes of a name that is not UTF-8 are `\xFF`.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use super::path_text::{hidden_byte, path_text};

/// Text in which every control character is visible, also the ends of lines: for names, cells and
/// classes within a message.
///
/// ```
/// assert_eq!(kiln::console::visible("a\tb\u{1b}[31m"), "a\\tb\\u001b[31m");
/// assert_eq!(kiln::console::visible("Zürich"), "Zürich");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, &[], push_escaped)
}

/// Text of several lines and columns in which all other control characters are visible: for whole
/// messages.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, &['\n', '\t'], push_utf16)
}

fn escaped<'a>(text: &'a str, kept: &[char], push: fn(&mut String, char)) -> Cow<'a, str> {
    let is_kept = |c: char| !is_hidden(c) || kept.contains(&c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_kept(c) {
            out.push(c);
        } else {
            push(&mut out, c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character moves the cursor, changes the direction of writing, or cannot be seen: C0, DEL,
/// C1, separators of lines, marks of direction, tags, and the stand-ins for bytes that are not UTF-8.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
        || hidden_byte(c).is_some()
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => match hidden_byte(c) {
            Some(byte) => out.push_str(&format!("\\x{byte:02X}")),
            None => push_utf16(out, c),
        },
    }
}

fn push_utf16(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

/// A field of a line whose fields are separated by tabs: as it is where it is plain, else in double
/// quotes with the escapes of a JSON string, so that a program can split lines into fields.
///
/// ```
/// assert_eq!(kiln::console::field("my cat.jpg"), "my cat.jpg");
/// assert_eq!(kiln::console::field("a\tb"), r#""a\tb""#);
/// assert_eq!(kiln::console::field("\"a\""), r#""\"a\"""#);
/// ```
pub fn field(text: &str) -> Cow<'_, str> {
    if !text.starts_with('"') && !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

/// A path for messages: control characters and bytes that are not UTF-8 are escaped.
pub fn shown(path: &Path) -> Shown<'_> {
    Shown(path)
}

/// A path as a string of JSON has it: as it is, but for bytes that are not UTF-8, which are `\xFF`.
pub fn json_path(path: &Path) -> String {
    let mut out = String::new();
    for c in path_text(path).chars() {
        match hidden_byte(c) {
            Some(_) => push_escaped(&mut out, c),
            None => out.push(c),
        }
    }
    out
}

/// What [`shown`] is for paths and parts of paths.
pub trait Show {
    /// The name for messages.
    fn shown(&self) -> Shown<'_>;
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        Shown(self)
    }
}

impl Show for std::ffi::OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(Path::new(self))
    }
}

/// A path on its way into a message.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&visible(&path_text(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_turns_text_around_is_visible() {
        for (text, expected) in [
            ("a\nb", "a\\nb"),
            ("\u{9b}31m", "\\u009b31m"),
            ("\u{7f}", "\\u007f"),
            ("evil\u{202e}gpj.exe", "evil\\u202egpj.exe"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("日本\u{200d}語 é", "日本\u{200d}語 é"),
        ] {
            assert_eq!(visible(text), expected);
        }
        assert_eq!(lines("a\n\tb\u{1b}"), "a\n\tb\\u001b");
    }

    #[test]
    fn json_that_passes_through_means_the_same() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}x\u{1b}\u{e0041}\n"});
        let text = lines(&value.to_string()).into_owned();
        assert!(!text.chars().any(is_hidden), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read, value);
    }

    #[test]
    fn a_quoted_field_is_a_json_string() {
        for text in ["a\tb", "\"", "a\\\nb", "\u{1b}"] {
            let read: String = serde_json::from_str(&field(text)).expect("a JSON string");
            assert_eq!(read, text);
        }
        assert_eq!(field("C:\\a.png"), "C:\\a.png", "nothing to quote");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_visible() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xE9\n.png");
        assert_eq!(shown(Path::new(name)).to_string(), "caf\\xE9\\n.png");
    }
}
