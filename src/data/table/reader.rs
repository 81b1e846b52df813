//! Reads delimited text: all rows in order with their offsets, or one row by its offset.
//!
//! Files are streamed. An untrusted file cannot exhaust the memory: a row has at most
//! [`MAX_ROW`](super::layout::MAX_ROW) bytes, so an unclosed quote does not read a gigabyte as one row.

use std::cell::Cell;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8};

use super::column_names;
use super::content::{Content, FromBeginning};
use super::error::TableError;
use super::layout::{Delimiter, Layout};
use super::row::{OwnedRow, Row, RowPlace};
use super::row_bound::{Bounded, guess_delimiter, sign};
use super::row_error::RowError;
use crate::storage::positional::read_at;

/// A file of rows whose layout is known.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The file; of a pipe, what came through it.
    file: Arc<File>,
    /// The columns' names.
    pub columns: Vec<String>,
    /// How the fields are written.
    pub layout: Layout,
    /// Columns that are categorical by declaration (ARFF).
    pub nominal: Vec<String>,
    delimiter: u8,
    quote: Option<u8>,
    comment: Option<u8>,
    header: bool,
    encoding: &'static Encoding,
}

impl TableFile {
    /// Reads the first line of a file.
    ///
    /// # Errors
    /// Why it is no table that can be read.
    pub fn open(path: &Path, layout: &Layout) -> Result<TableFile, TableError> {
        TableFile::open_without(path, layout, &[])
    }

    /// The same of a file that may lack columns: those called `absent`, all of them, of a table without a header.
    ///
    /// # Errors
    /// As [`TableFile::open`].
    pub fn open_without(
        path: &Path,
        layout: &Layout,
        absent: &[String],
    ) -> Result<TableFile, TableError> {
        let content = Content::open(path, layout)?;
        let quote = match layout.quote_byte() {
            Some(_) => Some(sign(layout.quote, "data.quote")?),
            None => None,
        };
        let (delimiter, quote) = match layout.delimiter {
            _ if content.rewritten => (b',', Some(b'"')),
            Some(Delimiter::Sign(delimiter)) => (sign(delimiter, "data.delimiter")?, quote),
            Some(Delimiter::Whitespace) | None => (guess_delimiter(&content.begin, quote), quote),
        };
        if Some(delimiter) == quote {
            return Err(TableError::SameSigns);
        }
        let comment = match layout.comment.filter(|_| !content.rewritten) {
            Some(comment) => Some(sign(comment, "data.comment")?),
            None => None,
        };
        let encoding = layout.encoding()?;
        let mut table = TableFile {
            path: path.to_path_buf(),
            columns: Vec::new(),
            layout: layout.clone(),
            nominal: content.nominal,
            file: content.file,
            delimiter,
            quote,
            comment,
            header: content.header.unwrap_or(layout.header),
            encoding: if content.decoded { UTF_8 } else { encoding },
        };
        table.columns = table.read_columns()?;
        if let Some(width) = layout.width.filter(|_| !table.header) {
            let found = table.columns.len();
            table.columns = column_names::by_position(found, width, absent)?;
        }
        Ok(table)
    }

    /// The size of the file, bytes.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// The delimiter.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Whether the first line names the columns.
    pub fn has_header(&self) -> bool {
        self.header
    }

    /// The file, or the converted table in its place.
    pub fn data(&self) -> &Arc<File> {
        &self.file
    }

    /// The delimiter that is taken where the layout has none.
    pub fn usual_delimiter(begin: &[u8], quote: Option<u8>) -> u8 {
        guess_delimiter(begin, quote)
    }

