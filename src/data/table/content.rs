//! The content of a table's file as delimited text: compressed files, spreadsheets, UTF-16, ARFF files and
//! whitespace-separated columns are converted to CSV in an anonymous temporary file. Line numbers stay those of the
//! original.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::delimited::{KeepError, split_whitespace, write_row};
use super::error::TableError;
use super::layout::{Delimiter, Layout, MAX_ROW};
use super::{arff, spreadsheet};
use crate::storage::open_seekable;
use crate::storage::positional::read_some_at;

/// The most bytes that a compressed table may unpack to per byte, beside [`FREE`].
const MOST_INFLATED: u64 = 200;
/// Bytes that any compressed table may unpack to.
const FREE: u64 = 256 << 20;
/// Bytes at the beginning of a file from which its format is detected.
pub const BEGIN: usize = 1 << 16;

/// A table's text.
#[derive(Clone, Debug)]
pub struct Content {
    /// The file, or a temporary one in its place.
    pub file: Arc<File>,
    /// The first bytes, up to [`BEGIN`].
    pub begin: Vec<u8>,
    /// Whether it was converted to CSV: commas, double quotes.
    pub rewritten: bool,
    /// Whether it was decoded into UTF-8.
    pub decoded: bool,
    /// Whether the first line is a header, if the file format defines it.
    pub header: Option<bool>,
    /// Names of columns that are categorical by declaration.
    pub nominal: Vec<String>,
}

impl Content {
    /// Opens a file.
    ///
    /// # Errors
    /// Why it is no table that can be read.
    pub fn open(path: &Path, layout: &Layout) -> Result<Content, TableError> {
        if path.is_dir() {
            return Err(TableError::Folder);
        }
        let file = open_seekable(path)?;
        let mut content = Content::of(file)?;
        if content.begin.is_empty() {
            return Err(TableError::Empty);
        }
        if content.begin.starts_with(&[0x1F, 0x8B]) {
            content = content.inflated()?;
        }
        if spreadsheet::is_one(&content.begin) {
            let mut out = temporary()?;
            spreadsheet::write_csv(&content.file, &content.begin, &mut out)?;
            let rewritten = Content::of(finish(out)?)?;
            return Ok(Content {
                rewritten: true,
                decoded: true,
                ..rewritten
            });
        }
        if let Some(encoding) = utf_16(&content.begin, layout) {
            content = content.decode(encoding)?;
        }
        if content.begin.contains(&0) {
            return Err(TableError::Zeros);
        }
        if arff::is_one(&content.begin) {
            return content.arff_as_csv();
        }
        if layout.delimiter == Some(Delimiter::Whitespace) {
            return content.whitespace_as_csv(layout);
        }
        Ok(content)
    }

    fn of(file: File) -> Result<Content, TableError> {
        let mut content = Content {
            file: Arc::new(file),
            begin: Vec::new(),
            rewritten: false,
            decoded: false,
            header: None,
            nominal: Vec::new(),
        };
        let mut begin = Vec::new();
        let whole = content.reader().take(BEGIN as u64);
        { whole }.read_to_end(&mut begin)?;
        content.begin = begin;
        Ok(content)
    }

    /// A reader from the beginning of the file, independent of others.
    pub fn reader(&self) -> FromBeginning {
        FromBeginning::new(self.file.clone())
    }

    fn inflated(&self) -> Result<Content, TableError> {
        let size = self.file.metadata()?.len();
        let most = FREE + MOST_INFLATED * size;
        let mut out = temporary()?;
        let inflated = flate2::read::MultiGzDecoder::new(BufReader::new(self.reader()));
        let count =
            std::io::copy(&mut inflated.take(most + 1), &mut out).map_err(TableError::Gzip)?;
        if count > most {
            return Err(TableError::Inflated { most });
        }
        let content = Content::of(finish(out)?)?;
        match content.begin.is_empty() {
            true => Err(TableError::EmptyPacked),
            false => Ok(content),
        }
    }

    fn decode(&self, encoding: &'static Encoding) -> Result<Content, TableError> {
        let mut decoder = encoding.new_decoder_with_bom_removal();
        let (mut reader, mut out) = (self.reader(), temporary()?);
        let mut bytes = vec![0; BEGIN];
        let mut text = String::with_capacity(4 * BEGIN);
        loop {
            let count = reader.read(&mut bytes)?;
            text.clear();
            let (_, _, malformed) =
                decoder.decode_to_string(&bytes[..count], &mut text, count == 0);
            if malformed {
                return Err(TableError::Encoding(encoding.name()));
            }
            out.write_all(text.as_bytes()).map_err(KeepError)?;
            if count == 0 {
                break;
            }
        }
        Ok(Content {
            decoded: true,
            ..Content::of(finish(out)?)?
        })
    }

