//! Telling how a file that no experiment speaks of is laid out: encoding, comments, delimiter, quotes, header.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252,
};

use super::content::{BEGIN, Content};
use super::dates;
use super::delimited::split_whitespace;
use super::format_tally::MISSING_WORDS;
use super::layout::{Delimiter, Layout};
use super::numbers::{may_follow, may_precede, take_apart};
use super::reader::TableFile;
use crate::console::Show as _;

/// Rows of the beginning that are looked at.
const ROWS: usize = 500;
/// The share of rows that have as many fields as most, in a table.
const REGULAR: f64 = 0.95;
/// The share of a column's fields that are of its kind.
const MOSTLY: f64 = 0.9;

/// A layout, and what is to be said of it.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    /// What was given, completed.
    pub layout: Layout,
    /// What was found, for people.
    pub notes: Vec<String>,
}

/// Completes a layout, of which the keys in `given` are said, for a file.
///
/// # Errors
/// Why it is no table that can be read, in words that follow its name.
pub fn guess(path: &Path, layout: &Layout, given: &BTreeSet<String>) -> Result<Guess, String> {
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
    /// The beginning of a file in UTF-8, up to its last whole line: what is told from letters is told from these.
    fn decoded(&self, mut begin: Vec<u8>) -> Result<Vec<u8>, String> {
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

    fn encoding(&mut self, content: &Content) -> Result<(), String> {
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

    /// Quotes are signs like others where they would make several lines one row that are rows by themselves.
    fn quote(
        &mut self,
        path: &Path,
        content: &Content,
        delimiter: Option<Delimiter>,
    ) -> Result<(), String> {
        let Some(quote) = self.layout.quote_byte() else {
            return Ok(());
        };
        let sign = match delimiter {
            Some(Delimiter::Whitespace) => return Ok(()),
            Some(Delimiter::Sign(sign)) => sign as u8,
            None => TableFile::usual_delimiter(&content.begin, Some(quote)),
        };
        let mut swallowed = None;
        let mut reader = ReaderBuilder::new()
            .delimiter(sign)
            .quote(quote)
            .has_headers(false)
            .flexible(true)
            .from_reader(Bounded::new(content));
        let mut record = ByteRecord::new();
        let (mut width, mut regular) = (0, true);
        while let Ok(true) = reader.read_byte_record(&mut record) {
            if width == 0 {
                width = record.len();
            }
            let inner = record.as_slice().split(|byte| *byte == b'\n').count() - 1;
            // A line within that has the delimiters of a whole row.
            let whole = record.iter().any(|field| {
                let mut lines = field.split(|byte| *byte == b'\n').skip(1);
                lines.any(|line| num_of(line, sign) + 1 == width)
            });
            // Or each of its lines is a row by itself: a quote in one of them closes that of another.
            let fields: Vec<&[u8]> = record.iter().collect();
            let joined = fields.join(&sign);
            let mut lines = joined.split(|byte| *byte == b'\n');
            let rows = || lines.all(|line| num_of(line, sign) + 1 == width);
            if inner > 0 && swallowed.is_none() && (whole || { rows }()) {
                let last = reader.position().line().saturating_sub(1);
                swallowed = Some((last.saturating_sub(inner as u64).max(1), last));
            }
            regular &= record.len() == width;
        }
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

/// A file read up to a bound, so that a quote that is never closed costs no gigabyte.
struct Bounded {
    reader: std::io::Take<super::content::FromBeginning>,
}

impl Bounded {
    fn new(content: &Content) -> Bounded {
        Bounded {
            reader: content.reader().take(super::layout::MAX_ROW),
        }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(buffer)
    }
}

fn num_of(line: &[u8], sign: u8) -> usize {
    line.iter().filter(|byte| **byte == sign).count()
}

/// Whether each line that is not empty has so many fields, quotes being signs like others.
fn each_line_has(content: &Content, delimiter: u8, width: usize) -> Result<bool, String> {
    let mut reader = BufReader::new(Bounded::new(content));
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line);
        if count.map_err(|error| format!("cannot be read: {error}"))? == 0 {
            return Ok(true);
        }
        let found = num_of(&line, delimiter) + 1;
        if !line.trim_ascii().is_empty() && found != width {
            return Ok(false);
        }
    }
}

/// The beginning of a file.
struct Sample<'a> {
    /// Lines that are not empty.
    lines: Vec<&'a [u8]>,
    begin: &'a [u8],
    quote: Option<u8>,
}

impl<'a> Sample<'a> {
    fn new(begin: &'a [u8], quote: Option<u8>) -> Sample<'a> {
        let begin = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begin);
        // A line that is cut at the end is none.
        let end = match begin.len() + 3 >= BEGIN {
            true => begin
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(begin.len(), |end| end + 1),
            false => begin.len(),
        };
        let begin = &begin[..end];
        let lines = begin
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end);
        Sample {
            lines: lines.filter(|line| !line.is_empty()).take(ROWS).collect(),
            begin,
            quote,
        }
    }

    fn rows(
        &self,
        delimiter: Option<Delimiter>,
        quote: Option<u8>,
        comment: Option<u8>,
    ) -> Vec<Vec<String>> {
        match delimiter {
            Some(Delimiter::Whitespace) => {
                let marked = |line: &&&[u8]| line.trim_ascii_start().first() != comment.as_ref();
                let lines = self
                    .lines
                    .iter()
                    .filter(|line| comment.is_none() || marked(line));
                let rows = lines.map(|line| split_whitespace(line, quote));
                let text = |fields: Vec<Vec<u8>>| fields.iter().map(|field| lossy(field)).collect();
                rows.map(text).collect()
            }
            Some(Delimiter::Sign(sign)) => records(self.begin, sign as u8, quote, comment),
            None => {
                let sign = TableFile::usual_delimiter(self.begin, quote);
                records(self.begin, sign, quote, comment)
            }
        }
    }

    /// The beginning from the first line on that is no comment.
    fn first_row(&self, comment: Option<char>) -> &'a [u8] {
        let marked =
            |line: &&&[u8]| comment.is_some_and(|sign| line.first() == Some(&(sign as u8)));
        let first = self.lines.iter().find(|line| !marked(line));
        first.copied().unwrap_or(self.begin)
    }

    /// The delimiter that makes a table of the lines: that with the most columns of numbers, then with the most
    /// columns.
    fn delimiter(&self) -> Option<Delimiter> {
        let signs = [',', ';', '\t', '|'].map(Delimiter::Sign);
        let candidates = signs.into_iter().chain([Delimiter::Whitespace]);
        let mut best: Option<((usize, usize), Delimiter)> = None;
        for delimiter in candidates {
            let Some(score) = self.score(delimiter) else {
                continue;
            };
            let more = match best {
                None => true,
                // Blanks stand in texts too.
                Some((known, _)) if delimiter == Delimiter::Whitespace => score.0 > known.0 + 1,
                // In many tables a comma is a decimal one, and then it is as regular as what parts the columns.
                Some((known, Delimiter::Sign(','))) => score >= known,
                Some((known, _)) => score > known,
            };
            if more {
                best = Some((score, delimiter));
            }
        }
        best.map(|(_, delimiter)| delimiter)
    }

    fn score(&self, delimiter: Delimiter) -> Option<(usize, usize)> {
        let comment = |line: &&&[u8]| !matches!(line.trim_ascii_start().first(), Some(b'#' | b'%'));
        let quoted = self.rows(Some(delimiter), self.quote, None);
        let plain = self
            .lines
            .iter()
            .filter(comment)
            .map(|line| fields(line, Some(delimiter), None));
        let plain: Vec<Vec<String>> = plain.collect();
        let rows = [quoted, plain].into_iter().find(|rows| {
            let rows = rows.iter().filter(|row| !row[0].starts_with(['#', '%']));
            let widths: Vec<usize> = rows.map(Vec::len).collect();
            let usual = mode(widths.iter().copied()).unwrap_or(0);
            let regular = widths.iter().filter(|width| **width == usual).count();
            // Names have no decimal commas, and few other signs: the first row says how many columns there are.
            let first = widths.first() == Some(&usual);
            first && usual >= 2 && regular as f64 >= REGULAR * widths.len() as f64
        })?;
        let width = mode(rows.iter().map(Vec::len))?;
        let columns = 0..width;
        let rows: Vec<&Vec<String>> = rows.iter().filter(|row| row.len() == width).collect();
        let numbers = columns.filter(|&column| {
            let fields = rows.iter().skip(1).map(|row| &*row[column]);
            let (mut all, mut numbers) = (0, 0);
            for field in fields.filter(|field| !is_missing(field)) {
                all += 1;
                numbers += usize::from(is_number(field));
            }
            all > 0 && numbers as f64 >= MOSTLY * f64::from(all)
        });
        Some((numbers.count(), width))
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// The fields of a line by itself.
fn fields(line: &[u8], delimiter: Option<Delimiter>, quote: Option<u8>) -> Vec<String> {
    match delimiter {
        Some(Delimiter::Whitespace) => split_whitespace(line, quote)
            .iter()
            .map(|f| lossy(f))
            .collect(),
        Some(Delimiter::Sign(sign)) => line.split(|byte| *byte == sign as u8).map(lossy).collect(),
        None => vec![lossy(line)],
    }
}

fn records(
    begin: &[u8],
    delimiter: u8,
    quote: Option<u8>,
    comment: Option<u8>,
) -> Vec<Vec<String>> {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .comment(comment);
    match quote {
        Some(quote) => builder.quote(quote),
        None => builder.quoting(false),
    };
    let mut reader = builder.from_reader(begin);
    let (mut rows, mut record) = (Vec::new(), ByteRecord::new());
    while rows.len() < ROWS && matches!(reader.read_byte_record(&mut record), Ok(true)) {
        rows.push(record.iter().map(lossy).collect());
    }
    // The last one may be cut.
    if begin.len() == BEGIN && rows.len() > 2 {
        rows.pop();
    }
    rows
}

/// The most frequent number.
fn mode(numbers: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts = HashMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0) += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(number, count)| (*count, *number));
    most.map(|(number, _)| number)
}

