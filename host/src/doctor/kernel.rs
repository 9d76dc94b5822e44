//! The checker inside this program: is it the one that it says it is, does every engine run it, and
//! does each come to the verdicts that are known?

use data_encoding::HEXLOWER;
use omega_kernel::fault::FaultCode;
use omega_kernel::hash::{PREDICATE_HASH, SCHEMA_HASH};

use super::{Check, Status};
use crate::engine::{Execution, Kernel, Mode, Options};
use crate::failure::{Code, Failure};
use crate::known::KnownBatch;

/// Report these: nothing that a user did explains them.
const DEFECT: &str = "This is a defect of omega or of this machine. Sign nothing here, and report it.";

/// One way to run the checker.
struct Engine {
    check: &'static str,
    verdict: &'static str,
    mode: Mode,
    execution: Execution,
}

const ENGINES: [Engine; 3] = [
    Engine {
        check: "cranelift",
        verdict: "verdict-cranelift",
        mode: Mode::Wasm,
        execution: Execution::Cranelift,
    },
    Engine { check: "pulley", verdict: "verdict-pulley", mode: Mode::Wasm, execution: Execution::Pulley },
    Engine {
        check: "native",
        verdict: "verdict-native",
        mode: Mode::Native,
        execution: Execution::Cranelift,
    },
];

/// All of it.
pub fn checks() -> Vec<Check> {
    let options = Options::from_environment();
    let mut checks = vec![environment(&options)];
    let options = options.unwrap_or_default();
    let batches = KnownBatch::all();
    let mut kernels = Vec::new();
    for engine in &ENGINES {
        let options = Options { mode: engine.mode, execution: engine.execution, ..options.clone() };
        let kernel = Kernel::embedded(&options).and_then(|kernel| {
            kernel.describe()?;
            Ok(kernel)
        });
        match kernel {
            Ok(kernel) => {
                checks.push(Check::new(engine.check, Status::Ok, "runs the checker"));
                kernels.push((engine, kernel));
            }
            Err(failure) => checks.push(unchecked(engine.check, &failure)),
        }
    }
    if let Some((_, kernel)) = kernels.iter().find(|(_, kernel)| kernel.runs_component()) {
        checks.extend([identity(kernel), imports(), account(kernel)]);
    }
    match &batches {
        Ok(batches) => {
            checks.extend(kernels.iter().map(|(engine, kernel)| verdicts(engine.verdict, kernel, batches)));
        }
        Err(failure) => checks.push(unchecked("verdicts", failure)),
    }
    checks
}

fn environment(options: &Result<Options, Failure>) -> Check {
    match options {
        Ok(options) => Check::new(
            "environment",
            Status::Ok,
            format!("commands judge by {:?}, WebAssembly by {:?}", options.mode, options.execution),
        ),
        Err(failure) => Check::new("environment", Status::Unchecked, &failure.message)
            .code(failure.code)
            .advice("Unset it, or set it to one of those: until then no command judges."),
    }
}

fn unchecked(name: &'static str, failure: &Failure) -> Check {
    let advice =
        failure.hint.clone().unwrap_or_else(|| "`omega doctor` says above what may be the cause.".into());
    Check::new(name, Status::Unchecked, &failure.message).code(failure.code).advice(advice)
}

fn identity(kernel: &Kernel) -> Check {
    let hash = HEXLOWER.encode(blake3::hash(kernel.component()).as_bytes());
    let named = HEXLOWER.encode(kernel.hash());
    let check = if hash == named {
        Check::new("kernel-hash", Status::Ok, format!("{}…, {} bytes", &hash[..32], kernel.component().len()))
    } else {
        Check::new("kernel-hash", Status::Failed, "the checker is not the one that this program names")
            .code(Code::Kernel(FaultCode::BindingMismatch))
            .advice("The program's file is damaged: install it again.")
    };
    check.detail("kernel_hash", hash).detail("expected", named)
}

/// The engine has just refused to link anything.
fn imports() -> Check {
    Check::new("imports", Status::Ok, "the checker imports nothing: it sees no clock, file or network")
}

fn account(kernel: &Kernel) -> Check {
    let said = match kernel.describe() {
        Ok(said) => said,
        Err(failure) => return unchecked("describe", &failure),
    };
    let schemas: Vec<_> = said.schemas.iter().map(|schema| HEXLOWER.encode(schema)).collect();
    let check = if said.schemas.first() == Some(&SCHEMA_HASH) && said.predicates == PREDICATE_HASH {
        let message = format!(
            "checker {}, schema {}, state format {}",
            said.checker_version, said.schema_version, said.state_format
        );
        Check::new("describe", Status::Ok, message)
    } else {
        Check::new(
            "describe",
            Status::Warning,
            "the checker names another schema or catalog than this program",
        )
        .advice(
            "A checker from elsewhere was embedded (OMEGA_KERNEL_COMPONENT): native mode is not its like.",
        )
    };
    check
        .detail("checker_version", said.checker_version)
        .detail("schema_version", said.schema_version)
        .detail("state_format", said.state_format)
        .detail("schemas", schemas)
        .detail("predicate_hash", HEXLOWER.encode(&said.predicates))
}

fn verdicts(name: &'static str, kernel: &Kernel, batches: &[KnownBatch]) -> Check {
    let mut check = Check::new(name, Status::Ok, "comes to the verdicts that are known");
    for batch in batches {
        let expected = &batch.expected;
        if !batch.logs_are_right() {
            let message = format!("the {} batch is made of other bytes", batch.name);
            return differs(name, message, expected.logs_hash, &batch.logs_hash);
        }
        match batch.judge(kernel, 0) {
            Err(failure) => return unchecked(name, &failure),
            Ok(found) if expected.are_met_by(&found) => check = check.detail(batch.name, found.body_hash),
            Ok(found) => {
                let message = format!("another verdict on the {} batch", batch.name);
                return differs(name, message, expected.body_hash, &found.body_hash);
            }
        }
    }
    check
}

fn differs(name: &'static str, message: String, expected: &str, found: &str) -> Check {
    Check::new(name, Status::Failed, message)
        .code(Code::Kernel(FaultCode::VerdictDiffers))
        .advice(DEFECT)
        .detail("expected", expected)
        .detail("found", found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Pins;

    #[test]
    fn a_verdict_that_is_not_reproduced_fails() {
        let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
        let with = |change: fn(&mut Pins)| {
            let mut batches = KnownBatch::all().unwrap();
            change(&mut batches[1].expected);
            verdicts("x", &kernel, &batches).status
        };
        assert_eq!(with(|_| ()), Status::Ok);
        assert_eq!(with(|pins| pins.body_hash = "00"), Status::Failed);
        assert_eq!(with(|pins| pins.state_root = "00"), Status::Failed);
        assert_eq!(with(|pins| pins.merged = true), Status::Failed);
        assert_eq!(with(|pins| pins.logs_hash = "00"), Status::Failed);
    }

    #[test]
    fn a_wrong_environment_is_unchecked() {
        let wrong = environment(&Err(Failure::usage("OMEGA_KERNEL_MODE is `x`")));
        assert_eq!(wrong.status, Status::Unchecked);
        assert!(wrong.advice.is_some());
    }
}
