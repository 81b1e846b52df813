//! Finds quotes that are not closed, which would join several rows into one.

use std::io::{BufRead, BufReader, Read};

use csv::{ByteRecord, ReaderBuilder};

use crate::data::table::content::{Content, FromBeginning};
use crate::data::table::layout::MAX_ROW;

/// The structure of a file if quotes enclose fields.
pub struct Quoted {
    /// The first and last line of the first row that swallows rows, if one does.
    pub swallowed: Option<(u64, u64)>,
    /// Fields of the first row.
    pub width: usize,
    /// Whether all rows have as many.
    pub regular: bool,
}

/// Reads a file with quotes and looks for rows that hold other rows.
pub fn read_quoted(content: &Content, sign: u8, quote: u8) -> Quoted {
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
    Quoted {
        swallowed,
        width,
        regular,
    }
}

/// A file read up to a bound, so that a quote that is never closed does not exhaust the memory.
struct Bounded {
    reader: std::io::Take<FromBeginning>,
}

impl Bounded {
    fn new(content: &Content) -> Bounded {
        Bounded {
            reader: content.reader().take(MAX_ROW),
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

/// Whether each line that is not empty has `width` fields, where quotes are ordinary characters.
pub fn each_line_has(content: &Content, delimiter: u8, width: usize) -> std::io::Result<bool> {
    let mut reader = BufReader::new(Bounded::new(content));
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(true);
        }
        let found = num_of(&line, delimiter) + 1;
        if !line.trim_ascii().is_empty() && found != width {
            return Ok(false);
        }
    }
}
