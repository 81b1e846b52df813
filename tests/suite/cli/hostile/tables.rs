//! Tables and sentences.

use super::Attack;
use super::Outcome::{Orderly, Refused, Works};
use crate::support::world::World;

#[test]
fn tables_of_every_kind_are_used_or_refused_with_a_word() {
    let world = World::empty();
    let rows = |row: &dyn Fn(usize) -> String| -> String { (0..60).map(row).collect() };
    let plain = rows(&|i| format!("{},{},{}\n", i, i * 7 % 13, ["a", "b"][i % 2]));
    let table = |header: &str| format!("{header}\n{plain}");
    let wide: String = (0..3000).map(|i| format!("c{i},")).collect();
    let wide_row = |label: &str| format!("{}{label}\n", "1,".repeat(3000));
    let works: [(&str, Vec<u8>); 9] = [
        ("cr.csv", table("x,y,t").replace('\n', "\r").into_bytes()),
        (
            "crlf.csv",
            table("x,y,t").replace('\n', "\r\n").into_bytes(),
        ),
        (
            "bom.csv",
            [b"\xef\xbb\xbf", table("x,y,t").as_bytes()].concat(),
        ),
        ("slash.csv", table("km/h,a/b/c,t").into_bytes()),
        (
            "quoted.csv",
            table("\"x \"\"q\"\"\",\"a,b\",t").into_bytes(),
        ),
        (
            "control.csv",
            table("\"a\u{1b}[31m\",\"b\u{7}\",t").into_bytes(),
        ),
        ("newline.csv", table("\"two\nlines\",y,t").into_bytes()),
        (
            "long.csv",
            table(&format!("{},y,t", "n".repeat(3000))).into_bytes(),
        ),
        ("unicode.csv", table("\u{202e}abc,名前,t").into_bytes()),
    ];
    let mut attack = Attack::on(&world);
    for (name, content) in &works {
        world.write(name, content);
        let toml = format!("{name}.toml");
        attack.case(
            name,
            &["init", name, "--target", "t", "--out", &toml],
            Works,
        );
        let train = [
            "train",
            "--config",
            &toml,
            "--device",
            "cpu",
            "--set",
            "train.epochs=2",
            "--out",
            &format!("run-{name}"),
            "--quiet",
        ];
        attack.case(name, &train, Works);
        attack.case(
            name,
            &[
                "predict",
                "--model",
                &format!("run-{name}/best.safetensors"),
                name,
            ],
            Works,
        );
        attack.case(
            name,
            &[
                "eval",
                "--model",
                &format!("run-{name}/best.safetensors"),
                "--data",
                name,
            ],
            Works,
        );
    }
    let odd: [(&str, Vec<u8>); 17] = [
        ("empty.csv", Vec::new()),
        ("header.csv", b"x,y,t\n".to_vec()),
        ("one.csv", b"x,y,t\n1,2,a\n".to_vec()),
        ("blank.csv", b"\n\n\n\n".to_vec()),
        ("nul.csv", b"x,y,t\n1,\0,a\n2,3,b\n".to_vec()),
        ("only.csv", "t\na\nb\na\nb\n".into()),
        ("ragged.csv", b"x,y,t\n1,2,a\n1,2,3,4,5,b\n7\n".to_vec()),
        ("twice.csv", table("x,x,t").into_bytes()),
        (
            "constant.csv",
            format!("x,y,t\n{}", rows(&|i| format!("{i},1,a\n"))).into_bytes(),
        ),
        (
            "missing.csv",
            format!("x,y,t\n{}", rows(&|i| format!("{i},1,\n"))).into_bytes(),
        ),
        (
            "infinite.csv",
            format!("x,y,t\n{}", rows(&|i| format!("1e400,nan,{}\n", i % 2))).into_bytes(),
        ),
        ("open.csv", format!("x,y,t\n\"1,2,a\n{plain}").into_bytes()),
        (
            "cell.csv",
            format!("x,y,t\n{},2,a\n{plain}", "z".repeat(2_000_000)).into_bytes(),
        ),
        (
            "wide.csv",
            format!(
                "{wide}t\n{}{}{}{}",
                wide_row("a"),
                wide_row("b"),
                wide_row("a"),
                wide_row("b")
            )
            .into_bytes(),
        ),
        (
            "classes.csv",
            format!("x,y,t\n{}", rows(&|i| format!("{i},1,class {i}\n"))).into_bytes(),
        ),
        ("archive.csv", b"PK\x03\x04 not a table".to_vec()),
        ("image.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
    ];
    for (name, content) in &odd {
        world.write(name, content);
        attack.case(
            name,
            &["init", name, "--target", "t", "--out", "odd.toml"],
            Orderly,
        );
        attack.case(name, &["audit", name], Orderly);
        if world.path("odd.toml").exists() {
            let train = [
                "train",
                "--config",
                "odd.toml",
                "--device",
                "cpu",
                "--set",
                "train.epochs=1",
                "--out",
                &format!("run-{name}"),
                "--quiet",
            ];
            attack.case(name, &train, Orderly);
            std::fs::remove_file(world.path("odd.toml")).expect("removed");
        }
    }
    std::fs::create_dir(world.path("folder.csv")).expect("a folder");
    attack.case(
        "a folder",
        &["init", "folder.csv", "--target", "t"],
        Refused(&["folder.csv"]),
    );
    attack.case(
        "nothing",
        &["init", "gone.csv", "--target", "t"],
        Refused(&["gone.csv"]),
    );
    attack.case(
        "no column",
        &["init", "crlf.csv", "--target", "u", "--out", "u.toml"],
        Refused(&["u"]),
    );
    attack.end(70);
}

#[test]
fn sentences_of_every_kind_are_answered_or_refused_with_a_word() {
    let world = World::empty();
    let rows: String = (0..40)
        .map(|i| {
            format!(
                "\"{} film number {i}\",{}\n",
                ["good", "bad"][i % 2],
                ["pos", "neg"][i % 2]
            )
        })
        .collect();
    world.write("t.csv", format!("text,label\n{rows}"));
    world.write(
        "t.toml",
        "[data]\nkind = \"text\"\ntrain = \"t.csv\"\nvalid_fraction = 0.25\ntarget = \"label\"\ntext = \"text\"\n\
         [data.tokens]\n[model]\nlayers = [\"x\"]\n[train]\nepochs = 1\n",
    );
    let mut attack = Attack::on(&world);
    attack.case(
        "keys that are not known",
        &["check", "--config", "t.toml"],
        Refused(&["t.toml"]),
    );
    attack.case(
        "init",
        &["init", "t.csv", "--target", "label", "--out", "s.toml"],
        Works,
    );
    let train = [
        "train",
        "--config",
        "s.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=2",
        "--quiet",
    ];
    attack.case("train", &train, Works);
    world.write("odd.csv", b"text,label\n\"\",pos\n\"   \",neg\n\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\",pos\n\"good\x07film\",pos\n\"good film\",other\n");
    let best = "run/best.safetensors";
    attack.case("predict", &["predict", "--model", best, "odd.csv"], Orderly);
    attack.case(
        "an unknown class",
        &["eval", "--model", best, "--data", "odd.csv"],
        Orderly,
    );
    attack.case(
        "an image",
        &["predict", "--model", best, "/dev/null"],
        Orderly,
    );
    attack.end(6);
}
