//! Tables as people have them: `init`, `check`, `train`, `eval` and `predict` at the first try, no file edited.

use std::io::Write;

use crate::world::{Run, World};

/// A number that looks drawn, in `0..below`.
fn drawn(row: usize, column: usize, below: usize) -> usize {
    let mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) as u64;
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 33) as usize % below
}

fn rows(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|row| line(row) + "\n").collect()
}

/// Every command at its first try; the outputs of `init` and of `check`.
fn first_try(world: &World, file: &str, arguments: &[&str]) -> [Run; 2] {
    let init = [&["init", file, "--out", "e.toml"], arguments].concat();
    let init = world.kiln(&init).expect_success();
    let check = world
        .kiln(&["check", "--config", "e.toml"])
        .expect_success();
    let train = [
        "train",
        "--config",
        "e.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=3",
    ];
    world.kiln(&train).expect_success();
    let model = "run/best.safetensors";
    world
        .kiln(&["eval", "--model", model, "--data", file, "--device", "cpu"])
        .expect_success();
    // A shell makes a pattern into names.
    let file = &file.replace('*', "1");
    let predicted = world
        .kiln(&["predict", "--model", model, file, "--device", "cpu"])
        .expect_success();
    assert!(predicted.stdout.lines().count() > 1, "{}", predicted.stdout);
    [init, check]
}

fn world_of(file: &str, text: impl AsRef<[u8]>) -> World {
    let world = World::empty();
    world.write(file, text);
    world
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

fn starter(world: &World) -> String {
    std::fs::read_to_string(world.path("e.toml")).unwrap()
}

#[test]
fn iris_without_a_header() {
    let text = rows(90, |row| {
        let kind = row % 3;
        let [a, b, c] = [0, 1, 2].map(|column| drawn(row, column, 10) as f64 / 10.0 + kind as f64);
        format!(
            "{a:.1},{b:.1},{c:.1},Iris-{}",
            ["setosa", "versicolor", "virginica"][kind]
        )
    });
    let world = world_of("iris.data", text);
    let [init, check] = first_try(&world, "iris.data", &["--target", "last"]);
    holds(&init.stderr, &["has no header", "column_1 to column_4"]);
    holds(&check.stdout, &["column_3", "Iris-setosa"]);
    holds(
        &starter(&world),
        &["header = false", "target = \"column_4\""],
    );
    // By position: the same number of columns, or all but the target.
    world.write("bare.csv", "1.2,2.1,0.3\n2.2,2.5,2.0\n");
    let model = ["predict", "--model", "run/best.safetensors"];
    let bare = world
        .kiln(&[&model[..], &["bare.csv"]].concat())
        .expect_success();
    assert_eq!(bare.stdout.lines().count(), 2);
    world.write("wide.csv", "1,2,3,4,5\n1,2,3,4,5\n");
    let wide = world
        .kiln(&[&model[..], &["wide.csv"]].concat())
        .expect_failure();
    holds(&wide.stderr, &["wide.csv", "has 5 columns, expected 4"]);
    let judged = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "bare.csv",
    ];
    holds(
        &world.kiln(&judged).expect_failure().stderr,
        &["has 3 columns, expected 4"],
    );
}

#[test]
fn columns_are_named_by_number_and_the_first_line_as_the_user_says() {
    let text = rows(40, |row| {
        format!("{},{},{}", row % 7, drawn(row, 1, 50), drawn(row, 2, 2))
    });
    let world = world_of("t.csv", &text);
    first_try(&world, "t.csv", &["--target", "2", "--no-header"]);
    holds(&starter(&world), &["target = \"column_2\""]);
    let world = world_of("t.csv", format!("1990,1991,1992\n{text}"));
    first_try(&world, "t.csv", &["--target", "1992", "--header"]);
    holds(&starter(&world), &["target = \"1992\""]);
}

