//! Why a command did not do what was asked: a closed set with stable numbers and names.
//!
//! Like the kernel's faults, a number's first two digits are the exit code: 20 verification
//! failed, 30 could not check. Usage errors (exit 2) and internal errors (exit 1) have no number
//! of their own.

use omega_kernel::fault::{Fault, FaultCode};

/// A failure, as every command reports it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Which failure.
    pub code: Code,
    /// One sentence: what was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file it is about.
    pub file: Option<String>,
    /// Byte offset in that file.
    pub offset: Option<u64>,
}

/// A kernel fault or one of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// From the kernel, under the kernel's own number and name.
    Kernel(FaultCode),
    /// From the host.
    Host(HostCode),
    /// The command line is wrong (exit 2).
    Usage,
    /// A defect of this program (exit 1).
    Internal,
}

impl Code {
    /// Process exit code.
    pub fn exit(self) -> u8 {
        match self {
            Code::Kernel(code) => code.exit(),
            Code::Host(code) => (code as u32 / 1000) as u8,
            Code::Usage => 2,
            Code::Internal => 1,
        }
    }

    /// Stable number; the exit code where there is none of its own.
    pub fn number(self) -> u32 {
        match self {
            Code::Kernel(code) => code.number(),
            Code::Host(code) => code as u32,
            Code::Usage => 2,
            Code::Internal => 1,
        }
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Code::Kernel(code) => code.name(),
            Code::Host(code) => code.name(),
            Code::Usage => "usage",
            Code::Internal => "internal",
        }
    }
}

impl Failure {
    /// A failure of the host.
    pub fn new(code: HostCode, message: impl Into<String>) -> Self {
        Failure { code: Code::Host(code), message: message.into(), hint: None, file: None, offset: None }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure { code: Code::Usage, message: message.into(), hint: None, file: None, offset: None }
    }

    /// A defect of this program.
    pub fn internal(message: impl Into<String>) -> Self {
        Failure { code: Code::Internal, message: message.into(), hint: None, file: None, offset: None }
    }

