//! Tables, texts and IDX files.

use kiln::config::Preprocess;
use kiln::data::{Silent, parse_idx, read_source};

use super::fuzz;
use crate::support::process::alone;

/// Looks through, splits, fits and encodes what a file holds, where it can be used.
fn prepare(data: serde_json::Value) {
    let serde_json::Value::Object(data) = data else {
        unreachable!("an object")
    };
    let Ok(source) = read_source(&data.into_iter().collect()) else {
        panic!("the description is whole")
    };
    if let Ok(survey) = source.survey(1) {
        let shape = survey.shape().num_elements();
        if let Ok(datasets) = survey.prepare(&Preprocess::default(), None, true, &Silent) {
            let mut out = vec![0.0; shape];
            for index in 0..datasets.train.len() {
                let _ = datasets.train.load(index, Some(0), &mut out);
                assert!(out.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn tables_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let mut plain = String::from("id,size,kind,note,y\n");
        let mut odd = String::from("\u{feff}y;kind;\"si;ze\"\r\n");
        for row in 0..40 {
            let kind = ["a", "b", ""][row % 3];
            let size =
                [format!("{}.5", row * 7 % 11), "NA".into()][usize::from(row % 9 == 8)].clone();
            plain.push_str(&format!(
                "{row},{size},{kind},\"the \"\"{row}\"\" of, it\",{}\n",
                row % 2
            ));
            odd.push_str(&format!("{};{kind};\"{size}\"\r\n", row as f64 / 3.0));
        }
        let corpus = [plain.into_bytes(), odd.into_bytes()];
        let words = [
            "\"", ",", ";", "\n", "\r\n", "\0", "nan", "inf", "-1e999", "1e38", "NA", "y", "é",
            "\u{feff}", "0x1F", "00", "+", "1_000",
        ];
        fuzz("table", &corpus, &words, 64 << 20, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            prepare(serde_json::json!({
                "kind": "csv", "train": path, "valid_fraction": 0.3, "target": "y", "cache_memory": "4 kB",
            }));
            prepare(serde_json::json!({
                "kind": "csv", "train": path, "valid_fraction": 0.3, "target": "y", "encoding": "windows-1252",
                "columns": {"note": "text", "kind": {"impute": "most_frequent"}, "size": {"impute": "median"}},
            }));
        });
    });
}

#[test]
fn texts_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.csv");
        let mut corpus = String::from("text,label\n");
        for row in 0..30 {
            let mood = ["good", "bad"][row % 2];
            corpus.push_str(&format!("\"The film no. {row}, it's {mood}!\",{mood}\n"));
        }
        let words = [
            "\"",
            ",",
            "\n",
            "\0",
            "İ",
            "ß",
            "\u{1F600}",
            "\u{202e}",
            " ",
            "text",
            "label",
        ];
        fuzz("text", &[corpus.into_bytes()], &words, 64 << 20, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            for level in ["word", "char"] {
                prepare(serde_json::json!({
                    "kind": "text", "train": path, "valid_fraction": 0.3, "level": level, "vocabulary": 20,
                }));
            }
        });
    });
}

#[test]
fn idx_files_are_read_or_refused() {
    alone(|| {
        let idx = |kind: u8, sizes: &[u32], len: usize| {
            let mut bytes = vec![0, 0, kind, sizes.len() as u8];
            sizes
                .iter()
                .for_each(|size| bytes.extend(size.to_be_bytes()));
            bytes.extend((0..len).map(|i| (i * 31 % 10) as u8));
            bytes
        };
        let packed = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            encoder.finish().unwrap()
        };
        let images = idx(8, &[20, 6, 5], 600);
        let corpus = [
            packed(&images),
            packed(&idx(8, &[20], 20)),
            images,
            idx(8, &[4, 3, 3, 3], 108),
            idx(0x0C, &[5], 20),
            idx(0x0D, &[2, 2, 2], 32),
        ];
        fuzz("idx", &corpus, &[], 16 << 20, |bytes| {
            if let Ok(count) = parse_idx(bytes) {
                assert!(count <= bytes.len() * 1100, "{count}");
            }
        });
    });
}
