//! Infers the layout of a file: encoding, comments, delimiter, quotes, header.

mod encoding;
mod field_kind;
mod header;
mod quotes;
mod sample;

use std::collections::BTreeSet;
use std::path::Path;

use encoding_rs::UTF_8;

use super::content::{BEGIN, Content};
use super::error::TableError;
use super::layout::{Delimiter, Layout};
use super::reader::TableFile;
use crate::console::Show as _;
use encoding::{guess_encoding, high_bytes};
use header::no_header;
use quotes::{Quoted, each_line_has, read_quoted};
use sample::{Sample, fields, mode, records};

/// A layout, and notes for the user.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    /// The given layout, completed.
    pub layout: Layout,
    /// What was found, as messages.
    pub notes: Vec<String>,
}

/// Completes the layout of a file; the keys in `given` are the user's and stay.
///
/// # Errors
/// Why it is no table that can be read.
pub fn guess(path: &Path, layout: &Layout, given: &BTreeSet<String>) -> Result<Guess, TableError> {
    let free = |key: &str| !given.contains(key);
    let mut guess = Guess {
        layout: layout.clone(),
        notes: Vec::new(),
    };
    let mut content = Content::open(path, layout)?;
    if free("encoding") && !content.decoded {
        guess.encoding(&content)?;
    }
    if !content.decoded {
        content.begin = guess.decoded(content.begin)?;
    }
    if content.rewritten {
        if content.header.is_none() && free("header") {
            let rows = records(&content.begin, b',', Some(b'"'), None);
            guess.header(&rows);
        }
        return Ok(guess);
    }
    let sample = Sample::new(&content.begin, layout.quote_byte());
    let delimiter = if free("delimiter") {
        sample.delimiter()
    } else {
        layout.delimiter
    };
    if free("comment") {
        guess.comment(&sample, delimiter);
    }
    if free("delimiter") {
        guess.delimiter(&sample, delimiter);
    }
    if free("quote") {
        guess.quote(path, &content, delimiter)?;
    }
    if free("header") {
        let quote = guess.layout.quote_byte();
        let comment = guess.layout.comment.map(|sign| sign as u8);
        guess.header(&sample.rows(delimiter, quote, comment));
    }
    Ok(guess)
}

impl Guess {
    /// The beginning of a file in UTF-8, up to its last whole line, for guesses that depend on letters.
    fn decoded(&self, mut begin: Vec<u8>) -> Result<Vec<u8>, TableError> {
        let encoding = self.layout.encoding()?;
        if encoding == UTF_8 {
            return Ok(begin);
        }
        if begin.len() == BEGIN {
            let end = begin.iter().rposition(|byte| *byte == b'\n');
            begin.truncate(end.map_or(BEGIN, |end| end + 1));
        }
        let (text, _) = encoding.decode_without_bom_handling(&begin);
        Ok(text.into_owned().into_bytes())
    }

    fn encoding(&mut self, content: &Content) -> Result<(), TableError> {
        let (valid, high) = high_bytes(content)?;
        if valid {
            return Ok(());
        }
        let encoding = guess_encoding(&high);
        self.layout.encoding = encoding.name().to_ascii_lowercase();
        self.notes.push(format!(
            "is not UTF-8: read as {}; --set data.encoding=\"...\" takes another",
            self.layout.encoding
        ));
        Ok(())
    }

    /// Lines that begin with # or % and have not as many fields as the others.
    fn comment(&mut self, sample: &Sample<'_>, delimiter: Option<Delimiter>) {
        for sign in [b'#', b'%'] {
            let begins = |line: &&[u8]| line.trim_ascii_start().first() == Some(&sign);
            let (marked, others): (Vec<&[u8]>, Vec<&[u8]>) =
                sample.lines.iter().copied().partition(begins);
            let width = |line: &&[u8]| fields(line, delimiter, sample.quote).len();
            let Some(usual) = mode(others.iter().map(width)) else {
                continue;
            };
            let odd = marked.iter().filter(|line| width(line) != usual).count();
            if odd > 0 {
                let count = marked.len();
                self.layout.comment = Some(char::from(sign));
                self.notes.push(format!(
                    "has {count} lines of comments, which begin with {}",
                    char::from(sign)
                ));
                return;
            }
        }
    }

    fn delimiter(&mut self, sample: &Sample<'_>, delimiter: Option<Delimiter>) {
        let usual = TableFile::usual_delimiter(sample.first_row(self.layout.comment), sample.quote);
        match delimiter {
            Some(Delimiter::Sign(sign))
                if sign == char::from(usual) && self.layout.comment.is_none() => {}
            Some(found) => {
                self.layout.delimiter = Some(found);
                let what = match found {
                    Delimiter::Whitespace => "blanks".to_string(),
                    Delimiter::Sign('\t') => "tabs".to_string(),
                    Delimiter::Sign(sign) => format!("{sign:?}"),
                };
                self.notes.push(format!("has {what} between its columns"));
            }
            None => {}
        }
    }