fn is_missing(field: &str) -> bool {
    field.is_empty() || MISSING_WORDS.contains(&&*field.to_ascii_lowercase())
}

fn is_number(field: &str) -> bool {
    let plain = || field.parse::<f64>().is_ok();
    let parts = || {
        take_apart(field).is_some_and(|parts| may_precede(parts.before) && may_follow(parts.after))
    };
    field.contains(|c: char| c.is_ascii_digit()) && (plain() || parts())
}

fn is_date(field: &str) -> bool {
    let forms = &dates::FORMS[..dates::TOLD];
    forms
        .iter()
        .any(|(_, form)| dates::read(field, *form).is_some())
}

/// Why the first row is no header, if it is none: it has a number or a date where the rows below have, it names two
/// columns the same, or its words are among those below.
fn no_header(rows: &[Vec<String>]) -> Option<String> {
    let (first, rest) = rows.split_first()?;
    let rest: Vec<&Vec<String>> = rest.iter().filter(|row| row.len() == first.len()).collect();
    if rest.is_empty() || are_numbered(first) {
        return None;
    }
    // For and against names, column by column.
    let (mut names, mut values) = (0, 0);
    let mut example = None;
    for (column, field) in first.iter().enumerate() {
        let below: Vec<&str> = rest
            .iter()
            .map(|row| &*row[column])
            .filter(|f| !is_missing(f))
            .collect();
        if below.is_empty() {
            continue;
        }
        let mostly = |is: &dyn Fn(&str) -> bool| {
            below.iter().filter(|field| is(field)).count() as f64 >= MOSTLY * below.len() as f64
        };
        let typed = [is_number as fn(&str) -> bool, is_date]
            .into_iter()
            .find(|is| mostly(is));
        match typed {
            Some(is) if is(field) => {
                values += 1;
                example.get_or_insert(field);
            }
            Some(_) if is_missing(field) && !field.is_empty() => values += 1,
            Some(_) => names += 1,
            // A word that comes again below is a value; one that is new where few words come often is a name.
            None if field.is_empty() => {}
            None if below.contains(&&**field) => {
                values += 1;
                example.get_or_insert(field);
            }
            None => {
                let different: BTreeSet<&&str> = below.iter().collect();
                names += usize::from(different.len() * 2 <= below.len());
            }
        }
    }
    let twice: BTreeSet<&String> = first.iter().filter(|field| !field.is_empty()).collect();
    let repeated = twice.len() < first.iter().filter(|field| !field.is_empty()).count();
    if values > names || (repeated && values > 0) {
        let example = example.map_or("", |field| field.as_str());
        return Some(match example {
            "" => "its first line is like those below".to_string(),
            example => format!("{example:?} in its first line is a value like those below"),
        });
    }
    None
}