    /// An empty file is no input of any kind.
    pub fn empty(file: impl AsRef<std::path::Path>) -> Self {
        Failure::new(HostCode::EmptyFile, "the file is empty")
            .hint("Even a log without events has a header. Was the file cut, or not written yet?")
            .file(file)
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the file it is about.
    #[must_use]
    pub fn file(mut self, file: impl AsRef<std::path::Path>) -> Self {
        self.file = Some(file.as_ref().display().to_string());
        self
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure {
            code: Code::Kernel(fault.code),
            message: fault.message,
            hint: advice(fault.code).map(str::to_owned),
            file: None,
            offset: fault.offset,
        }
    }
}

/// What to do about a fault of the kernel, which knows neither commands nor files.
fn advice(code: FaultCode) -> Option<&'static str> {
    Some(match code {
        FaultCode::NotALog => "`omega explain --input FILE` says what a file is.",
        FaultCode::LogVersion | FaultCode::CertVersion | FaultCode::SnapshotVersion => {
            "A newer omega wrote it: use that version."
        }
        FaultCode::LogHeader => {
            "Nothing can be read without its header: get the log again from its writer or from a copy."
        }
        FaultCode::LogSchema => "Judge it with the omega that its writer used.",
        FaultCode::TornTail => {
            "An unfinished append, or a damaged length: look for an intact copy before you recover it with \
             `omega ingest --input LOG --recover OUT`."
        }
        FaultCode::FrameDamaged => {
            "`omega ingest --input LOG --recover OUT` keeps the clean part and says what is dropped."
        }
        FaultCode::NotCanonical | FaultCode::UnknownField | FaultCode::FieldInvalid => {
            "The checksum fits: this is no damage in transfer. Tell whoever wrote the log."
        }
        FaultCode::HeadMismatch => {
            "The log's end is signed for other events: ask who presented it, or get a sound copy."
        }
        FaultCode::SnapshotMalformed | FaultCode::SnapshotRoot => {
            "Make the snapshot again: omega reconcile … --save-snapshot FILE."
        }
        FaultCode::CertMalformed => "Get the certificate again from its chain's log or from its signer.",
        _ => return None,
    })
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Failures of the host.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum HostCode { $($(#[$doc])* $variant = $number),* }

        impl HostCode {
            /// All codes, ascending.
            pub const ALL: &'static [HostCode] = &[$(HostCode::$variant),*];

            /// Stable name.
            pub fn name(self) -> &'static str {
                match self { $(HostCode::$variant => $name),* }
            }

            /// The one with this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

codes! {
    /// A result does not fit what it is to be certified as.
    ResultMismatch = 20_901, "result-mismatch";
    /// A drill did damage that nothing noticed, or whose file nothing named.
    DamageUnnoticed = 20_902, "damage-unnoticed";
    /// There is no such file.
    NotFound = 30_901, "file-not-found";
    /// A folder stands where a file was expected.
    IsDirectory = 30_902, "is-a-directory";
    /// The file cannot be read.
    Unreadable = 30_903, "file-unreadable";
    /// The file was cut or changed while it was read.
    ChangedWhileRead = 30_904, "file-changed-while-read";
    /// A file could not be written.
    WriteFailed = 30_905, "write-failed";
    /// Another process holds the certificate log.
    StoreLocked = 30_906, "store-locked";
    /// The certificate log itself is damaged.
    StoreDamaged = 30_907, "store-damaged";
    /// The file is empty.
    EmptyFile = 30_908, "file-empty";
    /// Bytes behind the last whole certificate of a log cannot be read: an unfinished append, or
    /// damage.
    StoreTail = 30_909, "store-tail-unreadable";
    /// The key file can be read by others.
    KeyFileMode = 30_911, "key-file-mode";
    /// The key file holds no usable key.
    KeyInvalid = 30_912, "key-invalid";
    /// The trust policy cannot be read.
    PolicyInvalid = 30_913, "trust-policy-invalid";
    /// No trusted signer was given, or none has signed.
    SignerUntrusted = 30_914, "signer-untrusted";
    /// The chain's signing policy does not hold this key.
    KeyNotInPolicy = 30_915, "key-not-in-policy";
    /// The kernel that a certificate names is not at hand, or not accepted.
    KernelUnknown = 30_921, "kernel-unknown";
    /// The kernel is no component of the contract: not wasm, imports wanted, exports missing.
    KernelInvalid = 30_922, "kernel-invalid";
    /// The kernel trapped.
    KernelTrapped = 30_923, "kernel-trapped";
    /// The kernel asked for more memory or tables than it may have.
    KernelMemory = 30_924, "kernel-memory-limit";
    /// The kernel ran past its deadline.
    KernelDeadline = 30_925, "kernel-deadline";
    /// The kernel returned more than it may, or not what the contract says.
    KernelOutput = 30_926, "kernel-output-invalid";
    /// Two engines gave different results.
    EnginesDiffer = 30_927, "engines-differ";
    /// Past verdicts would be others under another kernel, and nobody has accepted that.
    KernelDiffers = 30_928, "kernel-differs";
    /// An input in JSON is malformed or does not describe events.
    JsonInvalid = 30_931, "json-invalid";
    /// A JSON number is too large to be exact; it must be a string.
    JsonNumber = 30_932, "json-number-inexact";
    /// A result file is damaged or is none.
    ResultInvalid = 30_933, "result-invalid";
    /// The component did not judge this result, and no logs are at hand to judge it again.
    NotByComponent = 30_934, "not-judged-by-component";
    /// The chain's newest certificate certifies this result already.
    AlreadyCertified = 30_935, "already-certified";
    /// The batch number is not above the chain's newest.
    BatchNotNewer = 30_936, "batch-not-newer";
    /// A proposed change of policy is damaged, or the file is none.
    ProposalInvalid = 30_937, "proposal-invalid";
    /// The chain has gone on since a change of its policy was proposed.
    ProposalOvertaken = 30_938, "proposal-overtaken";
    /// A change of policy was proposed for another chain.
    ProposalOtherChain = 30_939, "proposal-for-another-chain";
    /// The key has signed already.
    AlreadySigned = 30_940, "already-signed";
    /// The repository cannot be imported.
    GitInvalid = 30_941, "git-repository-invalid";
    /// The repository is shallow: its history is incomplete.
    GitShallow = 30_942, "git-shallow";
    /// Two writers would get one node number.
    NodeCollision = 30_943, "node-collision";
    /// The trace does not have the expected shape.
    TraceInvalid = 30_944, "trace-invalid";
    /// A crash folder is incomplete or was changed.
    CrashFolderInvalid = 30_951, "crash-folder-invalid";
    /// The file is of no kind that this program knows.
    NotRecognised = 30_961, "not-recognised";
    /// A log that was judged is not at hand, or holds fewer events than were judged.
    LogMissing = 30_962, "log-missing";
    /// A log holds more events than were judged, so what it ended with then is gone.
    LogGrown = 30_963, "log-grown";
    /// The state that a batch starts from is not at hand.
    SnapshotMissing = 30_964, "snapshot-missing";
    /// The certificate in question is not at hand.
    CertificateMissing = 30_965, "certificate-missing";
    /// The batch holds no such event.
    EventNotFound = 30_966, "event-not-found";
    /// Logs were given, and none of them was judged.
    InputsUnused = 30_967, "inputs-not-judged";
    /// The command was interrupted before it was done.
    Interrupted = 30_971, "interrupted";
    /// The verify page that parts are put into is not at hand.
    PageMissing = 30_981, "page-missing";
    /// The file is no verify page, or takes parts in another form.
    PageInvalid = 30_982, "page-invalid";
    /// An evidence file is not as `omega bundle` writes it.
    EvidenceFileInvalid = 30_983, "evidence-file-invalid";
    /// More, or larger, parts than an evidence file may have.
    EvidenceTooLarge = 30_984, "evidence-too-large";
    /// No node answers at an address.
    NodeUnreachable = 30_991, "node-unreachable";
    /// A node refused what it was asked.
    NodeRefused = 30_992, "node-refused";
}