#[test]
fn adult_with_blanks_behind_commas_and_question_marks() {
    let text = rows(120, |row| {
        let work = ["State-gov", "Private", "?", "Self-emp"][drawn(row, 0, 4)];
        let age = 20 + drawn(row, 1, 50);
        let income = if age > 45 { ">50K" } else { "<=50K" };
        format!("{age}, {work}, {}, {income}", 70_000 + drawn(row, 2, 9000))
    });
    let world = world_of("adult.data", text);
    let [init, check] = first_try(&world, "adult.data", &["--target", "4"]);
    holds(&init.stderr, &["has no header"]);
    holds(&check.stdout, &["<=50K", ">50K", "Private"]);
}

#[test]
fn auto_mpg_between_blanks_with_quoted_names() {
    let text = rows(80, |row| {
        let power = if row % 20 == 7 {
            "?".to_string()
        } else {
            format!("{}.0", 60 + drawn(row, 1, 150))
        };
        format!(
            "{:.1}   {}   {power:>6}      {}.\t\"car {} {}\"",
            10.0 + drawn(row, 2, 300) as f64 / 10.0,
            [4, 6, 8][row % 3],
            1600 + drawn(row, 3, 3000),
            drawn(row, 4, 9),
            row
        )
    });
    let world = world_of("auto-mpg.data", text);
    let [init, check] = first_try(&world, "auto-mpg.data", &["--target", "1"]);
    holds(
        &init.stderr,
        &["has blanks between its columns", "has no header"],
    );
    holds(
        &check.stdout,
        &["predicts column_1 from 64 samples", "column_3"],
    );
    holds(&starter(&world), &["delimiter = \"whitespace\""]);
}

#[test]
fn bank_marketing_in_quotes_between_semicolons() {
    let mut text = String::from("\"age\";\"job\";\"balance\";\"y\"\n");
    text += &rows(80, |row| {
        let job = ["admin.", "technician", "unknown"][drawn(row, 1, 3)];
        format!(
            "{};\"{job}\";{};\"{}\"",
            20 + drawn(row, 0, 60),
            drawn(row, 2, 5000),
            ["no", "yes"][row % 2]
        )
    });
    let world = world_of("bank.csv", text);
    let [_, check] = first_try(&world, "bank.csv", &["--target", "y"]);
    holds(&check.stdout, &["category: admin., technician, unknown"]);
}

#[test]
fn wine_with_decimal_commas_and_points_for_thousands() {
    let mut text = String::from("acid;sugar;litres;quality\n");
    text += &rows(60, |row| {
        let litres = match row % 3 {
            0 => format!("{}.{:03}", 1 + row % 9, drawn(row, 3, 1000)),
            _ => format!("{}", 100 + drawn(row, 3, 800)),
        };
        format!(
            "{},{};{},{:02};{litres};{}",
            3 + row % 5,
            drawn(row, 1, 10),
            row % 9,
            drawn(row, 2, 100),
            5 + row % 3
        )
    });
    let world = world_of("wine.csv", text);
    let [init, check] = first_try(&world, "wine.csv", &["--target", "quality"]);
    holds(
        &init.stderr,
        &[
            "acid: numbers, written 1.234,5",
            "litres: numbers, written 1.234,5",
        ],
    );
    holds(&check.stdout, &["litres", "written 1.234,5"]);
}

