//! What a command says: one JSON object for machines, a few lines for people.
//!
//! Every object starts with the same seven fields: `command`, `outcome`, `exit`, `code`, `number`,
//! `message`, `hint`; the last four are null where there is nothing to say. A command's own fields
//! follow. Integers that may pass 2^53 are the caller's to give as strings.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::{Code, Failure};

/// Columns that text for people is wrapped to.
const WIDTH: usize = 80;

/// What a command answers; its exit code is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing was judged (exit 0).
    Ok,
    /// The logs agree (exit 0).
    Agree,
    /// The evidence is right (exit 0).
    Verified,
    /// The logs conflict (exit 10).
    Conflict,
    /// The evidence is wrong (exit 20).
    VerificationFailed,
    /// No verdict (exit 30).
    CouldNotCheck,
    /// The command line is wrong (exit 2).
    Usage,
    /// A defect of this program (exit 1).
    Internal,
}

impl Outcome {
    /// Process exit code.
    pub fn exit(self) -> u8 {
        match self {
            Outcome::Ok | Outcome::Agree | Outcome::Verified => 0,
            Outcome::Conflict => 10,
            Outcome::VerificationFailed => 20,
            Outcome::CouldNotCheck => 30,
            Outcome::Usage => 2,
            Outcome::Internal => 1,
        }
    }

    /// Stable name, as it stands in the JSON object.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Agree => "agree",
            Outcome::Verified => "verified",
            Outcome::Conflict => "conflict",
            Outcome::VerificationFailed => "verification-failed",
            Outcome::CouldNotCheck => "could-not-check",
            Outcome::Usage => "usage",
            Outcome::Internal => "internal",
        }
    }
}

impl From<Code> for Outcome {
    fn from(code: Code) -> Self {
        match code.exit() {
            2 => Outcome::Usage,
            20 => Outcome::VerificationFailed,
            30 => Outcome::CouldNotCheck,
            _ => Outcome::Internal,
        }
    }
}

/// One command's answer.
#[derive(Debug, Clone)]
pub struct Report {
    command: Cow<'static, str>,
    outcome: Outcome,
    code: Option<(&'static str, u32)>,
    message: Option<String>,
    hint: Option<String>,
    fields: Map<String, Value>,
    lines: Vec<String>,
    text: Option<String>,
}

impl Report {
    /// An answer without details.
    pub fn new(command: impl Into<Cow<'static, str>>, outcome: Outcome) -> Self {
        Report {
            command: command.into(),
            outcome,
            code: None,
            message: None,
            hint: None,
            fields: Map::new(),
            lines: Vec::new(),
            text: None,
        }
    }

    /// The answer of a command that did not do what was asked.
    pub fn failed(command: impl Into<Cow<'static, str>>, failure: &Failure) -> Self {
        let mut report = Report::new(command, failure.code.into())
            .code(failure.code.name(), failure.code.number())
            .message(&failure.message);
        report.hint.clone_from(&failure.hint);
        let place = failure.offset.map_or(String::new(), |offset| format!(", byte {offset}"));
        report.lines.extend(failure.file.as_ref().map(|file| format!("  in {file}{place}")));
        if let Some(file) = &failure.file {
            report = report.field("file", file);
        }
        if let Some(offset) = failure.offset {
            report = report.field("offset", offset);
        }
        report
    }

    /// With the stable name and number of what was found: a failure's, or a violated predicate's.
    #[must_use]
    pub fn code(mut self, name: &'static str, number: u32) -> Self {
        self.code = Some((name, number));
        self
    }

    /// With one sentence that says what came out. The first line for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// With what to do next. The last line for people.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a field of its own in the JSON object, in the order given. A value that JSON cannot
    /// hold becomes null.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// With a line for people, printed as it is.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// With text that is printed instead of the JSON object, unless `--json` was given.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// What came out.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Process exit code.
    pub fn exit(&self) -> u8 {
        self.outcome.exit()
    }

    /// The JSON object.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("command".into(), self.command.as_ref().into());
        object.insert("outcome".into(), self.outcome.name().into());
        object.insert("exit".into(), self.exit().into());
        object.insert("code".into(), self.code.map(|(name, _)| name).into());
        object.insert("number".into(), self.code.map(|(_, number)| number).into());
        object.insert("message".into(), self.message.clone().into());
        object.insert("hint".into(), self.hint.clone().into());
        object.extend(self.fields.clone());
        Value::Object(object)
    }

