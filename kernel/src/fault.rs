//! Faults: why there is no verdict, or why evidence is wrong. A closed set with stable numbers.
//!
//! The number's first two digits are the exit code that every host answers with: 20 where the
//! evidence is wrong, 30 where nothing could be checked. The two are never mixed.

use alloc::string::String;
use core::fmt;

use crate::bytes::Malformed;

/// A fault, with the place it was found at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// Index of the log, in the caller's order.
    pub log: Option<u32>,
    /// Byte offset in the log, certificate, snapshot, run or proof.
    pub offset: Option<u64>,
    /// One sentence for people: what was found and what to do.
    pub message: String,
}

impl Fault {
    /// A fault without a place.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Fault { code, log: None, offset: None, message: message.into() }
    }

    /// The fault with its byte offset.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The fault with its log.
    #[must_use]
    pub fn in_log(mut self, log: u32) -> Self {
        self.log = Some(log);
        self
    }

    /// The fault as seen from a structure that holds the faulty one from byte `start` on.
    #[must_use]
    pub fn within(mut self, start: u64) -> Self {
        self.offset = self.offset.map(|offset| offset.saturating_add(start));
        self
    }

    /// A packed structure that ended early or held something else, as a fault of `code`.
    pub fn malformed(code: FaultCode, what: Malformed) -> Self {
        Fault::new(code, alloc::format!("expected {} at byte {}", what.expected, what.at)).at(what.at)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code.name(), self.code.number(), self.message)
    }
}

impl core::error::Error for Fault {}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// All faults of the kernel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum FaultCode { $($(#[$doc])* $variant = $number),* }

        impl FaultCode {
            /// All codes, ascending.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$variant),*];

            /// Stable number.
            pub fn number(self) -> u32 {
                self as u32
            }

            /// Stable name.
            pub fn name(self) -> &'static str {
                match self { $(FaultCode::$variant => $name),* }
            }

            /// The code with this number.
            pub fn from_number(number: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.number() == number)
            }

            /// 20 where the evidence is wrong, 30 where nothing could be checked.
            pub fn exit(self) -> u8 {
                if self.number() < 30_000 { 20 } else { 30 }
            }
        }
    };
}

codes! {
    /// A log's last frame is a head that does not fit its events, or whose signature is invalid.
    HeadMismatch = 20_101, "head-mismatch";
    /// A certificate's id is not the one its bytes give.
    CertIdMismatch = 20_201, "cert-id-mismatch";
    /// A certificate's body hash, or a field that repeats the body, does not fit the body.
    BodyMismatch = 20_202, "body-mismatch";
    /// A signature is invalid.
    SignatureInvalid = 20_203, "signature-invalid";
    /// A certificate does not continue the chain: height, previous hash, chain id or batch id.
    ChainBroken = 20_204, "chain-broken";
    /// A certificate is bound to another policy, kernel, schema or catalog than the chain is.
    BindingMismatch = 20_205, "binding-mismatch";
    /// A certificate does not start from the state its predecessor left.
    StateMismatch = 20_206, "state-mismatch";
    /// A signature's statement or key has no place on this certificate.
    SignatureMisplaced = 20_207, "signature-misplaced";
    /// An obstruction's evidence does not show the violation that it names.
    EvidenceWrong = 20_301, "evidence-wrong";
    /// A proof does not lead to the root it is checked against.
    ProofWrong = 20_302, "proof-wrong";
    /// Judged again, the logs give another verdict than the certificate states.
    VerdictDiffers = 20_401, "verdict-differs";
    /// Two signed certificates stand at one height of one chain.
    Equivocation = 20_402, "equivocation";

    /// The bytes do not start like an `.omega` log.
    NotALog = 30_101, "not-an-omega-log";
    /// The log's format version is newer than this kernel.
    LogVersion = 30_102, "log-version-unknown";
    /// The log's header is damaged.
    LogHeader = 30_103, "log-header-damaged";
    /// The log names a schema that this kernel does not know.
    LogSchema = 30_104, "log-schema-unknown";
    /// A frame's checksum, length or padding is wrong: damage.
    FrameDamaged = 30_105, "frame-damaged";
    /// The last frame is incomplete: an append that did not finish.
    TornTail = 30_106, "torn-tail";
    /// A message is not the canonical form of what the schema describes.
    NotCanonical = 30_201, "message-not-canonical";
    /// A message has fields or a shape that the schema does not have.
    UnknownField = 30_202, "message-unknown-field";
    /// A field's value is not allowed: a salt beside an erased payload, a claim that is not 32 bytes, ….
    FieldInvalid = 30_203, "field-invalid";
    /// Something is larger than the format allows.
    LimitExceeded = 30_301, "limit-exceeded";
    /// A run is truncated, unsorted or not shaped like one.
    RunMalformed = 30_401, "run-malformed";
    /// A log's runs do not join to one log.
    RunsIncomplete = 30_402, "runs-incomplete";
    /// A snapshot is truncated, unsorted or not shaped like one.
    SnapshotMalformed = 30_501, "snapshot-malformed";
    /// A snapshot's content does not have the root that it names.
    SnapshotRoot = 30_502, "snapshot-root-differs";
    /// A snapshot's version or state format is one that this kernel does not know.
    SnapshotVersion = 30_503, "snapshot-version-unknown";
    /// The session was used out of order.
    SessionMisuse = 30_601, "session-misused";
    /// A certificate is truncated or not shaped like one.
    CertMalformed = 30_701, "certificate-malformed";
    /// A certificate's version is newer than this kernel.
    CertVersion = 30_702, "certificate-version-unknown";
    /// A proof is truncated or not shaped like one.
    ProofMalformed = 30_703, "proof-malformed";
    /// A certificate log has a header, checksum, length or padding that no append wrote: damage.
    CertLogDamaged = 30_704, "certificate-log-damaged";
    /// Fewer policy keys have signed than the policy demands.
    ThresholdUnmet = 30_801, "threshold-unmet";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_name_their_exit_code() {
        assert!(FaultCode::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for &code in FaultCode::ALL {
            assert_eq!(u32::from(code.exit()), code.number() / 1000);
            assert_eq!(FaultCode::from_number(code.number()), Some(code));
        }
    }

    #[test]
    fn a_fault_says_what_it_is_and_where() {
        let what = Malformed { at: 7, expected: "the end" };
        let fault = Fault::malformed(FaultCode::RunMalformed, what).within(100).in_log(3);
        assert_eq!(fault.to_string(), "run-malformed (30401): expected the end at byte 7");
        assert_eq!((fault.offset, fault.log), (Some(107), Some(3)));
        assert_eq!(fault.within(u64::MAX).offset, Some(u64::MAX));
        assert_eq!(Fault::new(FaultCode::NotALog, "").within(5).offset, None);
    }
}