#[test]
fn retail_with_currencies_percents_units_and_brackets() {
    let mut text = String::from("price,discount,weight,change,stock,sold\n");
    text += &rows(60, |row| {
        let change = if row % 4 == 0 {
            format!("({})", 1 + row % 9)
        } else {
            format!("{}", row % 11)
        };
        format!(
            "\"$ {},{:03}.50\",{}%,{}.5 kg,{change},\"{},{:03}\",\"€{},{:03}.25\"",
            1 + row % 9,
            drawn(row, 1, 1000),
            drawn(row, 2, 60),
            1 + drawn(row, 3, 20),
            1 + row % 7,
            drawn(row, 4, 1000),
            2 + row % 5,
            drawn(row, 5, 1000)
        )
    });
    let world = world_of("retail.csv", text);
    let [init, check] = first_try(&world, "retail.csv", &["--target", "sold"]);
    for part in [
        "$1,234.5",
        "1234.5%",
        "1234.5 kg",
        "sold: numbers, written €1,234.5",
    ] {
        holds(&init.stderr, &[part]);
    }
    holds(
        &check.stdout,
        &[
            "predicts sold from 48 samples",
            "written $1,234.5",
            "written 1234.5 kg",
        ],
    );
    // The model reads other rows in the same way; what it cannot read is missing and counted.
    world.write("new.csv", "price,discount,weight,change,stock\n\"$2,000.50\",5%,2.5 kg,(3),\"1,200\"\nfree,5%,2 lb,3,1\n");
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "new.csv"])
        .expect_success();
    assert_eq!(run.stdout.lines().count(), 2);
    holds(&run.stderr, &["price 1 missing", "weight 1 missing"]);
}

#[test]
fn codes_with_leading_zeros_are_categories() {
    let mut text = String::from("zip,size,y\n");
    text += &rows(60, |row| {
        format!(
            "{:05},{},{}",
            1000 * (row % 12),
            drawn(row, 1, 99),
            drawn(row, 2, 2)
        )
    });
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "y"]);
    holds(&check.stdout, &["zip     category: 0"]);
}

#[test]
fn energy_with_dates_and_times() {
    let mut text = String::from("date,when,load\n");
    text += &rows(96, |row| {
        let (day, hour) = (1 + row / 24, row % 24);
        format!(
            "2020-02-{:02} {hour:02}:00:00,{:02}/03/2020,{}.5",
            day,
            1 + row % 28,
            100 + 3 * hour + drawn(row, 1, 9)
        )
    });
    let world = world_of("energy.csv", text);
    let [init, check] = first_try(&world, "energy.csv", &["--target", "load"]);
    holds(
        &init.stderr,
        &[
            "date: dates, written year-month-day",
            "when: dates, written day.month.year",
        ],
    );
    holds(
        &check.stdout,
        &[
            "date: days since 2020-02-01, day of week, hour",
            "predicts load from",
        ],
    );
    world.write(
        "new.csv",
        "date,when\n2020-02-03 05:00:00,01/03/2020\nsoon,01/03/2020\n",
    );
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "new.csv"])
        .expect_success();
    holds(&run.stderr, &["date 1 missing"]);
}

#[test]
fn airline_with_american_dates_and_a_named_month() {
    let mut text = String::from("flown,booked,distance,late\n");
    text += &rows(60, |row| {
        let month = ["Jan", "Feb", "Mar"][row % 3];
        format!(
            "{}/{}/2019,{}-{month}-19,{},{}",
            1 + row % 12,
            1 + row % 28,
            1 + row % 27,
            200 + drawn(row, 1, 999),
            ["yes", "no"][drawn(row, 2, 2)]
        )
    });
    let world = world_of("airline.csv", text);
    let [init, _] = first_try(&world, "airline.csv", &["--target", "late"]);
    holds(
        &init.stderr,
        &[
            "flown: dates, written month/day/year",
            "booked: dates, written day month-name year",
        ],
    );
}

#[test]
fn identifiers_and_copies_of_the_target_are_left_out_and_named() {
    let mut text = String::from("record,code,height,length,twice,kind\n");
    let order: Vec<usize> = (0..60).map(|row| row * 37 % 60).collect();
    text += &rows(60, |row| {
        let height = 50.0 + drawn(row, 1, 100_000) as f64 / 1000.0;
        let kind = drawn(row, 2, 3);
        format!(
            "{},{},{height:.3},{}.{},{},{}",
            order[row] + 1,
            900 + kind,
            drawn(row, 3, 9),
            row,
            kind * 10,
            ["a", "b", "c"][kind]
        )
    });
    let world = world_of("t.csv", &text);
    let [init, _] = first_try(&world, "t.csv", &["--target", "kind"]);
    holds(
        &init.stderr,
        &[
            "record: the numbers 1 to 60, each in one row; left out",
            "code: a copy of kind",
            "twice: a copy of kind",
            "--set data.columns.twice=numeric keeps it",
        ],
    );
    let starter = starter(&world);
    holds(
        &starter,
        &[
            "record = \"ignore\"",
            "height = \"numeric\"",
            "length = \"numeric\"",
            "\"numeric\" keeps it",
        ],
    );
    // As it says.
    let kept = [
        "init",
        "t.csv",
        "--target",
        "kind",
        "--out",
        "kept.toml",
        "--set",
        "data.columns.twice=numeric",
    ];
    world.kiln(&kept).expect_success();
    holds(
        &std::fs::read_to_string(world.path("kept.toml")).unwrap(),
        &["twice = \"numeric\""],
    );
}

