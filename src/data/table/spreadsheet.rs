//! Spreadsheets (.xlsx, .xlsb, .xls, .ods): the first sheet that holds something, as CSV.

use std::fs::File;
use std::io::{Cursor, Write};
use std::sync::Arc;

use calamine::{Data, DataRef, ExcelDateTime, Reader, Sheets, open_workbook_auto_from_rs};

use super::content::write_row;
use super::dates::civil;
use crate::data::positional::read_at;

/// The most bytes of a spreadsheet: it is held in memory.
const MAX_FILE: u64 = 128 << 20;
/// The most cells of a sheet, empty ones among them.
const MAX_CELLS: u64 = 50_000_000;

/// Whether a file begins as spreadsheets do: a zip archive, or the container of old Office files.
pub fn is_one(begin: &[u8]) -> bool {
    begin.starts_with(b"PK\x03\x04") || begin.starts_with(&[0xD0, 0xCF, 0x11, 0xE0])
}

/// Writes the first sheet that holds something.
///
/// # Errors
/// A file that is no spreadsheet, or too large a one; in words that follow its name.
pub fn write_csv(file: &Arc<File>, out: &mut impl Write) -> Result<(), String> {
    let size = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > MAX_FILE {
        return Err(format!(
            "is a spreadsheet of {} MB, expected at most {}; export it as CSV",
            size >> 20,
            MAX_FILE >> 20
        ));
    }
    let mut bytes = vec![0; size as usize];
    read_at(file, &mut bytes, 0).map_err(|error| format!("cannot be read: {error}"))?;
    let no_sheet = |error: calamine::Error| {
        format!("is a zip archive or a spreadsheet (xlsx) that cannot be read: {error}; export it as CSV")
    };
    let mut book = open_workbook_auto_from_rs(Cursor::new(Arc::<[u8]>::from(bytes))).map_err(no_sheet)?;
    for name in book.sheet_names() {
        let rows = match &mut book {
            // Cell after cell, as a sheet may say that it has 16 thousand columns and a million rows.
            Sheets::Xlsx(book) => {
                let mut cells = book.worksheet_cells_reader(&name).map_err(|e| no_sheet(e.into()))?;
                let mut rows = Rows::default();
                while let Some(cell) = cells.next_cell().map_err(|e| no_sheet(e.into()))? {
                    let (row, column) = cell.get_position();
                    rows.put(row, column, of_ref(cell.get_value()))?;
                }
                rows
            }
            other => {
                let range = other.worksheet_range(&name).map_err(no_sheet)?;
                let (row, column) = range.start().unwrap_or_default();
                let mut rows = Rows::default();
                for (down, right, cell) in range.used_cells() {
                    rows.put(row + down as u32, column + right as u32, of_data(cell))?;
                }
                rows
            }
        };
        if !rows.cells.is_empty() {
            return rows.write(out);
        }
    }
    Err("is a spreadsheet without a row".into())
}

/// The cells that hold something, in the order of rows.
#[derive(Default)]
struct Rows {
    cells: Vec<(u32, u32, String)>,
    rows: u32,
    columns: [u32; 2],
}

impl Rows {
    fn put(&mut self, row: u32, column: u32, text: String) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        if self.cells.is_empty() {
            self.columns = [column, column];
        }
        self.columns = [self.columns[0].min(column), self.columns[1].max(column)];
        self.rows = self.rows.max(row + 1);
        let width = u64::from(self.columns[1] - self.columns[0]) + 1;
        if width * u64::from(self.rows) > MAX_CELLS {
            return Err(format!("is a spreadsheet of more than {MAX_CELLS} cells; export it as CSV"));
        }
        self.cells.push((row, column, text));
        Ok(())
    }

    fn write(mut self, out: &mut impl Write) -> Result<(), String> {
        self.cells.sort_by_key(|(row, column, _)| (*row, *column));
        let width = (self.columns[1] - self.columns[0] + 1) as usize;
        let mut cells = self.cells.into_iter().peekable();
        for number in 0..self.rows {
            let mut fields = vec![Vec::new(); width];
            let mut any = false;
            while let Some((_, column, text)) = cells.next_if(|(row, ..)| *row == number) {
                fields[(column - self.columns[0]) as usize] = text.into_bytes();
                any = true;
            }
            write_row(out, if any { &fields } else { &[] })?;
        }
        Ok(())
    }
}

/// One line, as rows have line numbers.
fn one_line(text: &str) -> String {
    text.split(['\r', '\n']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn of_ref(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::SharedString(text) => one_line(text),
        other => of_data(&other.clone().into()),
    }
}

fn of_data(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => one_line(text),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_string(),
        Data::DateTime(moment) => of_moment(moment),
    }
}

/// Days since the end of 1899 as a date in the form of ISO 8601; below one day, a time.
fn of_moment(moment: &ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if !serial.is_finite() || serial.abs() > 3e6 {
        return serial.to_string();
    }
    let day = serial.floor();
    let seconds = ((serial - day) * 86_400.0).round() as u32;
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if day == 0.0 {
        return time;
    }
    let (year, month, date) = civil(day as i64 - 25_569);
    match seconds {
        0 => format!("{year:04}-{month:02}-{date:02}"),
        _ => format!("{year:04}-{month:02}-{date:02} {time}"),
    }
}