    /// The command that answers.
    pub fn command(&self) -> &Cow<'static, str> {
        &self.command
    }

    /// Text that is printed instead of the JSON object where nobody asked for that.
    pub fn instead(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// What people read: outcome and message, the lines, the hint.
    pub fn to_people(&self) -> String {
        let mut out = String::new();
        if let Some(message) = &self.message {
            out.push_str(&wrap(&format!("{}: {message}", self.outcome.name()), ""));
            out.push('\n');
        }
        for line in &self.lines {
            out.push_str(line);
            out.push('\n');
        }
        if let Some(hint) = &self.hint {
            out.push_str(&wrap(&format!("hint: {hint}"), "      "));
            out.push('\n');
        }
        out
    }
}

/// Wraps at spaces only, later lines indented: an option or a path is never broken at a hyphen.
pub fn wrap(text: &str, indent: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// A count and its noun: `1 event`, `2 events`.
pub fn plural(count: impl TryInto<u128>, noun: &str) -> String {
    match count.try_into().unwrap_or(u128::MAX) {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::HostCode;

    #[test]
    fn every_object_starts_with_the_same_fields() {
        let report = Report::new("check", Outcome::Agree).field("logs", 2);
        let json = report.to_json();
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["command", "outcome", "exit", "code", "number", "message", "hint", "logs"]);
        assert_eq!(json["exit"], 0);
        assert_eq!(json["outcome"], "agree");
        assert!(json["code"].is_null() && json["hint"].is_null());
    }

    #[test]
    fn a_failure_keeps_code_number_place_and_hint() {
        let mut failure = Failure::new(HostCode::StoreDamaged, "damaged").hint("restore it").file("cert.log");
        failure.offset = Some(16);
        let json = Report::failed("certify", &failure).to_json();
        assert_eq!(json["outcome"], "could-not-check");
        assert_eq!(json["exit"], 30);
        assert_eq!(json["code"], "store-damaged");
        assert_eq!(json["number"], 30_907);
        assert_eq!(json["file"], "cert.log");
        assert_eq!(json["offset"], 16);
        assert_eq!(json["hint"], "restore it");
    }

    #[test]
    fn outcomes_have_the_exit_codes_that_the_readme_lists() {
        let exits = [
            (Outcome::Ok, 0),
            (Outcome::Agree, 0),
            (Outcome::Verified, 0),
            (Outcome::Conflict, 10),
            (Outcome::VerificationFailed, 20),
            (Outcome::CouldNotCheck, 30),
            (Outcome::Usage, 2),
            (Outcome::Internal, 1),
        ];
        for (outcome, exit) in exits {
            assert_eq!(outcome.exit(), exit, "{}", outcome.name());
        }
        for &code in HostCode::ALL {
            assert_eq!(Outcome::from(Code::Host(code)).exit(), Code::Host(code).exit(), "{}", code.name());
        }
        assert_eq!(Outcome::from(Code::Usage), Outcome::Usage);
        assert_eq!(Outcome::from(Code::Internal), Outcome::Internal);
    }

    #[test]
    fn options_are_not_broken_at_hyphens_and_nouns_are_counted() {
        for indent in 0..40 {
            let text = format!("{} {}", "x".repeat(indent + 40), "--max-payload-bytes --cert-log ".repeat(3));
            for line in wrap(&text, "  ").lines() {
                assert!(!line.ends_with('-') && !line.ends_with("--max"), "{line}");
            }
        }
        assert_eq!((plural(1u64, "event"), plural(0u64, "event")), ("1 event".into(), "0 events".into()));
    }

    #[test]
    fn people_read_eighty_columns() {
        let report = Report::new("check", Outcome::Conflict)
            .message("word ".repeat(60).trim_end())
            .hint("advice ".repeat(30).trim_end());
        let plain = report.to_people();
        assert!(plain.starts_with("conflict: word"));
        assert!(plain.lines().all(|line| line.len() <= WIDTH), "{plain}");
        assert!(plain.contains("\nhint: advice"));
    }
}
