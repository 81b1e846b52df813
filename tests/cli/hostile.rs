//! Hostile and odd inputs, more than a hundred: none panics, hangs or aborts; what is refused is refused with its name
//! and reason, what can be used is used.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{EXPERIMENT, Run, World};

/// What has to come out.
enum Outcome {
    /// Exit code 0.
    Works,
    /// Exit code 1 or 2, and a message that holds all of these.
    Refused(&'static [&'static str]),
    /// Either of them: whether it can be used is not what this case is about.
    Orderly,
}
use Outcome::{Orderly, Refused, Works};

/// Longer than any of these commands takes, also on a machine that does other work.
const LIMIT: Duration = Duration::from_secs(120);

/// Address space: an allocation without a bound fails in place of taking the machine's memory.
const MEMORY_KIB: u64 = 16 << 20;

/// Runs a command line; everything but the bounds is the caller's to judge.
fn run_bounded(world: &World, arguments: &[String], input: &[u8]) -> Run {
    let program = env!("CARGO_BIN_EXE_kiln");
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\""))
        .arg(program)
        .args(arguments)
        .current_dir(world.path(""))
        .env("KILN_CACHE_DIR", world.path("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let begun = Instant::now();
    let drain = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            read.map(|read| read.map(|_| bytes))
        })
    };
    let stdout = drain(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = drain(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill().expect("a child that runs");
            child.wait().expect("a child that was killed");
            panic!("{arguments:?} did not end within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let _ = feeder.join(); // a program that reads nothing closes the pipe
    let text = |reader: std::thread::JoinHandle<Option<std::io::Result<Vec<u8>>>>| {
        let bytes = reader.join().expect("a reader");
        String::from_utf8_lossy(&bytes.and_then(Result::ok).unwrap_or_default()).into_owned()
    };
    Run {
        code: status.code().unwrap_or(-1),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// Runs one case; what is wrong with it, if anything.
fn attack(world: &World, arguments: &[String], input: &[u8], outcome: &Outcome) -> Option<String> {
    let run = run_bounded(world, arguments, input);
    let told = &run.stderr;
    let mut wrong = Vec::new();
    if told.contains("panicked") || told.contains("memory allocation") || run.code < 0 {
        wrong.push("it panics or aborts".to_string());
    }
    if let Some(control) = told
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c))
    {
        wrong.push(format!("it prints {control:?}"));
    }
    match outcome {
        Works if run.code != 0 => wrong.push("it is refused".to_string()),
        Refused(_) if !(1..=2).contains(&run.code) => wrong.push("it is not refused".to_string()),
        Refused(words) => {
            let missing = words.iter().filter(|word| !told.contains(**word));
            wrong.extend(missing.map(|word| format!("the message lacks {word:?}")));
        }
        _ => {}
    }
    if run.code != 0 && told.trim().is_empty() && run.stdout.trim().is_empty() {
        wrong.push("it fails without a word".to_string());
    }
    let code = run.code;
    (!wrong.is_empty()).then(|| format!("{wrong:?}, exit code {code}:\n{told}\n"))
}

/// A list of cases on one world: what each is called, its command line, and what has to come out.
struct Attack<'a> {
    world: &'a World,
    wrong: Vec<String>,
    count: usize,
}

impl<'a> Attack<'a> {
    fn on(world: &'a World) -> Attack<'a> {
        Attack {
            world,
            wrong: Vec::new(),
            count: 0,
        }
    }

    fn fed(&mut self, case: &str, arguments: &[&str], input: &[u8], outcome: Outcome) {
        self.count += 1;
        let arguments: Vec<String> = arguments.iter().map(|a| a.to_string()).collect();
        if let Some(wrong) = attack(self.world, &arguments, input, &outcome) {
            self.wrong.push(format!("{case}: {wrong}"));
        }
    }

    fn case(&mut self, case: &str, arguments: &[&str], outcome: Outcome) {
        self.fed(case, arguments, b"", outcome);
    }

    fn end(self, fewest: usize) {
        assert!(self.count >= fewest, "{} cases", self.count);
        let wrong = &self.wrong;
        assert!(
            wrong.is_empty(),
            "{} of {} cases:\n{}",
            wrong.len(),
            self.count,
            wrong.join("\n")
        );
    }
}

#[test]
fn impossible_numbers_in_an_experiment_are_refused() {
    let world = World::colours();
    let mut attack = Attack::on(&world);
    let refused: [(&str, &'static [&'static str]); 46] = [
        (
            "model.layers=[{ flatten = {} }, { dense = { units = 1000000000 } }, { dense = { units = 1 } }]",
            &["GB", "dense"],
        ),
        ("model.layers[3].dense.units=4611686018427387904", &[]),
        ("model.layers[3].dense.units=18446744073709551615", &[]),
        ("model.layers[3].dense.units=1e30", &["units"]),
        ("model.layers[3].dense.units=-1", &["units"]),
        ("model.layers[0].conv2d.filters=1000000000", &["GB"]),
        ("model.layers[0].conv2d.filters=0", &["filters"]),
        ("model.layers[0].conv2d.kernel=0", &["kernel"]),
        ("model.layers[0].conv2d.kernel=65535", &[]),
        ("model.layers[0].conv2d.kernel=[3,3,3]", &["kernel"]),
        ("model.layers[0].conv2d.stride=0", &["stride"]),
        ("model.layers[0].conv2d.groups=7", &["groups"]),
        ("model.layers[0].conv2d.dilation=65535", &[]),
        ("model.layers[0].conv2d.in_channels=4", &["in_channels"]),
        ("model.layers[1]={ upsample = { size = 0 } }", &["size"]),
        ("model.layers[1]={ reshape = { to = [-1, -1] } }", &[]),
        (
            "model.layers[1]={ reshape = { to = [4294967296, 4294967296] } }",
            &[],
        ),
        ("model.layers[3]={ dropout = { rate = 1.0 } }", &["rate"]),
        ("model.layers=[]", &[]),
        ("model.layers[99999999999999999999999].dense.units=1", &[]),
        ("model.layers[-1].dense.units=1", &[]),
        ("model.layers[4294967295]={ flatten = {} }", &[]),
        ("data.size=[0, 0]", &["size"]),
        ("data.size=[1000000, 1000000]", &[]),
        ("data.size=[9223372036854775807, 9223372036854775807]", &[]),
        ("data.channels=0", &["channels"]),
        ("data.channels=1000000", &["channels"]),
        ("data.train=\"\"", &["train"]),
        ("data.train=\"no\\u0000where\"", &["train"]),
        ("data.valid_fraction=2.0", &["valid_fraction"]),
        ("train.batch_size=0", &["batch_size"]),
        ("train.epochs=-3", &["epochs"]),
        ("train.epochs=99999999999999999999", &["epochs"]),
        ("train.optimizer.adam.learning_rate=nan", &["learning_rate"]),
        ("train.optimizer.adam.learning_rate=inf", &["learning_rate"]),
        ("train.optimizer.adam.learning_rate=-1", &["learning_rate"]),
        ("train.optimizer.adam.beta1=1", &["beta1"]),
        ("train.class_weights={ red = -1 }", &["class_weights"]),
        ("train.class_weights={ green = 1 }", &["class_weights"]),
        ("train.monitor=\"valid_luck\"", &["monitor"]),
        ("train.loss=\"poisson\"", &["loss"]),
        ("seed=-1", &["seed"]),
        ("seed=1.5", &["seed"]),
        ("seed=18446744073709551616", &["seed"]),
        ("preprocess.divide_by=0", &["divide_by"]),
        ("eval.positive=\"green\"", &["positive"]),
    ];
    for (set, words) in refused {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        attack.case(set, &arguments, Refused(words));
    }
    let orderly = [
        "model.layers[1]={ upsample = { size = 65535 } }",
        "train.batch_size=1000000000000",
        "preprocess.mean=[1, 2, 3, 4, 5]",
        "preprocess.std=0",
        "augment.rotation=1e308",
        "augment.mixup={ alpha = 0 }",
        "augment.random_resized_crop={ scale = [2, 1] }",
        "eval.threshold=7",
        "name=\"../../outside\"",
        "name=\"\\u001b[31mred\\nnew line\"",
    ];
    for set in orderly {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        attack.case(set, &arguments, Orderly);
    }
    attack.end(56);
}

#[test]
fn odd_command_lines_are_usage_errors() {
    let world = World::colours();
    let mut attack = Attack::on(&world);
    let dots = format!("a{}=1", ".a".repeat(20_000));
    let deep = format!("data.x={}{}", "[".repeat(20_000), "]".repeat(20_000));
    let tables = format!("data.x={}1{}", "{a=".repeat(20_000), "}".repeat(20_000));
    let long = format!("name=\"{}\"", "n".repeat(100_000));
    for set in [
        "",
        "=",
        "=1",
        "a",
        "train..epochs=3",
        ".=1",
        "train.epochs",
        &dots,
        &deep,
        &tables,
    ] {
        let arguments = ["check", "--config", "experiment.toml", "--set", set];
        let shown: String = set.chars().take(40).collect();
        attack.case(&shown, &arguments, Refused(&[]));
    }
    attack.case(
        "long",
        &["check", "--config", "experiment.toml", "--set", &long],
        Orderly,
    );
    attack.case(
        "threads 0",
        &["--threads", "0", "devices"],
        Refused(&["--threads"]),
    );
    attack.case(
        "threads 65535",
        &["--threads", "65535", "devices"],
        Refused(&["--threads"]),
    );
    attack.case(
        "batch",
        &[
            "bench",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--batch",
            "10000000",
        ],
        Refused(&[]),
    );
    attack.case(
        "steps",
        &["train", "--config", "experiment.toml", "--verify", "1"],
        Refused(&["--verify"]),
    );
    attack.case(
        "a gpu that is not there",
        &["check", "--config", "experiment.toml", "--device", "gpu:99"],
        Refused(&["gpu:99"]),
    );
    attack.case(
        "device",
        &[
            "check",
            "--config",
            "experiment.toml",
            "--device",
            "quantum",
        ],
        Refused(&["quantum"]),
    );
    attack.case(
        "empty model",
        &["predict", "--model", "", "x.png"],
        Refused(&[]),
    );
    attack.case("no guide", &["guide", "\u{1b}[31m"], Refused(&["guide"]));
    attack.end(19);
}

#[test]
fn experiments_that_are_no_text_or_too_deep_are_refused() {
    let world = World::empty();
    let deep = 100_000;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(deep), close.repeat(deep));
    let block = "{ residual = { layers = [";
    let residuals = format!(
        "[model]\nlayers = [{}{}]\n",
        block.repeat(400),
        "] } }".repeat(400)
    );
    let files: [(&str, Vec<u8>); 18] = [
        ("empty.toml", Vec::new()),
        ("binary.toml", (0..=255).cycle().take(5000).collect()),
        ("nul.toml", b"name = \"a\0b\"\n".to_vec()),
        (
            "list.toml",
            format!("a = {}", nested("[", "]")).into_bytes(),
        ),
        (
            "table.toml",
            format!("a = {}", nested("{a=", "}")).into_bytes(),
        ),
        (
            "header.toml",
            format!("[{}a]\n", "a.".repeat(deep)).into_bytes(),
        ),
        (
            "dotted.toml",
            format!("{}a = 1\n", "a.".repeat(deep)).into_bytes(),
        ),
        ("residuals.toml", residuals.into_bytes()),
        ("twice.toml", b"seed = 1\nseed = 2\n".to_vec()),
        ("open.toml", b"name = \"never closed\n".to_vec()),
        ("list.json", nested("[", "]").into_bytes()),
        ("object.json", nested("{\"a\":", "}").into_bytes()),
        ("null.json", b"null".to_vec()),
        ("number.json", b"17".to_vec()),
        ("comma.json", b"{\"seed\": 1,,}".to_vec()),
        ("surrogate.json", b"{\"name\": \"\\ud800\"}".to_vec()),
        (
            "utf16.toml",
            "seed = 1"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        ("experiment.yaml", b"seed: 1\n".to_vec()),
    ];
    let mut attack = Attack::on(&world);
    for (name, content) in &files {
        world.write(name, content);
        attack.case(name, &["check", "--config", name], Refused(&[]));
        assert!(attack.wrong.is_empty() || !attack.wrong[0].is_empty());
    }
    std::fs::create_dir(world.path("folder.toml")).expect("a folder");
    attack.case(
        "a folder",
        &["check", "--config", "folder.toml"],
        Refused(&["folder.toml"]),
    );
    attack.case(
        "nothing",
        &["check", "--config", "missing.toml"],
        Refused(&["missing.toml"]),
    );
    attack.end(20);
}

#[test]
fn experiments_that_windows_wrote_are_read() {
    let world = World::colours();
    let marked = [b"\xef\xbb\xbf".as_slice(), EXPERIMENT.as_bytes()].concat();
    world.write("bom.toml", marked);
    world.write("crlf.toml", EXPERIMENT.replace('\n', "\r\n"));
    world.write(
        "comments.toml",
        format!("{}\n{EXPERIMENT}", "# much\n".repeat(200_000)),
    );
    let mut attack = Attack::on(&world);
    for name in ["bom.toml", "crlf.toml", "comments.toml"] {
        attack.case(name, &["check", "--config", name, "--device", "cpu"], Works);
    }
    attack.end(3);
}

/// A safetensors file with a header and some bytes behind it.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u64).to_le_bytes();
    [&len, header.as_bytes(), data].concat()
}

