//! ARFF, the files of Weka: `@attribute` lines name the columns and their kinds, rows follow `@data`.

use thiserror::Error;

/// Why an ARFF file cannot be read, in words that follow its name or the number of a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArffError {
    /// A sparse row: indices and values.
    #[error("is a sparse row of an ARFF file, which is not read; save it as CSV")]
    Sparse,
    /// Rows without columns.
    #[error("@data without an @attribute before it")]
    NoAttribute,
    /// A line before the rows that is not known.
    #[error("is {0:?}, expected @attribute or @data of an ARFF file")]
    Keyword(String),
    /// A column without a name.
    #[error("is an @attribute without a name")]
    NoName,
    /// No rows.
    #[error("is an ARFF file without @data")]
    NoData,
}

/// Reads line after line.
#[derive(Default)]
pub struct Arff {
    /// Names of the columns.
    names: Vec<Vec<u8>>,
    /// Those that hold one of listed values.
    nominal: Vec<Vec<u8>>,
    in_data: bool,
}

/// Whether a file begins as ARFF files do: comments, then `@relation`.
pub fn is_one(begin: &[u8]) -> bool {
    let begin = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begin);
    let mut lines = begin.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"%"));
    first.is_some_and(|line| keyword(line, "@relation").is_some())
}

/// The rest of a line after a keyword, in any case.
fn keyword<'a>(line: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(word.len())?;
    let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
    (head.eq_ignore_ascii_case(word.as_bytes()) && ends).then(|| rest.trim_ascii())
}

impl Arff {
    /// The row of a line: the column names for `@data`, an empty row for lines that are not data.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn line(&mut self, line: &[u8]) -> Result<Vec<Vec<u8>>, ArffError> {
        let line = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(line)
            .trim_ascii();
        if line.is_empty() || line.starts_with(b"%") {
            return Ok(Vec::new());
        }
        if self.in_data {
            if line.starts_with(b"{") {
                return Err(ArffError::Sparse);
            }
            let tabs = !line.contains(&b',');
            return Ok(fields(line, |byte| byte == b',' || (tabs && byte == b'\t')));
        }
        if let Some(rest) = keyword(line, "@attribute") {
            self.attribute(rest)?;
            return Ok(Vec::new());
        }
        if keyword(line, "@data").is_some() {
            self.in_data = true;
            return match self.names.is_empty() {
                true => Err(ArffError::NoAttribute),
                false => Ok(self.names.clone()),
            };
        }
        match keyword(line, "@relation") {
            Some(_) => Ok(Vec::new()),
            None => {
                let shown = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
                Err(ArffError::Keyword(shown))
            }
        }
    }

    fn attribute(&mut self, rest: &[u8]) -> Result<(), ArffError> {
        let (name, kind) = first_word(rest).ok_or(ArffError::NoName)?;
        if kind.starts_with(b"{") {
            self.nominal.push(name.clone());
        }
        self.names.push(name);
        Ok(())
    }

    /// The columns of listed values.
    ///
    /// # Errors
    /// A file without rows.
    pub fn nominal(&self) -> Result<Vec<String>, ArffError> {
        if !self.in_data {
            return Err(ArffError::NoData);
        }
        let names = self.nominal.iter();
        Ok(names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }
}

/// A word, which may stand in quotes, and what follows it.
fn first_word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let quote = *text.first()?;
    if quote == b'\'' || quote == b'"' {
        let end = text[1..].iter().position(|byte| *byte == quote)? + 1;
        return Some((text[1..end].to_vec(), text[end + 1..].trim_ascii()));
    }
    let end = text
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'{');
    let end = end.unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_vec(), text[end..].trim_ascii()))
}

/// The fields of a row: single or double quotes enclose characters, a backslash escapes one.
fn fields(line: &[u8], apart: impl Fn(u8) -> bool) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut quote = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match (byte, quote) {
            (b'\\', _) => field.extend(bytes.next()),
            (_, Some(open)) if byte == open => quote = None,
            (b'\'' | b'"', None) if field.trim_ascii().is_empty() => {
                field.clear();
                quote = Some(byte);
            }
            (_, None) if apart(byte) => fields.push(Vec::new()),
            _ => field.push(byte),
        }
    }
    let trimmed = fields.into_iter().map(|field| field.trim_ascii().to_vec());
    trimmed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rows: Vec<Vec<u8>>) -> Vec<String> {
        let rows = rows.into_iter();
        rows.map(|field| String::from_utf8(field).expect("text"))
            .collect()
    }

    #[test]
    fn names_classes_and_rows_are_read() {
        let mut arff = Arff::default();
        for line in [
            "% a comment",
            "@RELATION iris",
            "@ATTRIBUTE 'sepal length' NUMERIC",
            "@attribute class {a,'b c'}",
        ] {
            assert!(
                arff.line(line.as_bytes()).expect("a line").is_empty(),
                "{line}"
            );
        }
        assert_eq!(
            text(arff.line(b"@data").expect("names")),
            ["sepal length", "class"]
        );
        assert_eq!(
            text(arff.line(b"5.1, 'b c'").expect("a row")),
            ["5.1", "b c"]
        );
        assert_eq!(
            text(arff.line(br"?,'it\'s'").expect("a row")),
            ["?", "it's"]
        );
        assert_eq!(arff.nominal().expect("kinds"), ["class"]);
        assert!(arff.line(b"{1 2}").is_err(), "sparse");
        assert!(is_one(b"% x\n\n@relation y\n") && !is_one(b"a,b\n1,2"));
    }
}
