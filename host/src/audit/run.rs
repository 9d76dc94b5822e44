//! An audit under way: who judges the next batch, from which state, and who goes on after it.

use omega_kernel::body::Core;
use omega_kernel::certificate::Binding;
use omega_kernel::hash::Hash;
use omega_verify::MAX_KERNEL_BYTES;
use pollster::block_on;

use super::answer::{Answer, Certified, between};
use super::line::{Line, Role};
use super::{Batch, Request};
use crate::check::{Judged, Log};
use crate::engine::{Engine, Kernel, Options};
use crate::failure::{Code, Failure, HostCode};
use crate::inputs::{self, Input, Placed};
use crate::map::Source;
use crate::verify::Kernels;

/// Everybody who judges, and where they stand.
pub(super) struct Run<'a> {
    request: &'a Request,
    inputs: &'a [Input],
    used: Vec<bool>,
    snapshot: Option<&'a Source>,
    references: Kernels,
    /// Checkers that certificates name and that cannot be run.
    refused: Vec<(Hash, Failure)>,
    /// The checker under each engine; before them the one that the certificates name, where that is
    /// another one.
    lines: Vec<Line>,
    /// Whether the chain's state has moved since the audit's start.
    moved: bool,
    /// Why nobody stands in the chain's state, where nobody does.
    lost: String,
}

impl<'a> Run<'a> {
    /// Compiles the checker for each engine.
    ///
    /// # Errors
    /// Those of reading and compiling; a usage failure for an engine that cannot run it.
    pub(super) fn new(
        request: &'a Request,
        inputs: &'a [Input],
        snapshot: Option<&'a Source>,
    ) -> Result<Self, Failure> {
        Ok(Run {
            request,
            inputs,
            used: vec![false; inputs.len()],
            snapshot,
            references: Kernels::open(&request.references, None)?,
            refused: Vec::new(),
            lines: audited(request)?,
            moved: false,
            lost: String::new(),
        })
    }

    /// BLAKE3 of the checker.
    pub(super) fn kernel_hash(&self) -> &Hash {
        let line = self.lines.iter().find(|line| line.role == Role::Audited);
        line.map_or(Kernel::embedded_hash(), Line::kernel_hash)
    }

