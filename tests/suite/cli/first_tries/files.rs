//! Encodings, compressed files, ARFF, workbooks, several files, scripts without spaces.

use std::io::Write;

use super::{first_try, starter, world_of};
use crate::support::arrays::zip;
use crate::support::table::{drawn, rows};
use crate::support::world::{World, holds};

#[test]
fn encodings_are_inferred_and_read() {
    let mut text = String::from("ciudad;precio;clase\n");
    text += &rows(60, |row| {
        format!(
            "{};{},{:02};{}",
            ["Málaga", "León"][row % 2],
            40 + row % 9,
            drawn(row, 1, 100),
            ["té", "café"][drawn(row, 2, 2)]
        )
    });
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let world = world_of("t.csv", &latin);
    let [init, check] = first_try(&world, "t.csv", &["--target", "clase"]);
    holds(&init.stderr, &["is not UTF-8: read as windows-1252"]);
    holds(&check.stdout, &["té", "category: León, Málaga"]);
    for mark in [true, false] {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        let mark: &[u8] = if mark { &[0xFF, 0xFE] } else { &[] };
        let bytes: Vec<u8> = mark.iter().copied().chain(units).collect();
        let world = world_of("t.csv", bytes);
        let [_, check] = first_try(&world, "t.csv", &["--target", "clase"]);
        holds(&check.stdout, &["té", "category: León, Málaga"]);
    }
    let world = world_of("t.csv", &latin);
    first_try(
        &world,
        "t.csv",
        &["--target", "clase", "--set", "data.encoding=latin1"],
    );
    holds(&starter(&world), &["encoding = \"latin1\""]);
}

#[test]
fn compressed_arff_and_spreadsheets_are_read() {
    let body = rows(60, |row| {
        format!(
            "{}.5,{},{}",
            drawn(row, 1, 90),
            drawn(row, 2, 9),
            ["good", "bad"][drawn(row, 3, 2)]
        )
    });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed
        .write_all(format!("a,b,class\n{body}").as_bytes())
        .unwrap();
    let world = world_of("t.csv.gz", packed.finish().unwrap());
    first_try(&world, "t.csv.gz", &["--target", "class"]);
    let arff = format!(
        "% made up\n@RELATION t\n\n@attribute a numeric\n@attribute 'b c' INTEGER\n@ATTRIBUTE class {{good, bad}}\n\n@data\n{body}"
    );
    let world = world_of("t.arff", arff);
    let [init, check] = first_try(&world, "t.arff", &["--target", "last"]);
    assert!(!init.stderr.contains("has no header"), "{}", init.stderr);
    holds(&check.stdout, &["b c", "good"]);
    let message = world
        .kiln(&["predict", "--model", "run/best.safetensors", "t.arff"])
        .expect_success();
    holds(&message.stdout, &["t.arff:9\t"]);
    // A small bomb: a gigabyte of zeros.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..1024 {
        bomb.write_all(&[b'0'; 1 << 20]).unwrap();
    }
    let world = world_of("bomb.csv.gz", bomb.finish().unwrap());
    let run = world
        .kiln(&["init", "bomb.csv.gz", "--target", "1"])
        .expect_failure();
    holds(&run.stderr, &["bomb.csv.gz", "unpacks to more than"]);
}

#[test]
fn a_workbook_is_read_with_its_dates() {
    let mut rows = String::from(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" t=\"s\"><v>2</v></c></row>",
    );
    for row in 0..60 {
        let line = row + 2;
        rows += &format!(
            "<row r=\"{line}\"><c r=\"A{line}\" s=\"1\"><v>{}</v></c><c r=\"B{line}\"><v>{}.5</v></c><c r=\"C{line}\" t=\"s\"><v>{}</v></c></row>",
            43_800 + row,
            drawn(row, 1, 90),
            3 + row % 2
        );
    }
    let book = [
        ("xl/workbook.xml", "<workbook><sheets><sheet name=\"x\" sheetId=\"1\" r:id=\"rId7\"/></sheets></workbook>".to_string()),
        ("xl/_rels/workbook.xml.rels", "<Relationships><Relationship Id=\"rId7\" Target=\"worksheets/first.xml\"/></Relationships>".to_string()),
        ("xl/sharedStrings.xml", "<sst><si><t>day</t></si><si><t>sold</t></si><si><t>ok</t></si><si><t>yes</t></si><si><t>no</t></si></sst>".to_string()),
        ("xl/styles.xml", "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs>".to_string()),
        ("xl/worksheets/first.xml", format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")),
    ];
    let world = world_of(
        "sales.xlsx",
        zip(
            &book.each_ref().map(|(name, text)| (*name, text.as_bytes())),
            true,
        ),
    );
    let [init, check] = first_try(&world, "sales.xlsx", &["--target", "ok"]);
    holds(&init.stderr, &["day: dates, written year-month-day"]);
    holds(&check.stdout, &["days since 2019-12-01", "sold"]);
}

#[test]
fn several_files_are_one_table() {
    let part = |begin: usize| {
        String::from("a,b,y\n")
            + &rows(40, |row| {
                format!(
                    "{},{},{}",
                    drawn(begin + row, 1, 99),
                    row % 6,
                    ["u", "v"][drawn(begin + row, 2, 2)]
                )
            })
    };
    let world = World::empty();
    world.write("part-1.csv", part(0));
    world.write("part-2.csv", part(1000));
    let [_, check] = first_try(&world, "part-*.csv", &["--target", "y"]);
    holds(&check.stdout, &["y"]);
    holds(&starter(&world), &["part-*.csv"]);
    world.write("part-3.csv", "a,c,y\n1,2,u\n");
    let run = world
        .kiln(&["check", "--config", "e.toml"])
        .expect_failure();
    holds(&run.stderr, &["part-3.csv has no column b but c"]);
}

#[test]
fn texts_without_blanks_between_words() {
    let good = ["味道不错", "推荐给大家", "服务很好", "非常满意"];
    let bad = ["太贵了不值", "服务态度差", "等了很久", "再也不来"];
    let mut text = String::from("comment,sentiment\n");
    text += &rows(60, |row| {
        let (words, label) = if row % 2 == 0 {
            (good, "好")
        } else {
            (bad, "差")
        };
        format!(
            "{}{}{},{label}",
            words[row % 4],
            words[row / 2 % 4],
            words[row / 3 % 4]
        )
    });
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "sentiment"]);
    holds(
        &starter(&world),
        &["level = \"unicode\"", "kind = \"text\""],
    );
    holds(&check.stdout, &["known words"]);
    let pairs = ["check", "--config", "e.toml", "--set", "data.ngram=2"];
    world.kiln(&pairs).expect_success();
    // Where the experiment does not say it, the script does.
    let bare = starter(&world)
        .lines()
        .filter(|line| !line.starts_with("level"))
        .collect::<Vec<_>>()
        .join("\n");
    world.write("bare.toml", bare);
    let checked = world
        .kiln(&["check", "--config", "bare.toml"])
        .expect_success();
    holds(&checked.stdout, &["level = \"unicode\""]);
}
