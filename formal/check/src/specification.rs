//! The specification's program: built by `formal/rocq/build.sh`, fed line by line.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;

/// Cases that may wait for the specification's answer.
const AHEAD: usize = 4096;

/// The program.
#[derive(Debug, Clone)]
pub struct Specification {
    program: PathBuf,
}

/// A case on which kernel and specification differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its number, from 1.
    pub nth: u64,
    /// The case as the specification read it.
    pub line: String,
    /// What the kernel found.
    pub kernel: String,
    /// What the specification says.
    pub specification: String,
}

impl Specification {
    /// Compiles the proofs where they changed, extracts the specification and builds it.
    ///
    /// # Panics
    /// Where that fails: a proof does not hold, or Coq or OCaml is missing (`scripts/setup.sh test` installs both).
    pub fn build() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rocq/build.sh");
        let built = Command::new(&script).stderr(Stdio::inherit()).output().expect("a shell");
        assert!(built.status.success(), "{} failed: its messages above say why", script.display());
        let program = String::from_utf8(built.stdout).expect("a path");
        Specification { program: program.trim_end().into() }
    }

    /// A program that is already there.
    pub fn of(program: PathBuf) -> Self {
        Specification { program }
    }

    /// The answers to these lines.
    ///
    /// # Panics
    /// Where the program refuses one.
    pub fn answers(&self, lines: &[String]) -> Vec<String> {
        let (mut program, mut to, from) = self.start();
        let answers = thread::scope(|scope| {
            let answers = scope.spawn(move || from.lines().collect::<io::Result<Vec<String>>>());
            lines.iter().for_each(|line| writeln!(to, "{line}").expect("a program that reads"));
            drop(to);
            answers.join().expect("a reader").expect("answers")
        });
        assert!(program.wait().expect("its status").success(), "the specification's program failed");
        answers
    }

    fn start(&self) -> (Child, BufWriter<ChildStdin>, BufReader<ChildStdout>) {
        let mut program = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the specification's program");
        let to = BufWriter::new(program.stdin.take().expect("its input"));
        let from = BufReader::new(program.stdout.take().expect("its output"));
        (program, to, from)
    }

    /// Puts cases to the specification, each as a line with what the kernel made of it, and compares. `cases` is
    /// handed a function to call with each, which says whether to go on. Gives the number of cases.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// Where the program does not answer every line.
    pub fn compare(
        &self,
        cases: impl FnOnce(&mut dyn FnMut(String, String) -> bool),
    ) -> Result<u64, Box<Difference>> {
        let (mut program, mut to, from) = self.start();
        let (send, sent) = sync_channel::<(String, String)>(AHEAD);
        let compared = thread::scope(|scope| {
            let comparing = scope.spawn(move || compare_answers(sent.into_iter(), from.lines()));
            cases(&mut |line, kernel| {
                // Either end is gone once a difference was found. Full buffers write themselves, and at most
                // AHEAD cases wait: more than those whose lines are still in a buffer.
                writeln!(to, "{line}").is_ok() && send.send((line, kernel)).is_ok()
            });
            drop((to, send));
            comparing.join().expect("a comparison")
        });
        if compared.is_err() {
            // It may still wait for cases.
            let _ = program.kill();
        }
        let status = program.wait().expect("its status");
        assert!(compared.is_err() || status.success(), "the specification's program ended with {status}");
        compared
    }
}

fn compare_answers(
    cases: impl Iterator<Item = (String, String)>,
    mut answers: impl Iterator<Item = io::Result<String>>,
) -> Result<u64, Box<Difference>> {
    let mut nth = 0;
    for (line, kernel) in cases {
        nth += 1;
        let answer = answers.next().unwrap_or_else(|| panic!("no answer to case {nth}: {line}"));
        let specification = answer.expect("an answer");
        if specification != kernel {
            return Err(Box::new(Difference { nth, line, kernel, specification }));
        }
    }
    Ok(nth)
}
