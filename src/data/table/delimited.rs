//! Writing CSV rows; splitting whitespace-separated lines.

use std::io::Write;

use thiserror::Error;

use crate::console::Show as _;

/// Writes a row as CSV; one without fields becomes an empty line.
pub fn write_row(out: &mut impl Write, fields: &[Vec<u8>]) -> std::io::Result<()> {
    let mut line = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        let plain = |byte: &u8| !matches!(byte, b',' | b'"' | b'\n' | b'\r');
        // A single empty field would be an empty line, which is no row.
        if field.iter().all(plain) && !(field.is_empty() && fields.len() == 1) {
            line.extend_from_slice(field);
            continue;
        }
        line.push(b'"');
        for &byte in field {
            line.extend_from_slice(if byte == b'"' {
                b"\"\""
            } else {
                std::slice::from_ref(&byte)
            });
        }
        line.push(b'"');
    }
    line.push(b'\n');
    out.write_all(&line)
}

/// The whitespace-separated fields of a line; quoted fields may contain whitespace.
pub fn split_whitespace(line: &[u8], quote: Option<u8>) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let closed = match quote {
            Some(quote) if rest[0] == quote => rest[1..].iter().position(|byte| *byte == quote),
            _ => None,
        };
        let end = match closed {
            Some(end) => {
                fields.push(rest[1..=end].to_vec());
                end + 2
            }
            None => {
                let end = rest
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(rest.len());
                fields.push(rest[..end].to_vec());
                end
            }
        };
        rest = rest[end..].trim_ascii_start();
    }
    fields
}

/// A converted table that cannot be stored; the message follows its name.
#[derive(Debug, Error)]
#[error(
    "cannot be kept as plain text in {}: {}; the environment variable TMPDIR names another folder",
    std::env::temp_dir().shown(), .0
)]
pub struct KeepError(pub std::io::Error);