/// Whether names are numbers in a row, as pandas writes them and as years are: 0, 1, 2.
fn are_numbered(first: &[String]) -> bool {
    let numbers: Vec<i64> = first
        .iter()
        .filter_map(|field| field.parse().ok())
        .collect();
    numbers.len() >= 3
        && numbers.len() + 2 >= first.len()
        && numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1))
}

/// Whether a file is UTF-8, and the bytes beyond ASCII of its beginning, with those beside them.
fn high_bytes(content: &Content) -> Result<(bool, Vec<u8>), String> {
    let mut reader = content.reader();
    let (mut chunk, mut rest) = (vec![0; BEGIN], Vec::new());
    let (mut valid, mut high) = (true, Vec::new());
    loop {
        let count = reader
            .read(&mut chunk)
            .map_err(|error| format!("cannot be read: {error}"))?;
        if count == 0 {
            return Ok((valid && rest.is_empty(), high));
        }
        rest.extend_from_slice(&chunk[..count]);
        let kept = match std::str::from_utf8(&rest) {
            Ok(_) => 0,
            // A character that goes on in the next chunk.
            Err(error) if error.error_len().is_none() => rest.len() - error.valid_up_to(),
            Err(_) => {
                valid = false;
                0
            }
        };
        if !valid {
            for run in rest
                .split(|byte| *byte == b'\n')
                .filter(|run| !run.is_ascii())
            {
                high.extend_from_slice(run);
                high.push(b'\n');
            }
            if high.len() > BEGIN {
                return Ok((false, high));
            }
        }
        rest.drain(..rest.len() - kept);
    }
}