    fn arff_as_csv(&self) -> Result<Content, TableError> {
        let mut out = temporary()?;
        let mut arff = arff::Arff::default();
        each_line(self.reader(), |line, number| {
            let row = arff.line(line).map_err(|error| TableError::ArffLine {
                line: number,
                error,
            })?;
            Ok(write_row(&mut out, &row).map_err(KeepError)?)
        })?;
        let nominal = arff.nominal().map_err(TableError::Arff)?;
        Ok(Content {
            rewritten: true,
            decoded: self.decoded,
            header: Some(true),
            nominal,
            ..Content::of(finish(out)?)?
        })
    }

    fn whitespace_as_csv(&self, layout: &Layout) -> Result<Content, TableError> {
        let mut out = temporary()?;
        let comment = layout.comment.map(|sign| sign as u8);
        each_line(self.reader(), |line, number| {
            let line = match (number, line.strip_prefix(b"\xEF\xBB\xBF")) {
                (1, Some(rest)) => rest,
                _ => line,
            };
            let fields =
                match comment.is_some_and(|sign| line.trim_ascii_start().first() == Some(&sign)) {
                    true => Vec::new(),
                    false => split_whitespace(line, layout.quote_byte()),
                };
            Ok(write_row(&mut out, &fields).map_err(KeepError)?)
        })?;
        Ok(Content {
            rewritten: true,
            decoded: self.decoded,
            ..Content::of(finish(out)?)?
        })
    }
}

/// Reads a file from its beginning with positional reads, so that several readers can share it.
#[derive(Debug)]
pub struct FromBeginning {
    file: Arc<File>,
    offset: u64,
}

impl FromBeginning {
    /// At the beginning.
    pub fn new(file: Arc<File>) -> FromBeginning {
        FromBeginning { file, offset: 0 }
    }
}

impl Read for FromBeginning {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = read_some_at(&self.file, buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Detects UTF-16: by a byte order mark, by the layout, or because every second byte is 0.
fn utf_16(begin: &[u8], layout: &Layout) -> Option<&'static Encoding> {
    if begin.starts_with(&[0xFF, 0xFE]) {
        return Some(UTF_16LE);
    }
    if begin.starts_with(&[0xFE, 0xFF]) {
        return Some(UTF_16BE);
    }
    let named = Encoding::for_label(layout.encoding.as_bytes());
    if let Some(encoding) = named.filter(|encoding| [UTF_16LE, UTF_16BE].contains(encoding)) {
        return Some(encoding);
    }
    let zeros = |first: usize| {
        begin
            .iter()
            .skip(first)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd, half) = (zeros(0), zeros(1), begin.len() / 2);
    match half > 0 {
        true if even == 0 && odd * 10 >= half * 3 => Some(UTF_16LE),
        true if odd == 0 && even * 10 >= half * 3 => Some(UTF_16BE),
        _ => None,
    }
}

/// An anonymous temporary file, which disappears with the process.
fn temporary() -> Result<BufWriter<File>, TableError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default()
        .as_nanos();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kiln-{}-{now}-{number}.table", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // nobody else's data
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, 0x0400_0000); // FILE_FLAG_DELETE_ON_CLOSE
    let file = options.open(&path).map_err(KeepError)?;
    #[cfg(unix)]
    std::fs::remove_file(&path).map_err(KeepError)?;
    Ok(BufWriter::new(file))
}

fn finish(out: BufWriter<File>) -> Result<File, TableError> {
    let file = out.into_inner();
    Ok(file.map_err(|error| KeepError(error.into_error()))?)
}

/// Calls `each` with every line, without its end, and its number from 1.
fn each_line(
    reader: FromBeginning,
    mut each: impl FnMut(&[u8], u64) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limited = &mut (&mut reader).take(MAX_ROW + 1);
        let count = limited.read_until(b'\n', &mut line)?;
        if count == 0 {
            break;
        }
        if count as u64 > MAX_ROW {
            return Err(TableError::LongLine { line: number });
        }
        each(line.trim_ascii_end(), number)?;
    }
    Ok(())
}
