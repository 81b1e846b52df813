//! Spreadsheets (.xlsx, .ods): the first sheet that holds something, as CSV. Both are XML in a zip archive (ECMA-376,
//! OpenDocument); only values are read: no formulas, no styles but those that make a number a date.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use super::calendar::civil;
use super::delimited::{KeepError, write_row};
use super::spreadsheet_error::SpreadsheetError;
use super::xml::{Event, Events, Tag, unescape};
use crate::storage::Zip;

/// The most cells of a sheet, empty ones among them.
const MAX_CELLS: u64 = 50_000_000;
/// The most bytes of a member.
const MAX_MEMBER: u64 = 512 << 20;

/// Whether a file begins as spreadsheets do: a zip archive, or the container of old Office files.
pub fn is_one(begin: &[u8]) -> bool {
    begin.starts_with(b"PK\x03\x04") || begin.starts_with(&[0xD0, 0xCF, 0x11, 0xE0])
}

/// Writes the first sheet that holds something.
///
/// # Errors
/// A file that is no spreadsheet, or too large a one.
pub fn write_csv(
    file: &Arc<File>,
    begin: &[u8],
    out: &mut impl Write,
) -> Result<(), SpreadsheetError> {
    if !begin.starts_with(b"PK") {
        return Err(SpreadsheetError::Old);
    }
    let zip = Zip::open(file.clone()).map_err(SpreadsheetError::Zip)?;
    if zip.find("content.xml").is_some() {
        return open_document(&text(&zip, "content.xml")?)?.write(out);
    }
    if zip.find("xl/workbook.xml").is_none() {
        return Err(SpreadsheetError::Other);
    }
    let strings = shared_strings(&text(&zip, "xl/sharedStrings.xml")?);
    let dated = date_styles(&text(&zip, "xl/styles.xml")?);
    for sheet in sheets(&zip)? {
        let cells = office(&text(&zip, &sheet)?, &strings, &dated)?;
        if !cells.is_empty() {
            return cells.write(out);
        }
    }
    Err(SpreadsheetError::Empty)
}

fn text(zip: &Zip, name: &str) -> Result<String, SpreadsheetError> {
    let Some(index) = zip.find(name) else {
        return Ok(String::new());
    };
    let bytes = zip.bytes(index, MAX_MEMBER);
    let bytes = bytes.map_err(|error| SpreadsheetError::Member {
        name: name.to_string(),
        error,
    })?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// The sheets' members, in the order of the book.
fn sheets(zip: &Zip) -> Result<Vec<String>, SpreadsheetError> {
    let (book, relations) = (
        text(zip, "xl/workbook.xml")?,
        text(zip, "xl/_rels/workbook.xml.rels")?,
    );
    let targets: Vec<(String, String)> = open_tags(&relations, "Relationship")
        .filter_map(|tag| Some((tag.attribute("Id")?, tag.attribute("Target")?)))
        .collect();
    // The attribute is called r:id; beside it there is a sheetId.
    let ids = open_tags(&book, "sheet").filter_map(|tag| tag.attribute("id"));
    let members = ids.filter_map(|id| {
        let (_, target) = targets.iter().find(|(known, _)| *known == id)?;
        Some(match target.strip_prefix('/') {
            Some(absolute) => absolute.to_string(),
            None => format!("xl/{target}"),
        })
    });
    Ok(members.collect())
}

fn open_tags<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = Tag<'a>> {
    Events::new(text).filter_map(move |event| match event {
        Event::Open(tag) if tag.name == name => Some(tag),
        _ => None,
    })
}

/// Texts that cells name by number; spelling aids for Japanese are left out.
fn shared_strings(text: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let (mut inside, mut aid) = (false, false);
    for event in Events::new(text) {
        match event {
            Event::Open(tag) if tag.name == "si" => strings.push(String::new()),
            Event::Open(tag) if tag.name == "rPh" => aid = !tag.alone,
            Event::Close("rPh") => aid = false,
            Event::Open(tag) if tag.name == "t" => inside = !tag.alone,
            Event::Close("t") => inside = false,
            Event::Text(text) if inside && !aid => {
                if let Some(last) = strings.last_mut() {
                    last.push_str(&unescape(text));
                }
            }
            _ => {}
        }
    }
    strings
}

