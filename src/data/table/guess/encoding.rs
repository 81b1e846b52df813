//! Infers the encoding of a text from its non-ASCII bytes.

use std::io::Read;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

use crate::data::table::content::{BEGIN, Content};

/// Whether a file is UTF-8, and the bytes beyond ASCII of its beginning, with those beside them.
pub fn high_bytes(content: &Content) -> std::io::Result<(bool, Vec<u8>)> {
    let mut reader = content.reader();
    let (mut chunk, mut rest) = (vec![0; BEGIN], Vec::new());
    let (mut valid, mut high) = (true, Vec::new());
    loop {
        let count = reader.read(&mut chunk)?;
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
pub fn guess_encoding(lines: &[u8]) -> &'static Encoding {
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
