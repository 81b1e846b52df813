//! Help texts: every command has examples, and they are command lines that there are.

use clap::{CommandFactory, Parser};
use kiln::cli::Cli;

use crate::support::world::World;

/// The names of every command, with those of commands within it: `[[], ["train"], ..., ["synth", "shapes"]]`.
fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        let subcommands = command.get_subcommands();
        for subcommand in subcommands.filter(|command| command.get_name() != "help") {
            let path = [path, &[subcommand.get_name().to_string()]].concat();
            walk(subcommand, &path, found);
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), &[], &mut found);
    found
}

/// The arguments of an example: up to a redirection or what explains it, behind a pipe.
fn arguments(line: &str) -> Vec<String> {
    let line = line.trim_start();
    let line = line.rsplit(" | ").next().unwrap_or(line);
    let line = line.split("  ").next().unwrap_or(line);
    let line = line.split(" > ").next().unwrap_or(line);
    line.split(' ')
        .map(|word| word.trim_matches('\'').to_string())
        .collect()
}

#[test]
fn every_help_text_has_examples_that_are_command_lines() {
    let world = World::empty();
    let commands = commands();
    assert!(commands.len() >= 18, "{commands:?}");
    for path in &commands {
        let mut command: Vec<&str> = path.iter().map(String::as_str).collect();
        command.push("--help");
        let help = world.kiln(&command).expect_success().stdout;
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{path:?} has no examples:\n{help}"));
        let lines = examples
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with("  "));
        let lines: Vec<&str> = lines.filter(|line| line.contains("kiln ")).collect();
        let own = format!("kiln {}", path.join(" "));
        let mine = lines.iter().filter(|line| line.contains(own.trim_end()));
        assert!(mine.count() >= 1, "{own}: {lines:?}");
        for line in lines {
            let arguments = arguments(line);
            let ends_in_help = arguments.last().is_some_and(|last| last == "--help");
            if let Err(error) = Cli::try_parse_from(&arguments)
                && !ends_in_help
            {
                panic!("{line}: {error}");
            }
        }
    }
}