/// Of each style of cells, whether it shows a number as a date or time.
fn date_styles(text: &str) -> Vec<bool> {
    let own = open_tags(text, "numFmt").filter_map(|tag| {
        let id: u32 = tag.attribute("numFmtId")?.parse().ok()?;
        Some((id, is_date_code(&tag.attribute("formatCode")?)))
    });
    let own: Vec<(u32, bool)> = own.collect();
    let (mut styles, mut inside) = (Vec::new(), false);
    for event in Events::new(text) {
        match event {
            Event::Open(tag) if tag.name == "cellXfs" => inside = !tag.alone,
            Event::Close("cellXfs") => inside = false,
            Event::Open(tag) if tag.name == "xf" && inside => {
                let id = tag
                    .attribute("numFmtId")
                    .and_then(|id| id.parse().ok())
                    .unwrap_or(0);
                let said = own.iter().find(|(known, _)| *known == id);
                let known = matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58);
                styles.push(said.map_or(known, |(_, dated)| *dated));
            }
            _ => {}
        }
    }
    styles
}

/// Whether a format such as `dd/mm/yyyy` is one of dates: letters for parts of them outside of quotes and brackets.
fn is_date_code(code: &str) -> bool {
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    for c in code.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '[' => bracket = true,
            ']' => bracket = false,
            'y' | 'Y' | 'd' | 'D' | 'h' | 'H' | 'm' | 'M' | 's' | 'S' if !quoted && !bracket => {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// The cells of a sheet of Office Open XML.
fn office(text: &str, strings: &[String], dated: &[bool]) -> Result<Cells, SpreadsheetError> {
    let mut cells = Cells::default();
    let (mut row, mut column, mut kind, mut style) = (0, 0, String::new(), 0);
    let (mut value, mut inside) = (String::new(), false);
    for event in Events::new(text) {
        match event {
            Event::Open(tag) if tag.name == "row" => {
                let said = tag.attribute("r").and_then(|r| r.parse::<u64>().ok());
                row = said.unwrap_or(row + 1);
                column = 0;
            }
            Event::Open(tag) if tag.name == "c" => {
                column = tag
                    .attribute("r")
                    .and_then(|r| column_of(&r))
                    .unwrap_or(column + 1);
                kind = tag.attribute("t").unwrap_or_default();
                style = tag.attribute("s").and_then(|s| s.parse().ok()).unwrap_or(0);
                value.clear();
            }
            Event::Open(tag) if matches!(tag.name, "v" | "t") => inside = !tag.alone,
            Event::Close("v" | "t") => inside = false,
            Event::Text(text) if inside => value.push_str(&unescape(text)),
            Event::Close("c") => {
                let shown = match (&*kind, value.parse::<f64>()) {
                    ("s", _) => value
                        .parse()
                        .ok()
                        .and_then(|index: usize| strings.get(index))
                        .cloned(),
                    ("b", _) => Some(if value == "1" { "TRUE" } else { "FALSE" }.to_string()),
                    ("e", _) => None,
                    ("" | "n", Ok(number)) if dated.get(style) == Some(&true) => {
                        Some(moment(number))
                    }
                    // As short as it can be: 0.1 is stored as 0.10000000000000001.
                    ("" | "n", Ok(number)) => Some(number.to_string()),
                    _ => Some(value.clone()),
                };
                cells.put(
                    row.max(1) - 1,
                    column.max(1) - 1,
                    1,
                    &shown.unwrap_or_default(),
                )?;
            }
            _ => {}
        }
    }
    Ok(cells)
}

/// The number of the column in `BC12`, from 1.
fn column_of(place: &str) -> Option<u64> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters.fold(0, |number: u64, letter| {
        (number * 26 + u64::from(letter.to_ascii_uppercase() - b'A') + 1).min(1 << 20)
    });
    (number > 0).then_some(number)
}

/// The cells of the first table of an OpenDocument file that holds something.
fn open_document(text: &str) -> Result<Cells, SpreadsheetError> {
    let mut cells = Cells::default();
    let (mut row, mut rows, mut column) = (0u64, 1u64, 0u64);
    let (mut value, mut shown, mut repeated) = (None, String::new(), 1);
    let mut inside = false;
    for event in Events::new(text) {
        match event {
            Event::Open(tag) if tag.name == "table-row" => {
                rows = repeats(&tag, "number-rows-repeated");
                column = 0;
                if tag.alone {
                    row += rows;
                }
            }
            Event::Close("table-row") => {
                cells.repeat_row(row, rows)?;
                row += rows;
            }
            Event::Open(tag) if matches!(tag.name, "table-cell" | "covered-table-cell") => {
                repeated = repeats(&tag, "number-columns-repeated");
                let values = ["value", "date-value", "time-value", "boolean-value"];
                value = values.iter().find_map(|name| tag.attribute(name));
                shown.clear();
                if tag.alone {
                    let text = value.take().unwrap_or_default();
                    cells.put(row, column, repeated, &text)?;
                    column += repeated;
                }
            }
            Event::Open(tag) if tag.name == "p" => inside = !tag.alone,
            Event::Close("p") => {
                inside = false;
                shown.push(' ');
            }
            Event::Text(text) if inside => shown.push_str(&unescape(text)),
            Event::Close("table-cell" | "covered-table-cell") => {
                let text = value.take().unwrap_or_else(|| shown.trim().to_string());
                cells.put(
                    row,
                    column,
                    repeated,
                    &text.replacen('T', " ", usize::from(text.len() == 19)),
                )?;
                column += repeated;
            }
            Event::Close("table") if !cells.is_empty() => return Ok(cells),
            Event::Close("table") => row = 0,
            _ => {}
        }
    }
    match cells.is_empty() {
        true => Err(SpreadsheetError::Empty),
        false => Ok(cells),
    }
}

fn repeats(tag: &Tag<'_>, name: &str) -> u64 {
    let count = tag.attribute(name).and_then(|count| count.parse().ok());
    count.unwrap_or(1).clamp(1, 1 << 24)
}

/// The cells that hold something, in the order of rows.
#[derive(Default)]
struct Cells {
    cells: Vec<(u64, u64, String)>,
    rows: u64,
    columns: Option<[u64; 2]>,
}

impl Cells {
    fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Puts a text into a cell and those right of it.
    fn put(
        &mut self,
        row: u64,
        column: u64,
        repeated: u64,
        text: &str,
    ) -> Result<(), SpreadsheetError> {
        // One line, as rows have line numbers.
        let text = text
            .split(['\r', '\n'])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        if text.is_empty() {
            return Ok(());
        }
        let last = column + repeated - 1;
        let [least, most] = self.columns.unwrap_or([column, last]);
        let columns = [least.min(column), most.max(last)];
        self.columns = Some(columns);
        self.rows = self.rows.max(row + 1);
        if (columns[1] - columns[0] + 1).saturating_mul(self.rows) > MAX_CELLS {
            return Err(SpreadsheetError::Large { most: MAX_CELLS });
        }
        self.cells
            .extend((column..=last).map(|column| (row, column, text.clone())));
        Ok(())
    }

    /// Puts the cells of a row into those below it as well.
    fn repeat_row(&mut self, row: u64, rows: u64) -> Result<(), SpreadsheetError> {
        let begin = self.cells.partition_point(|(of, ..)| *of < row);
        let cells: Vec<(u64, String)> = self.cells[begin..]
            .iter()
            .map(|(_, c, text)| (*c, text.clone()))
            .collect();
        for below in (row + 1..row + rows).take_while(|_| !cells.is_empty()) {
            for (column, text) in &cells {
                self.put(below, *column, 1, text)?;
            }
        }
        Ok(())
    }

    fn write(mut self, out: &mut impl Write) -> Result<(), SpreadsheetError> {
        let Some([least, most]) = self.columns else {
            return Err(SpreadsheetError::Empty);
        };
        self.cells.sort_by_key(|(row, column, _)| (*row, *column));
        let mut cells = self.cells.into_iter().peekable();
        for number in 0..self.rows {
            let mut fields = vec![Vec::new(); (most - least + 1) as usize];
            let mut any = false;
            while let Some((_, column, text)) = cells.next_if(|(row, ..)| *row == number) {
                fields[(column - least) as usize] = text.into_bytes();
                any = true;
            }
            write_row(out, if any { &fields } else { &[] }).map_err(KeepError)?;
        }
        Ok(())
    }
}

/// Days since the end of 1899 as a date in the form of ISO 8601; below one day, a time.
fn moment(serial: f64) -> String {
    if !serial.is_finite() || !(0.0..3e6).contains(&serial) {
        return serial.to_string();
    }
    let (mut day, mut seconds) = (
        serial.floor(),
        ((serial - serial.floor()) * 86_400.0).round() as u32,
    );
    if seconds == 86_400 {
        (day, seconds) = (day + 1.0, 0);
    }
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if day == 0.0 {
        return time;
    }
    let (year, month, date) = civil(day as i64 - 25_569);
    match seconds {
        0 => format!("{year:04}-{month:02}-{date:02}"),
        _ => format!("{year:04}-{month:02}-{date:02} {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(cells: Cells) -> String {
        let mut out = Vec::new();
        cells.write(&mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn cells_of_office_are_read_by_their_places() {
        let strings = shared_strings(
            "<sst><si><t>a &amp; b</t></si><si><r><t>two</t></r><r><t> runs</t></r></si></sst>",
        );
        assert_eq!(strings, ["a & b", "two runs"]);
        let styles = "<numFmts><numFmt numFmtId=\"170\" formatCode=\"dd\\.mm\\.yyyy\"/></numFmts>\
                      <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"170\"/></cellXfs>";
        let dated = date_styles(styles);
        assert_eq!(dated, [false, true, true]);
        assert!(!is_date_code("\"days\" 0.00") && !is_date_code("[Red]#,##0"));
        let sheet = "<sheetData><row r=\"2\"><c r=\"B2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"inlineStr\"><is><t>n</t></is></c>\
                     </row><row r=\"4\"><c r=\"B4\" s=\"1\"><v>43890</v></c><c r=\"C4\"><v>0.10000000000000001</v></c>\
                     <c r=\"D4\" t=\"b\"><v>1</v></c><c r=\"E4\" t=\"e\"><v>#N/A</v></c></row></sheetData>";
        let cells = office(sheet, &strings, &dated).expect("cells");
        assert_eq!(csv(cells), "\na & b,n,\n\n2020-02-29,0.1,TRUE\n");
        let far = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c><c r=\"A1048576\"><v>1</v></c></row>";
        assert!(
            office(far, &[], &[]).is_err(),
            "a sheet of 17 thousand million cells"
        );
    }

    #[test]
    fn cells_of_open_document_are_repeated() {
        let text = "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>\
                    <table:table-cell table:number-columns-repeated=\"2\"><text:p>b</text:p></table:table-cell>\
                    </table:table-row><table:table-row table:number-rows-repeated=\"2\"><table:table-cell \
                    office:value=\"1.5\"><text:p>1,5</text:p></table:table-cell></table:table-row>\
                    <table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell/></table:table-row>\
                    </table:table>";
        assert_eq!(
            csv(open_document(text).expect("cells")),
            "a,b,b\n1.5,,\n1.5,,\n"
        );
        assert_eq!(moment(0.5), "12:00:00");
        assert_eq!(moment(43_890.25), "2020-02-29 06:00:00");
    }
}
