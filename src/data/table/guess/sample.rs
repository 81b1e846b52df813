//! The beginning of a file as rows, and the delimiter that makes a regular table of it.

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder};

use super::field_kind::{MOSTLY, is_missing, is_number};
use crate::data::table::content::BEGIN;
use crate::data::table::delimited::split_whitespace;
use crate::data::table::layout::Delimiter;
use crate::data::table::reader::TableFile;

/// The most rows that are read for a guess.
const ROWS: usize = 500;
/// The share of rows that have as many fields as most, in a table.
const REGULAR: f64 = 0.95;

/// The beginning of a file.
pub struct Sample<'a> {
    /// Lines that are not empty.
    pub lines: Vec<&'a [u8]>,
    begin: &'a [u8],
    pub quote: Option<u8>,
}

impl<'a> Sample<'a> {
    /// The whole lines of the beginning of a file, without a byte order mark.
    pub fn new(begin: &'a [u8], quote: Option<u8>) -> Sample<'a> {
        let begin = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begin);
        // A line that is cut at the end is left out.
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

    /// The fields of each row with a delimiter; `None` is the usual one.
    pub fn rows(
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
    pub fn first_row(&self, comment: Option<char>) -> &'a [u8] {
        let marked =
            |line: &&&[u8]| comment.is_some_and(|sign| line.first() == Some(&(sign as u8)));
        let first = self.lines.iter().find(|line| !marked(line));
        first.copied().unwrap_or(self.begin)
    }

    /// The delimiter that splits the lines into a regular table with the most numeric columns, then the most columns.
    pub fn delimiter(&self) -> Option<Delimiter> {
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

    /// The columns of numbers and all columns, where the lines are a regular table with that delimiter.
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
            // Names have no decimal commas, and few other signs: the first row has the number of columns.
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

/// A field as text; what is not UTF-8 is replaced.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// The fields of a line by itself.
pub fn fields(line: &[u8], delimiter: Option<Delimiter>, quote: Option<u8>) -> Vec<String> {
    match delimiter {
        Some(Delimiter::Whitespace) => split_whitespace(line, quote)
            .iter()
            .map(|f| lossy(f))
            .collect(),
        Some(Delimiter::Sign(sign)) => line.split(|byte| *byte == sign as u8).map(lossy).collect(),
        None => vec![lossy(line)],
    }
}

/// The first rows of a delimited text.
pub fn records(
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
pub fn mode(numbers: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts = HashMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0) += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(number, count)| (*count, *number));
    most.map(|(number, _)| number)
}