#[test]
fn sums_that_give_the_target_away_are_named_and_a_strong_predictor_stays() {
    let mut text = String::from("day,casual,registered,strong,count\n");
    text += &rows(60, |row| {
        let (casual, registered) = (drawn(row, 1, 300), drawn(row, 2, 900));
        let count = casual + registered;
        format!(
            "{},{casual},{registered},{},{count}",
            row % 7,
            count + drawn(row, 3, 120)
        )
    });
    let world = world_of("bikes.csv", text);
    let [init, _] = first_try(&world, "bikes.csv", &["--target", "count"]);
    holds(
        &init.stderr,
        &["casual and registered: give count away: it is their sum"],
    );
    holds(
        &starter(&world),
        &["strong = \"numeric\"", "casual = \"numeric\""],
    );
}

#[test]
fn a_single_column_that_says_all_is_still_learned_from() {
    let text = String::from("x,y\n") + &rows(40, |row| format!("{}.5,{}", row, 3 * row + 1));
    let world = world_of("line.csv", text);
    first_try(&world, "line.csv", &["--target", "y"]);
    holds(&starter(&world), &["x = \"numeric\""]);
}

#[test]
fn words_and_numbers_for_missing_values_are_told() {
    let mut text = String::from("age,vessels,pressure,y\n");
    text += &rows(60, |row| {
        let age = if row % 5 == 0 {
            "-".into()
        } else {
            (30 + drawn(row, 1, 40)).to_string()
        };
        let vessels = if row % 4 == 1 {
            "unknown".into()
        } else {
            (row % 4).to_string()
        };
        let pressure = if row % 9 == 2 {
            "-9".into()
        } else {
            (90 + drawn(row, 3, 80)).to_string()
        };
        format!(
            "{age},{vessels},{pressure},{}",
            ["n", "y"][drawn(row, 4, 2)]
        )
    });
    let world = world_of("heart.csv", text);
    let [init, check] = first_try(&world, "heart.csv", &["--target", "y"]);
    holds(
        &init.stderr,
        &[
            "age: \"-\" stands for a missing value",
            "vessels: \"unknown\"",
            "pressure: \"-9\" stands",
        ],
    );
    holds(&check.stdout, &["where missing"]);
    holds(
        &starter(&world),
        &["[data.missing_in]", "pressure = [\"-9\"]"],
    );
}