/// The encoding of lines that are not UTF-8. Letters of Western languages stand alone among ASCII; those of other
/// scripts stand together.
fn guess_encoding(lines: &[u8]) -> &'static Encoding {
    let is_high = |byte: &u8| *byte >= 0x80;
    let high = lines.iter().filter(|byte| is_high(byte)).count();
    let together = lines
        .windows(2)
        .filter(|pair| is_high(&pair[0]) && is_high(&pair[1]))
        .count();
    if together * 2 < high {
        return WINDOWS_1252;
    }
    // Small letters of Cyrillic lie from 0xE0 on, where the characters of Chinese in common use do not begin.
    let small = lines.iter().filter(|byte| **byte >= 0xE0).count();
    if small * 10 > high * 6 {
        return WINDOWS_1251;
    }
    let reads = |encoding: &&'static Encoding| !encoding.decode_without_bom_handling(lines).1;
    let kana = |encoding: &&'static Encoding| {
        let text = encoding.decode_without_bom_handling(lines).0;
        text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30FF}'))
    };
    // The common characters of Chinese lie where Hangul does, and beyond it.
    let hangul = |encoding: &&'static Encoding| {
        let text = encoding.decode_without_bom_handling(lines).0;
        let letters = text.chars().filter(|c| !c.is_ascii());
        let count = letters
            .clone()
            .filter(|c| matches!(c, '\u{AC00}'..='\u{D7A3}'))
            .count();
        count * 20 >= letters.count() * 19
    };
    let japanese = [SHIFT_JIS, EUC_JP]
        .into_iter()
        .find(|e| reads(e) && kana(e));
    let korean = [EUC_KR].into_iter().find(|e| reads(e) && hangul(e));
    let chinese = [GB18030, BIG5].into_iter().find(reads);
    japanese.or(korean).or(chinese).unwrap_or(WINDOWS_1252)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: impl AsRef<[u8]>) -> Guess {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).expect("a file");
        guess(&path, &Layout::default(), &BTreeSet::new()).expect("a table")
    }

    #[test]
    fn a_first_line_that_is_a_row_is_told_from_names() {
        for text in [
            "5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.9,virginica\n",
            "0,3.8,0,plum\n0,4.8,0,fig\n0,4.8,0,plum\n",
            "p,x,s,n\ne,x,s,y\np,b,s,w\ne,x,y,y\np,x,s,n\n",
            "2020-01-01,5\n2020-01-02,6\n",
            "39, State-gov, 77516\n50, Private, 83311\n38, Private, 215646\n28, State-gov, 1\n",
        ] {
            assert!(!told(text).layout.header, "{text}");
        }
        for text in [
            "a,b,kind\n1,2,x\n3,4,y\n",
            "label,text\nham,see you\nspam,win a prize\n",
            "0,1,2,3\n5.5,3,2,9\n2.1,7,3,1\n",
            "country,1990,1991,1992\nA,3.5,4,5\nB,4,4.5,6\n",
            ",a\n0,5\n1,7\n",
            "name,colour\nx,red\ny,blue\n",
        ] {
            assert!(told(text).layout.header, "{text}");
        }
    }

    #[test]
    fn the_delimiter_that_makes_a_table_is_taken() {
        let delimiter = |text: &str| told(text).layout.delimiter;
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
    fn comments_and_encodings_are_told() {
        let guess = told("# made by hand\n# twice\na,b\n1,2\n3,4\n");
        assert_eq!(guess.layout.comment, Some('#'));
        assert!(guess.layout.header);
        assert_eq!(told("#,name\n1,a\n2,b\n").layout.comment, None, "a name");
        assert_eq!(
            told(b"a,b\nM\xE1laga,1\nLe\xF3n,2\n").layout.encoding,
            "windows-1252"
        );
        let (cyrillic, _, _) = WINDOWS_1251.encode("a,b\nхорошо,1\nплохо очень,2\n");
        assert_eq!(told(cyrillic).layout.encoding, "windows-1251");
        let (chinese, _, _) = GB18030.encode("a,b\n味道很好,1\n太贵了不值,2\n");
        assert_eq!(told(chinese).layout.encoding, "gb18030");
    }

    #[test]
    fn quotes_that_swallow_rows_are_signs_like_others() {
        let guess =
            told("label\ttext\nham\t\"no end\nspam\twin\nham\tlunch\nspam\tsays \"hi\" twice\n");
        assert_eq!(guess.layout.quote, '\0');
        assert!(guess.notes[0].contains("lines 2 to"), "{:?}", guess.notes);
        assert_eq!(
            told("label\ttext\nham\t\"two\nlines\"\nspam\twin\n")
                .layout
                .quote,
            '"'
        );
        assert_eq!(told("a,b\n\"x,y\",1\n\"z\",2\n").layout.quote, '"');
    }
}
