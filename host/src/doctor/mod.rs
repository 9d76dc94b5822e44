//! Is this machine fit to judge? A list of checks, each with what was found and what to do.
//!
//! Looks at tools, at a checkout of the sources where there is one, at the engines and their cache,
//! and has every engine reproduce verdicts that are known. Changes nothing, except that compiled
//! kernels are kept where they always are.

mod checkout;
mod kernel;
mod system;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::Code;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Stable name.
    pub name: &'static str,
    /// How it stands.
    pub status: Status,
    /// What was found.
    pub message: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
    /// Stable code of what is wrong.
    #[serde(skip)]
    pub code: Option<Code>,
    /// What was found, for programs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// How a check ended. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Does not apply, or is not needed.
    Skipped,
    /// Works, with something to know.
    Warning,
    /// Could not be checked.
    Unchecked,
    /// Is wrong.
    Failed,
}

impl Status {
    /// Its word, for people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Skipped => "skipped",
            Status::Warning => "warning",
            Status::Unchecked => "unchecked",
            Status::Failed => "failed",
        }
    }
}

impl Check {
    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Check { name, status, message: message.into(), advice: None, code: None, details: Map::new() }
    }

    fn code(mut self, code: impl Into<Option<Code>>) -> Self {
        self.code = code.into();
        self
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Checks everything; `root` may be a checkout of the sources.
pub fn run(root: &Path) -> Vec<Check> {
    let sources = checkout::is_one(root);
    let mut checks = system::tools(root, sources);
    checks.extend(checkout::checks(root, sources));
    checks.extend(system::checks());
    checks.extend(kernel::checks());
    checks
}