#[test]
fn model_files_from_strangers_are_refused() {
    let world = World::colours();
    world
        .train(&["--set", "train.epochs=1", "--quiet"])
        .expect_success();
    let whole = std::fs::read(world.path("run/best.safetensors")).expect("a model");
    let (mut nan, mut cut) = (whole.clone(), whole.clone());
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    cut.truncate(whole.len() - 5);
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let meta = |kiln: &str| safetensors(&json!({"__metadata__": {"kiln": kiln}}).to_string(), &[]);
    let tensor = |shape: &str, offsets: &str| {
        let header = format!(
            "{{\"__metadata__\":{{\"kiln\":\"{{}}\"}},\"w\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}"
        );
        safetensors(&header, &[0; 16])
    };
    let files: [(&str, Vec<u8>); 16] = [
        ("empty", Vec::new()),
        ("seven", vec![1; 7]),
        ("length", u64::MAX.to_le_bytes().to_vec()),
        ("long", [&(1u64 << 40).to_le_bytes()[..], b"{}"].concat()),
        ("deep", safetensors(&deep, &[])),
        ("strange", safetensors("{}", &[])),
        ("version", meta("{\"version\": 999}")),
        ("none", meta("{}")),
        ("nested", meta(&deep)),
        ("overflow", tensor("[4611686018427387904, 4]", "[0, 16]")),
        ("reversed", tensor("[4]", "[16, 0]")),
        ("outside", tensor("[400]", "[0, 1600]")),
        ("nan", nan),
        ("cut", cut),
        ("doubled", [whole.clone(), whole.clone()].concat()),
        ("text", b"this is no model\n".to_vec()),
    ];
    let mut attack = Attack::on(&world);
    for (name, content) in &files {
        world.write(name, content);
        attack.case(
            name,
            &["predict", "--model", name, "valid/red"],
            Refused(&[]),
        );
        attack.case(
            name,
            &["eval", "--model", name, "--data", "valid"],
            Refused(&[]),
        );
    }
    attack.case(
        "a folder",
        &["predict", "--model", "valid", "valid/red"],
        Refused(&["valid"]),
    );
    attack.case(
        "no model",
        &["eval", "--model", "gone", "--data", "valid"],
        Refused(&["gone"]),
    );
    attack.end(34);
}

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