    /// The file's name without its folder.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    fn read_columns(&self) -> Result<Vec<String>, TableError> {
        let mut first = ByteRecord::new();
        let mut reader = self.reader(Rc::default());
        if !reader.read_byte_record(&mut first)? {
            return Err(TableError::NoRows);
        }
        let names = match self.header {
            true => column_names::of_header(&first, self.encoding),
            false => column_names::numbered(first.len()).collect(),
        };
        column_names::check_unique(&names)?;
        Ok(names)
    }

    fn reader(&self, row_begin: Rc<Cell<u64>>) -> csv::Reader<Bounded> {
        let bounded = Bounded {
            file: FromBeginning::new(self.file.clone()),
            read: 0,
            row_begin,
            chunk: Vec::new(),
        };
        self.builder().from_reader(bounded)
    }

    fn builder(&self) -> ReaderBuilder {
        let mut builder = ReaderBuilder::new();
        builder
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .comment(self.comment);
        match self.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        builder
    }

    /// Calls `each` with every row, in order.
    ///
    /// # Errors
    /// A row with more or fewer fields than the header, one that is too long or not in the encoding; what
    /// `each` finds.
    pub fn for_each(
        &self,
        mut each: impl FnMut(&Row<'_>) -> Result<(), RowError>,
    ) -> Result<(), TableError> {
        self.walk(|row| each(row).map(ControlFlow::Continue))
    }

    /// The same, up to the row at which `each` breaks.
    ///
    /// # Errors
    /// As [`TableFile::for_each`].
    pub fn walk(
        &self,
        mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, RowError>,
    ) -> Result<(), TableError> {
        let row_begin = Rc::new(Cell::new(0));
        let mut reader = self.reader(row_begin.clone());
        let mut record = ByteRecord::new();
        let mut first = self.header;
        loop {
            let begin = reader.position().byte();
            row_begin.set(begin);
            if !reader.read_byte_record(&mut record)? {
                return Ok(());
            }
            if std::mem::take(&mut first) {
                continue;
            }
            let position = record.position();
            let begin = position.map_or(begin, |position| position.byte());
            // Counted back from the row's end, as the reader takes empty lines before a row, and the second half
            // of the line end before it, for a part of it.
            let end = reader.position();
            let inner = record.as_slice().iter().filter(|&&b| b == b'\n').count() as u64;
            let ended = u64::from(reader.get_ref().byte_before(end.byte()) == Some(b'\n'));
            let line = end.line().saturating_sub(inner + ended);
            let row = Row {
                record: &record,
                encoding: self.encoding,
                place: RowPlace {
                    begin,
                    len: (reader.position().byte() - begin) as u32,
                    line: line as u32,
                },
            };
            let each = self.check(&row).and_then(|()| each(&row));
            match each.map_err(|error| TableError::Line { line, error })? {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => return Ok(()),
            }
        }
    }

    fn check(&self, row: &Row<'_>) -> Result<(), RowError> {
        let (found, expected) = (row.record.len(), self.columns.len());
        if found != expected {
            return Err(RowError::Fields {
                found,
                expected,
                last: (found < expected).then(|| self.columns[found - 1].clone()),
            });
        }
        if let Some(column) = row.malformed() {
            return Err(RowError::Encoding {
                column: self.columns[column].clone(),
                encoding: self.layout.encoding.clone(),
            });
        }
        Ok(())
    }

    /// Reads one row.
    ///
    /// # Errors
    /// A file that cannot be read or has changed.
    pub fn read(&self, place: RowPlace) -> Result<OwnedRow, TableError> {
        // After a line end, so that three bytes of a row's beginning are not taken for a byte order mark.
        let mut bytes = vec![b'\n'; 1 + place.len as usize];
        read_at(&self.file, &mut bytes[1..], place.begin)?;
        let mut reader = self.builder().from_reader(&bytes[..]);
        let mut record = ByteRecord::new();
        match reader.read_byte_record(&mut record) {
            Ok(true) if record.len() == self.columns.len() => Ok(OwnedRow {
                record,
                encoding: self.encoding,
                place,
            }),
            _ => Err(TableError::Changed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &[u8], layout: &Layout) -> Result<(tempfile::TempDir, TableFile), TableError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).expect("a file");
        Ok((folder, TableFile::open(&path, layout)?))
    }

    fn rows(table: &TableFile) -> Result<Vec<(u32, Vec<String>)>, TableError> {
        let mut rows = Vec::new();
        table.for_each(|row| {
            let fields = 0..table.columns.len();
            let fields = fields.map(|column| row.field(column).into_owned());
            rows.push((row.place.line, fields.collect()));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_ends() {
        let text = b"\xEF\xBB\xBFname; note\r\n\"a;b\"; \"say \"\"x\"\"\"\n\n\"two\nlines\";3\n";
        let (_folder, table) = table(text, &Layout::default()).expect("a table");
        assert_eq!(table.columns, ["name", "note"]);
        let rows = rows(&table).expect("rows");
        assert_eq!(rows[0].1[0], "a;b");
        assert_eq!(rows[1], (4, vec!["two\nlines".into(), "3".into()]));
    }

    #[test]
    fn lines_are_counted_as_editors_do() {
        let lines = |text: &[u8]| -> Vec<u32> {
            let (_folder, table) = table(text, &Layout::default()).expect("a table");
            let rows = rows(&table).expect("rows");
            rows.into_iter().map(|(line, _)| line).collect()
        };
        assert_eq!(lines(b"a,b\r\n1,2\r\n3,4\r\n"), [2, 3]);
        assert_eq!(lines(b"a,b\n1,2\n\n\n3,4"), [2, 5]);
        assert_eq!(lines(b"a,b\r\n\r\n\"1\r\n\",2\r\n3,4"), [3, 5]);
        let many: String = (0..5000).map(|i| format!("{i},x\r\n")).collect();
        let all = lines(format!("a,b\r\n{many}").as_bytes());
        assert!(all.into_iter().eq(2..5002));
    }

    #[test]
    fn columns_without_a_name_are_numbered() {
        let (_folder, table) = table(b",a,,\n0,1,2,3\n", &Layout::default()).expect("a table");
        assert_eq!(table.columns, ["unnamed_1", "a", "unnamed_3", "unnamed_4"]);
    }

    #[test]
    fn signs_that_no_table_has_are_refused() {
        let message = |layout: Layout| {
            table(b"a,b\n1,2", &layout)
                .expect_err("no sign")
                .to_string()
        };
        let quote = Layout {
            quote: '«',
            ..Layout::default()
        };
        assert!(message(quote).contains("data.quote = '«', expected an ASCII sign"));
        let delimiter = Layout {
            delimiter: Some(Delimiter::Sign('\n')),
            ..Layout::default()
        };
        assert!(message(delimiter).contains("data.delimiter"));
        let same = Layout {
            delimiter: Some(Delimiter::Sign('"')),
            ..Layout::default()
        };
        assert!(message(same).contains("are the same"));
    }

    #[test]
    fn a_row_is_read_again_by_its_place() {
        let text = b"a,b\n1,2\n\"x,\ny\",\"z\"\n5,6";
        let (_folder, table) = table(text, &Layout::default()).expect("a table");
        let mut places = Vec::new();
        let keep = |row: &Row<'_>| {
            places.push(row.place);
            Ok(())
        };
        table.for_each(keep).expect("rows");
        let again = |index: usize| {
            let row = table.read(places[index]).expect("the row");
            (
                row.row().field(0).into_owned(),
                row.row().field(1).into_owned(),
            )
        };
        assert_eq!(again(2), ("5".into(), "6".into()));
        assert_eq!(again(1), ("x,\ny".into(), "z".into()));
        assert_eq!(again(0), ("1".into(), "2".into()));
    }

    #[test]
    fn a_ragged_row_is_named() {
        let (_folder, table) = table(b"a,b,c\n1,2,3\n4,5\n", &Layout::default()).expect("a table");
        let error = rows(&table).expect_err("ragged").to_string();
        assert!(
            error.starts_with("line 3: has 2 fields, expected 3"),
            "{error}"
        );
    }

    #[test]
    fn another_encoding_is_reported_or_read() {
        let text = b"city,n\nM\xFCnchen,1\n";
        let (_folder, utf8) = table(text, &Layout::default()).expect("a table");
        let error = rows(&utf8).expect_err("no UTF-8").to_string();
        assert!(error.contains("column \"city\""), "{error}");
        let layout = Layout {
            encoding: "latin1".into(),
            ..Layout::default()
        };
        let (_folder, latin) = table(text, &layout).expect("a table");
        assert_eq!(rows(&latin).expect("rows")[0].1[0], "München");
    }

    #[test]
    fn what_is_no_table_is_reported() {
        let message = |bytes: &[u8]| {
            table(bytes, &Layout::default())
                .expect_err("no table")
                .to_string()
        };
        assert!(message(b"").contains("is empty"));
        assert!(message(b"PK\x03\x04zip").contains("export it as CSV"));
        assert!(message(b"a\0\0\0b,c\n").contains("bytes of 0"));
        assert!(message(b"a,b,a\n1,2,3").contains("two columns \"a\": numbers 1 and 3"));
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
        let mut text = b"a,b\n1,\"x\n".to_vec();
        text.resize(80 << 20, b'y');
        let (_folder, table) = table(&text, &Layout::default()).expect("a table");
        let error = rows(&table).expect_err("no end").to_string();
        assert!(error.contains("never closed"), "{error}");
    }

    #[test]
    fn decimals_may_be_written_with_a_comma() {
        let layout = Layout {
            decimal: ',',
            ..Layout::default()
        };
        assert_eq!(layout.number(" 3,5 "), Some(3.5));
        assert_eq!(
            layout.number("1.234"),
            None,
            "a thousand, or one and a bit?"
        );
        assert_eq!(Layout::default().number("-1e3"), Some(-1000.0));
        assert_eq!(Layout::default().number("3,5"), None);
        assert!(layout.is_missing(" ") && layout.is_missing("NA") && !layout.is_missing("0"));
    }
}