    /// Treats quotes as ordinary characters if they would join several lines that are rows by themselves.
    fn quote(
        &mut self,
        path: &Path,
        content: &Content,
        delimiter: Option<Delimiter>,
    ) -> Result<(), TableError> {
        let Some(quote) = self.layout.quote_byte() else {
            return Ok(());
        };
        let sign = match delimiter {
            Some(Delimiter::Whitespace) => return Ok(()),
            Some(Delimiter::Sign(sign)) => sign as u8,
            None => TableFile::usual_delimiter(&content.begin, Some(quote)),
        };
        let Quoted {
            swallowed,
            width,
            regular,
        } = read_quoted(content, sign, quote);
        let Some((first, last)) = swallowed.or((!regular).then_some((1, 1))) else {
            return Ok(());
        };
        if each_line_has(content, sign, width)? {
            self.layout.quote = '\0';
            self.notes.push(match first < last {
                true => format!(
                    "has quotes that close nothing: lines {first} to {last} would be one row; they are signs like \
                     others here"
                ),
                false => "has quotes that close nothing; they are signs like others here".to_string(),
            });
        } else if first < last {
            self.notes.push(format!(
                "has a quote that makes lines {first} to {last} one row, though each of them looks like a row; \
                 look at {} there, or --set data.quote=\"\"",
                path.shown()
            ));
        }
        Ok(())
    }

    fn header(&mut self, rows: &[Vec<String>]) {
        if let Some(why) = no_header(rows) {
            self.layout.header = false;
            self.notes.push(format!(
                "has no header: {why}; its columns are called column_1 to column_{} (--header takes the first line \
                 for names)",
                rows[0].len()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{GB18030, WINDOWS_1251};

    use super::*;

    fn guessed(text: impl AsRef<[u8]>) -> Guess {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).expect("a file");
        guess(&path, &Layout::default(), &BTreeSet::new()).expect("a table")
    }

    #[test]
    fn a_first_line_that_is_a_row_is_no_header() {
        for text in [
            "5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.9,virginica\n",
            "0,3.8,0,plum\n0,4.8,0,fig\n0,4.8,0,plum\n",
            "p,x,s,n\ne,x,s,y\np,b,s,w\ne,x,y,y\np,x,s,n\n",
            "2020-01-01,5\n2020-01-02,6\n",
            "39, State-gov, 77516\n50, Private, 83311\n38, Private, 215646\n28, State-gov, 1\n",
        ] {
            assert!(!guessed(text).layout.header, "{text}");
        }
        for text in [
            "a,b,kind\n1,2,x\n3,4,y\n",
            "label,text\nham,see you\nspam,win a prize\n",
            "0,1,2,3\n5.5,3,2,9\n2.1,7,3,1\n",
            "country,1990,1991,1992\nA,3.5,4,5\nB,4,4.5,6\n",
            ",a\n0,5\n1,7\n",
            "name,colour\nx,red\ny,blue\n",
        ] {
            assert!(guessed(text).layout.header, "{text}");
        }
    }

    #[test]
    fn the_delimiter_that_makes_a_table_is_taken() {
        let delimiter = |text: &str| guessed(text).layout.delimiter;
        assert_eq!(
            delimiter("a,b\n1,2\n"),
            None,
            "the usual one need not be said"
        );
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,5;4,5\n"), None);
        assert_eq!(
            delimiter("  1.5   2 x\n  2.5  13 y\n"),
            Some(Delimiter::Whitespace)
        );
        assert_eq!(
            delimiter("18.0 8 307.0\t\"chevy a\"\n15.0 8 350.0\t\"buick b\"\n"),
            Some(Delimiter::Whitespace)
        );
        assert_eq!(delimiter("text\tlabel\na b c\tx\nd e f\ty\n"), None);
        assert_eq!(delimiter("who,age\nA B C,5\nD E F,6\n"), None);
    }

    #[test]
    fn comments_and_encodings_are_inferred() {
        let guess = guessed("# made by hand\n# twice\na,b\n1,2\n3,4\n");
        assert_eq!(guess.layout.comment, Some('#'));
        assert!(guess.layout.header);
        assert_eq!(guessed("#,name\n1,a\n2,b\n").layout.comment, None, "a name");
        assert_eq!(
            guessed(b"a,b\nM\xE1laga,1\nLe\xF3n,2\n").layout.encoding,
            "windows-1252"
        );
        let (cyrillic, _, _) = WINDOWS_1251.encode("a,b\nхорошо,1\nплохо очень,2\n");
        assert_eq!(guessed(cyrillic).layout.encoding, "windows-1251");
        let (chinese, _, _) = GB18030.encode("a,b\n味道很好,1\n太贵了不值,2\n");
        assert_eq!(guessed(chinese).layout.encoding, "gb18030");
    }

    #[test]
    fn quotes_that_swallow_rows_are_signs_like_others() {
        let guess =
            guessed("label\ttext\nham\t\"no end\nspam\twin\nham\tlunch\nspam\tsays \"hi\" twice\n");
        assert_eq!(guess.layout.quote, '\0');
        assert!(guess.notes[0].contains("lines 2 to"), "{:?}", guess.notes);
        assert_eq!(
            guessed("label\ttext\nham\t\"two\nlines\"\nspam\twin\n")
                .layout
                .quote,
            '"'
        );
        assert_eq!(guessed("a,b\n\"x,y\",1\n\"z\",2\n").layout.quote, '"');
    }
}