    /// The engines that run it.
    pub(super) fn engines(&self) -> Vec<&'static str> {
        self.lines.iter().filter(|line| line.role == Role::Audited).map(|line| line.engine).collect()
    }

    /// The logs that stood for none of the batches so far.
    pub(super) fn unused(&self) -> Vec<String> {
        let unused = self.inputs.iter().zip(&self.used).filter(|(_, used)| !**used);
        unused.map(|(input, _)| input.source.path().display().to_string()).collect()
    }

    /// Has a batch judged, and brings those who judged it as certified to the chain's next state. Where
    /// nobody asked for the batch, only one judges it who is named by it.
    ///
    /// # Errors
    /// `interrupted`. Everything else is an answer.
    pub(super) fn batch(&mut self, certified: &Certified<'_>, asked: bool) -> Result<Batch, Failure> {
        let (core, fields) = (certified.core, certified.certificate.fields());
        let mut batch = Batch {
            height: fields.height,
            batch_id: fields.batch_id,
            verdict: core.verdict,
            answers: Vec::new(),
            named: None,
            engines: None,
        };
        if self.lines.iter().all(|line| line.role == Role::Named || line.retired().is_some()) {
            batch.answers = self.everybody(|line| line.retired().cloned());
            let why = format!("batch {} was not judged", fields.batch_id);
            self.passed(core, &why);
            return Ok(batch);
        }
        let placed = match self.place(core) {
            Ok(placed) => placed,
            Err(failure) => {
                let failure = unless_interrupted(failure)?;
                batch.answers = self.everybody(|_| Some(failure.clone()));
                let why = format!("the logs of batch {} are not at hand", fields.batch_id);
                self.passed(core, &why);
                return Ok(batch);
            }
        };
        let logs: Vec<Log<'_>> = placed.iter().map(Placed::log).collect();
        let why = match self.name(&fields.binding, core) {
            Ok(()) => "nobody judged it as certified".to_owned(),
            Err(failure) => unless_interrupted(failure)?.message,
        };
        let named = fields.binding.kernel_hash;
        let carrier = self.lines.iter().position(|line| *line.kernel_hash() == named);
        let judges =
            |index: usize, line: &Line| line.retired().is_none() && (asked || Some(index) == carrier);
        // All of them before anybody judges and goes on: one hands the state to another.
        let entered: Vec<Option<Result<(), Failure>>> = (0..self.lines.len())
            .map(|index| judges(index, &self.lines[index]).then(|| self.enter(index, core)))
            .collect();
        let mut first: Option<Judged> = None;
        for (line, entered) in self.lines.iter_mut().zip(entered) {
            let Some(entered) = entered else {
                if let (true, Some(retired)) = (asked, line.retired()) {
                    batch.answers.push((line.engine, Answer::Failed(retired.clone())));
                }
                line.pass(&core.prior, &core.next);
                continue;
            };
            let judged = entered.and_then(|()| line.judge(&logs, fields.replay_seed));
            let answer = match &judged {
                Ok(judged) => certified.hold(judged),
                Err(failure) => Answer::Failed(unless_interrupted(failure.clone())?),
            };
            line.settle(&core.prior, &core.next);
            if line.role == Role::Named || !asked {
                // One that earlier certificates named may still keep the state; it speaks for no other.
                batch.named = Some(answer).filter(|_| *line.kernel_hash() == named);
                continue;
            }
            line.note(&answer, self.request.give_up);
            if let (Ok(judged), None) = (&judged, &batch.engines) {
                match &first {
                    None => first = Some(judged.clone()),
                    Some(first) => {
                        batch.engines = between(first, judged).map(|difference| (line.engine, difference));
                    }
                }
            }
            batch.answers.push((line.engine, answer));
        }
        self.moved |= core.prior != core.next;
        if !self.lines.iter().any(|line| line.is_in(&core.next)) {
            self.lost = format!("batch {}: {why}", fields.batch_id);
        }
        Ok(batch)
    }

    /// The same answer from everybody who is audited.
    fn everybody(&self, failure: impl Fn(&Line) -> Option<Failure>) -> Vec<(&'static str, Answer)> {
        let audited = self.lines.iter().filter(|line| line.role == Role::Audited);
        audited.filter_map(|line| Some((line.engine, Answer::Failed(failure(line)?)))).collect()
    }

    /// Leaves a batch that nobody judges.
    fn passed(&mut self, core: &Core, why: &str) {
        self.moved |= core.prior != core.next;
        for line in &mut self.lines {
            line.pass(&core.prior, &core.next);
        }
        if core.prior != core.next {
            self.lost = why.to_owned();
        }
    }

    /// The files that stand for a batch's logs. Their roots are computed here, by nobody who is audited.
    fn place(&mut self, core: &Core) -> Result<Vec<Placed<'a>>, Failure> {
        let placed = inputs::place(&core.logs, self.inputs)?;
        for (entry, place) in core.logs.iter().zip(&placed) {
            if block_on(place.input.root_of_first(entry.count))? != entry.root {
                let message = format!(
                    "the first {} events of the log {:?} are not those that were judged: they have another root",
                    entry.count, entry.name
                );
                return Err(Failure::new(HostCode::LogMissing, message)
                    .hint("Give the log as it was judged. Several files may hold logs of one name, one for each batch.")
                    .file(place.input.source.path()));
            }
        }
        for place in &placed {
            self.used[place.index] = true;
        }
        Ok(placed)
    }

    /// Sees to it that the checker that a certificate names is among those who judge.
    fn name(&mut self, binding: &Binding, core: &Core) -> Result<(), Failure> {
        if self.lines.iter().any(|line| *line.kernel_hash() == binding.kernel_hash) {
            return Ok(());
        }
        if let Some((_, failure)) = self.refused.iter().find(|(hash, _)| *hash == binding.kernel_hash) {
            return Err(failure.clone());
        }
        let bound = self.references.bound(binding).inspect_err(|failure| {
            // Not compiled again for every batch.
            self.refused.push((binding.kernel_hash, failure.clone()));
        })?;
        let mut line = Line::new(Role::Named, "named", bound.first().clone(), !self.moved);
        let old = self.lines.iter().position(|line| line.role == Role::Named);
        if let Some(old) = old {
            // Another checker was named before this one: what it knows is handed on.
            if let Some(state) = self.lines[old].state_bytes() {
                line.enter(&state, &core.prior)?;
            }
            self.lines.remove(old);
        }
        self.lines.insert(0, line);
        Ok(())
    }

    /// Brings a line to the state that a batch starts from.
    fn enter(&mut self, index: usize, core: &Core) -> Result<(), Failure> {
        self.lines[index].open(self.snapshot)?;
        if !self.lines[index].needs(&core.prior) {
            return Ok(());
        }
        let stands = |wanted: &dyn Fn(&Line) -> bool| {
            (0..self.lines.len()).find(|&other| other != index && wanted(&self.lines[other]))
        };
        // Behind a swap that writes states in another way, one who is named may know how to read the old.
        let named = |line: &Line| line.role == Role::Named && line.has_state();
        let from = stands(&|line| line.is_in(&core.prior)).or_else(|| stands(&named));
        let handed = from.and_then(|from| self.lines[from].state_bytes());
        let Some(handed) = handed else {
            let message = format!("the state before the batch is not at hand: {}", self.lost);
            return Err(Failure::new(HostCode::SnapshotMissing, message).hint(
                "Give the logs of all batches, the checkers that the certificates name with --reference, or a \
                 later state to start from with --snapshot.",
            ));
        };
        self.lines[index].enter(&handed, &core.prior)
    }
}

/// The checker, once for each engine.
fn audited(request: &Request) -> Result<Vec<Line>, Failure> {
    let environment = Options::from_environment()?;
    let engines = if request.engines.is_empty() {
        vec![Engine::from(environment.execution)]
    } else {
        request.engines.clone()
    };
    let component = match &request.kernel {
        None => None,
        Some(path) => Some((path, Source::open(path)?.read_all(MAX_KERNEL_BYTES)?)),
    };
    let line = |engine: &Engine| {
        let options = engine.options(&Options { limits: request.limits.clone(), ..environment.clone() });
        let kernel = match &component {
            None => Kernel::embedded(&options)?,
            Some((path, bytes)) => {
                Kernel::from_bytes(bytes.clone(), &options).map_err(|failure| failure.file(path))?
            }
        };
        Ok(Line::new(Role::Audited, engine.name(), kernel, true))
    };
    engines.iter().map(line).collect()
}

/// An interruption ends the audit; every other failure is an answer.
fn unless_interrupted(failure: Failure) -> Result<Failure, Failure> {
    match failure.code {
        Code::Host(HostCode::Interrupted) => Err(failure),
        _ => Ok(failure),
    }
}