#[cfg(unix)]
#[test]
fn folders_with_odd_names_links_and_pipes_are_listed_and_used() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let world = World::colours();
    let red = world.path("train/red");
    world.picture("train/red/new\nline.png", [220, 40, 20], 91);
    world.picture("train/red/tab\there.png", [220, 40, 20], 92);
    world.picture("train/red/\u{1b}[31m.png", [220, 40, 20], 93);
    world.picture("train/red/\u{202e}gnp.png", [220, 40, 20], 94);
    world.picture("train/red/bytes.png", [220, 40, 20], 95);
    let bytes = red.join(OsStr::from_bytes(b"\xff\xfe.png"));
    std::fs::rename(red.join("bytes.png"), bytes).expect("a name that is not UTF-8");
    std::fs::create_dir(red.join("folder.png")).expect("a folder");
    symlink("loop.png", red.join("loop.png")).expect("a link to itself");
    symlink("nowhere.png", red.join("dangling.png")).expect("a link");
    symlink("/dev/zero", red.join("zero.png")).expect("a link to a device");
    symlink("..", red.join("up")).expect("a link upwards");
    let made = Command::new("mkfifo").arg(red.join("pipe.png")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let mut attack = Attack::on(&world);
    attack.case("audit", &["audit", "train"], Orderly);
    let train = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=1",
    ];
    attack.case("a link upwards", &train, Refused(&["up"]));
    std::fs::remove_file(red.join("up")).expect("removed");
    attack.case("train", &train, Works);
    let best = "run/best.safetensors";
    attack.case(
        "predict",
        &["predict", "--model", best, "train/red"],
        Orderly,
    );
    attack.case(
        "eval",
        &["eval", "--model", best, "--data", "train"],
        Orderly,
    );
    attack.case(
        "a pipe",
        &["predict", "--model", best, "train/red/pipe.png"],
        Refused(&["pipe.png"]),
    );
    attack.case(
        "a device",
        &["predict", "--model", best, "/dev/zero"],
        Refused(&["/dev/zero"]),
    );
    attack.case(
        "a model that is a device",
        &["predict", "--model", "/dev/zero", "valid/red"],
        Refused(&["/dev/zero"]),
    );
    attack.case(
        "an experiment that is a device",
        &["check", "--config", "/dev/zero"],
        Refused(&["/dev/zero"]),
    );
    attack.fed(
        "a list with odd names",
        &["predict", "--model", best, "-"],
        b"valid/red/00.png\n\n\xff\xfe\nno such\n",
        Refused(&["no such"]),
    );
    attack.case(
        "full",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "/dev/full",
        ],
        Refused(&["/dev/full"]),
    );
    attack.case(
        "null",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "/dev/null",
        ],
        Works,
    );
    attack.case(
        "a folder to write",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "valid",
        ],
        Refused(&["valid"]),
    );
    attack.case(
        "no folder",
        &[
            "eval",
            "--model",
            best,
            "--data",
            "valid",
            "--predictions",
            "no/where.csv",
        ],
        Refused(&["no/where.csv"]),
    );
    let null = std::fs::metadata("/dev/null").expect("a device");
    assert!(!null.is_file(), "/dev/null was replaced");
    attack.end(14);
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
        "a picture",
        &["predict", "--model", best, "/dev/null"],
        Orderly,
    );
    attack.end(6);
}
