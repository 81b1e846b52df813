//! Hostile and odd inputs, more than a hundred: none panics, hangs or aborts; what is refused is refused with its name
//! and reason, what can be used is used.

mod experiments;
mod files;
mod tables;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use Outcome::{Refused, Works};

use crate::support::world::{Run, World};

/// What has to come out.
enum Outcome {
    /// Exit code 0.
    Works,
    /// Exit code 1 or 2, and a message that holds all of these.
    Refused(&'static [&'static str]),
    /// Either of them: whether it can be used is not what this case is about.
    Orderly,
}

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
    let message = &run.stderr;
    let mut wrong = Vec::new();
    if message.contains("panicked") || message.contains("memory allocation") || run.code < 0 {
        wrong.push("it panics or aborts".to_string());
    }
    if let Some(control) = message
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c))
    {
        wrong.push(format!("it prints {control:?}"));
    }
    match outcome {
        Works if run.code != 0 => wrong.push("it is refused".to_string()),
        Refused(_) if !(1..=2).contains(&run.code) => wrong.push("it is not refused".to_string()),
        Refused(words) => {
            let missing = words.iter().filter(|word| !message.contains(**word));
            wrong.extend(missing.map(|word| format!("the message lacks {word:?}")));
        }
        _ => {}
    }
    if run.code != 0 && message.trim().is_empty() && run.stdout.trim().is_empty() {
        wrong.push("it fails without a word".to_string());
    }
    let code = run.code;
    (!wrong.is_empty()).then(|| format!("{wrong:?}, exit code {code}:\n{message}\n"))
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
