//! A minimal XML pull parser for spreadsheets.

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// A tag opens, or stands alone. Names have no prefix.
    Open(Tag<'a>),
    /// A tag closes.
    Close(&'a str),
    /// Text between tags, as it is written.
    Text(&'a str),
}

/// A tag.
#[derive(Debug, PartialEq)]
pub struct Tag<'a> {
    /// Its name, without a prefix.
    pub name: &'a str,
    attributes: &'a str,
    /// Whether it has no end tag.
    pub alone: bool,
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

impl Tag<'_> {
    /// An attribute, by its name without a prefix.
    pub fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((name, more)) = rest.split_once('=') {
            let more = more.trim_start();
            let quote = more.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = more[1..].split_once(quote)?;
            if local(name.trim()) == wanted {
                return Some(unescape(value));
            }
            rest = after;
        }
        None
    }
}

/// Tags and texts, one after the other; ends where the file is no XML any more.
pub struct Events<'a> {
    rest: &'a str,
}

impl<'a> Events<'a> {
    /// Of a text.
    pub fn new(text: &'a str) -> Events<'a> {
        Events { rest: text }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(inner) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Event::Text(text));
            };
            if let Some(text) = inner.strip_prefix("![CDATA[") {
                let (text, rest) = text.split_once("]]>")?;
                self.rest = rest;
                return Some(Event::Text(text));
            }
            let end = match inner {
                comment if comment.starts_with("!--") => Some("-->"),
                instruction if instruction.starts_with('?') => Some("?>"),
                declaration if declaration.starts_with('!') => Some(">"),
                _ => None,
            };
            if let Some(end) = end {
                self.rest = inner.split_once(end)?.1;
                continue;
            }
            let (tag, rest) = inner.split_once('>')?;
            self.rest = rest;
            if let Some(name) = tag.strip_prefix('/') {
                return Some(Event::Close(local(name.trim())));
            }
            let (tag, alone) = match tag.strip_suffix('/') {
                Some(tag) => (tag, true),
                None => (tag, false),
            };
            let (name, attributes) = tag
                .split_once(|c: char| c.is_ascii_whitespace())
                .unwrap_or((tag, ""));
            return Some(Event::Open(Tag {
                name: local(name),
                attributes,
                alone,
            }));
        }
    }
}

/// A text with its entities as characters.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after
            .split_once(';')
            .filter(|(name, _)| name.len() <= 10)
            .and_then(|(name, after)| {
                let c = match name {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => {
                        let number = name.strip_prefix('#')?;
                        let code = match number.strip_prefix(['x', 'X']) {
                            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                            None => number.parse().ok()?,
                        };
                        char::from_u32(code)?
                    }
                };
                Some((c, after))
            });
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_texts_are_read() {
        let text = "<?xml version=\"1.0\"?><!-- x --><x:a r=\"B3\" x:t='s &amp; t'><v>1 &lt; 2</v><e/></x:a>";
        let events: Vec<Event<'_>> = Events::new(text).collect();
        let Event::Open(tag) = &events[0] else {
            panic!("{events:?}")
        };
        assert_eq!(
            (tag.name, tag.attribute("r")),
            ("a", Some("B3".to_string()))
        );
        assert_eq!(tag.attribute("t").as_deref(), Some("s & t"));
        assert_eq!(tag.attribute("none"), None);
        assert_eq!(events[2], Event::Text("1 &lt; 2"));
        assert!(matches!(&events[4], Event::Open(tag) if tag.alone));
        assert_eq!(events[5], Event::Close("a"));
        assert_eq!(unescape("a&#66;&#x43;&no;&"), "aBC&no;&");
        assert_eq!(Events::new("<a").count(), 0);
    }
}