#[test]
fn encodings_are_told_and_read() {
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
    let told = world
        .kiln(&["predict", "--model", "run/best.safetensors", "t.arff"])
        .expect_success();
    holds(&told.stdout, &["t.arff:9\t"]);
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

/// A zip archive whose members are stored as they are.
fn zip(members: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, text) in members {
        let (offset, size) = (out.len() as u32, text.len() as u32);
        let sizes = [0u32.to_le_bytes(), size.to_le_bytes(), size.to_le_bytes()].concat();
        let names = [(name.len() as u16).to_le_bytes(), [0, 0]].concat();
        let head = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0], &sizes[..], &names[..]].concat();
        out.extend([&b"PK\x03\x04"[..], &head, name.as_bytes(), text.as_bytes()].concat());
        list.extend(
            [
                &b"PK\x01\x02\x14\0"[..],
                &head,
                &[0; 10],
                &offset.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let (at, len, count) = (out.len() as u32, list.len() as u32, members.len() as u16);
    out.extend(list);
    out.extend(
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count.to_le_bytes(),
            &count.to_le_bytes(),
            &len.to_le_bytes(),
            &at.to_le_bytes(),
            &[0, 0],
        ]
        .concat(),
    );
    out
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
    let world = world_of("sales.xlsx", zip(&book));
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
fn comments_are_no_rows() {
    let text = String::from("# made by hand\n# in 2020\na,b,y\n")
        + &rows(40, |row| {
            format!("{},{},{}", drawn(row, 1, 99), row % 6, ["u", "v"][row % 2])
        });
    let world = world_of("t.csv", text);
    let [init, _] = first_try(&world, "t.csv", &["--target", "y"]);
    holds(&init.stderr, &["2 lines of comments"]);
    let text = String::from("% a b y\n")
        + &rows(40, |row| {
            format!("  {}  {}   {}", drawn(row, 1, 99), row % 6, row % 2)
        });
    let world = world_of("t.dat", text);
    first_try(&world, "t.dat", &["--target", "3"]);
}

#[test]
fn quotes_that_close_nothing_are_signs_like_others() {
    let mut text = String::from("label\ttext\nham\t\"quoting without an end\n");
    text += &rows(40, |row| match row % 2 {
        0 => format!("ham\tsee you at lunch {row}"),
        _ => format!("spam\tfree \"prize\" number {row} now"),
    });
    let world = world_of("t.tsv", text);
    let [init, _] = first_try(&world, "t.tsv", &["--target", "label"]);
    holds(&init.stderr, &["quotes that close nothing"]);
    holds(&init.stdout, &["41 rows"]);
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

#[test]
fn rare_classes_and_copies_pass_their_own_check_and_training() {
    let mut text = String::from("a,b,cls\n");
    text += &rows(40, |row| {
        format!("{}.5,{},{}", row, row % 7, ["x", "y"][row % 2])
    });
    text += "99.5,1,z\n98.5,1,w\n97.5,2,w\n";
    // The same row several times in a small class.
    text += &"50.5,3,v\n".repeat(3);
    text += "51.5,4,v\n";
    let world = world_of("t.csv", text);
    let [_, check] = first_try(&world, "t.csv", &["--target", "cls"]);
    holds(&check.stdout, &["of z there is one row only"]);
    for seed in ["2", "3", "4", "5"] {
        let seed = format!("seed={seed}");
        let audited = ["audit", "--config", "e.toml", "--set", &seed];
        let found = world.kiln(&audited).expect_success().stdout;
        assert!(!found.contains("also in training"), "{found}");
    }
}

#[test]
fn copies_of_text_files_go_to_one_side() {
    let world = World::empty();
    for row in 0..40 {
        let class = ["good", "bad"][row % 2];
        // One in four is a copy of another.
        let text = format!(
            "a {class} text, number {}",
            if row % 8 < 2 { row % 2 } else { row }
        );
        world.write(&format!("texts/{class}/{row}.txt"), text);
    }
    let experiment = "[data]\nkind = \"text-folder\"\ntrain = \"texts\"\nvalid_fraction = 0.3\n\n[model]\nlayers = \
                      [{ embedding = { dim = 4 } }, { global_max_pool = {} }, { dense = { units = 1 } }]\n\n[train]\n\
                      epochs = 1\nloss = \"binary_cross_entropy\"\noptimizer = { adam = { learning_rate = 0.01 } }\n";
    world.write("e.toml", experiment);
    for seed in 1..6 {
        let seed = format!("seed={seed}");
        let audited = ["audit", "--config", "e.toml", "--set", &seed];
        let found = world.kiln(&audited).expect_success().stdout;
        assert!(!found.contains("also in training"), "{found}");
    }
}

#[test]
fn rows_that_a_quote_swallows_are_named_where_quotes_are_meant() {
    let mut text = String::from("y\tnote\tlong\n");
    text += &rows(30, |row| format!("{}\tgood {row}\t\"a, b\tc\"", row % 2));
    text += "0\t\"no end\tx\n1\tnext\ty\n0\tlast\" one\tz\n";
    let world = world_of("t.tsv", text);
    let init = ["init", "t.tsv", "--target", "y", "--out", "e.toml"];
    holds(
        &world.kiln(&init).stderr,
        &["a quote that makes lines 32 to 34 one row"],
    );
}

#[test]
fn dead_ends_say_what_is_there_and_what_to_run() {
    let world = world_of("data/sales.csv", "a,b\n1,2\n2,3\n");
    let told = |arguments: &[&str], parts: &[&str]| {
        holds(&world.kiln(arguments).expect_failure().stderr, parts)
    };
    told(
        &["init", "data/sale.csv"],
        &["there is no", "kiln init", "sales.csv"],
    );
    told(
        &["init", "data"],
        &["with tables: sales.csv", "kiln init data/sales.csv"],
    );
    world.write("dates.csv", "when\n2020-01-01\n2020-01-02\n2020-01-03\n");
    told(
        &["init", "dates.csv", "--target", "when"],
        &["\"when\" holds dates", "--target"],
    );
    told(
        &["init", "dates.csv"],
        &["which column", "of when", "dates, written year-month-day"],
    );
    world.write("same.csv", "a,b\n1,x\n1,x\n1,x\n");
    told(&["init", "same.csv", "--target", "b"], &["b"]);
    let useless = world.kiln(&["audit", "same.csv"]).expect_failure();
    holds(&useless.stdout, &["no column can be used"]);
    world.write("few.csv", "a,b\n1,x\n2,y\n3,z\n");
    told(&["init", "few.csv", "--target", "b"], &["one row only"]);
    world.write(
        "names.csv",
        String::from("who,y\n") + &rows(80, |row| format!("n{row},{}", row % 2)),
    );
    told(
        &["init", "names.csv", "--target", "y"],
        &[
            "who (too many different values)",
            "--set data.columns.NAME=category",
        ],
    );
    let chosen = [
        "init",
        "names.csv",
        "--target",
        "y",
        "--set",
        "data.columns.who=category",
    ];
    world.kiln(&chosen).expect_success();
    world
        .kiln(&["check", "--config", "names.toml"])
        .expect_success();
    world.write("broken.xlsx", "PK\x03\x04nothing");
    told(
        &["init", "broken.xlsx", "--target", "a"],
        &["broken.xlsx", "export it as CSV"],
    );
}

#[test]
fn a_training_that_should_go_on_says_so_and_goes_on() {
    let text = String::from("a,b,y\n")
        + &rows(60, |row| {
            format!(
                "{}.5,{}.25,{}",
                drawn(row, 1, 99),
                row % 6,
                7 * drawn(row, 1, 99) + row % 6
            )
        });
    let world = world_of("t.csv", text);
    world
        .kiln(&["init", "t.csv", "--target", "y", "--out", "e.toml"])
        .expect_success();
    holds(&starter(&world), &["early_stopping = { patience ="]);
    let train = [
        "train",
        "--config",
        "e.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=4",
    ];
    let trained = world.kiln(&train).expect_success();
    holds(
        &trained.stderr,
        &[
            "still improving",
            "kiln train --resume run --set train.epochs=8",
        ],
    );
    world
        .kiln(&["train", "--resume", "run", "--set", "train.epochs=8"])
        .expect_success();
    let one = [
        "train",
        "--config",
        "e.toml",
        "--out",
        "one",
        "--set",
        "train.epochs=1",
        "--set",
        "train.batch_size=1",
        "--set",
        "model.layers=[{ dense = { units = 4 } }, { batch_norm = {} }, { dense = { units = 1 } }]",
    ];
    holds(
        &world.kiln(&one).stderr,
        &["train.batch_size is 1, but batch_norm"],
    );
}
