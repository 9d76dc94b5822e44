//! Files about which there is no verdict: each field of the file header, each way to damage a frame,
//! heads that do not fit, and limits one past their cap.

use omega_kernel::fault::FaultCode;
use omega_kernel::frame::HEADER_BYTES;

use super::{Expect, Recipe, fault, framed, large};
use crate::common::{ev, log, sign};

/// Where the first frame starts.
const FIRST: u64 = HEADER_BYTES as u64;

pub(super) fn recipes() -> Vec<Recipe> {
    let good = || log("name", &[ev(1, 1), ev(2, 2)]);
    let second = log("name", &[ev(1, 1)]).len();
    let with = |at: usize, new: &[u8]| {
        let mut bytes = good();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    // A header field is changed under a checksum that fits: the field itself must be looked at.
    let header = |at: usize, new: &[u8]| {
        let mut bytes = with(at, new);
        let crc = crc32fast::hash(&bytes[..124]).to_le_bytes();
        bytes[124..128].copy_from_slice(&crc);
        bytes
    };
    // Lengths are refused for themselves: under a checksum that fits.
    let sealed = |length: usize| {
        let mut message = ev(1, 1).message();
        message.resize(length, 0);
        framed(&[message])
    };
    let cut = |end: usize| good()[..end].to_vec();
    let long_name = {
        let mut bytes = log(&"n".repeat(64), &[]);
        bytes[10] = 65;
        let crc = crc32fast::hash(&bytes[..124]).to_le_bytes();
        bytes[124..128].copy_from_slice(&crc);
        bytes
    };
    use FaultCode::{FrameDamaged, LimitExceeded, LogHeader, LogSchema, LogVersion, NotALog, TornTail};
    let mut recipes = vec![
        fault("file-empty", "an empty file", Vec::new(), NotALog, 0),
        fault("file-other", "a file that is no log", b"{\"id\": 1}\n".to_vec(), NotALog, 0),
        fault(
            "file-text-mode",
            "a log whose line ends were converted",
            [&good()[..4], b"\n", &good()[6..]].concat(),
            NotALog,
            0,
        ),
        fault("header-magic", "another first byte", header(0, &[0x88]), NotALog, 0),
        fault("header-short", "a file that ends within its header", cut(127), LogHeader, 0),
        fault("header-checksum", "a header checksum that does not fit", with(124, &[0; 4]), LogHeader, 124),
        fault("header-version", "format version 2", header(8, &[2]), LogVersion, 8),
        fault("header-reserved", "the first reserved bytes are not zero", header(12, &[1]), LogHeader, 12),
        fault(
            "header-reserved-last",
            "the last reserved bytes are not zero",
            header(123, &[1]),
            LogHeader,
            12,
        ),
        fault("header-schema", "another schema", header(16, &[0]), LogSchema, 16),
        fault(
            "header-name-length-short",
            "a name's length that leaves bytes over",
            header(10, &[3]),
            LogHeader,
            10,
        ),
        fault("header-name-length-long", "a name with a zero byte", header(10, &[5]), LogHeader, 48),
        fault("header-name-length-past", "a name of 65 bytes", long_name, LogHeader, 10),
        fault(
            "header-name-empty",
            "no name",
            header(10, &[&[0; 2][..], &good()[12..48], &[0; 4]].concat()),
            LogHeader,
            48,
        ),
        fault("header-name-control", "a control character in the name", header(48, b"\n"), LogHeader, 48),
        fault("header-name-utf-8", "a name that is no UTF-8", header(48, &[0xFF]), LogHeader, 48),
        fault("frame-length-zero", "a length of 0", sealed(0), FrameDamaged, FIRST),
        fault(
            "frame-length-short",
            "a length of 88, below the shortest message",
            sealed(88),
            FrameDamaged,
            FIRST,
        ),
        fault("frame-length-odd", "a length that is no multiple of 8", sealed(121), FrameDamaged, FIRST),
        large(fault(
            "frame-length-past",
            "a length past the longest message",
            sealed(omega_kernel::limits::MAX_MESSAGE_BYTES as usize + 8),
            FrameDamaged,
            FIRST,
        )),
        fault(
            "frame-length-4-gib",
            "a length of 4 GiB",
            with(128, &[0xF8, 0xFF, 0xFF, 0xFF]),
            FrameDamaged,
            FIRST,
        ),
        fault(
            "frame-length-over-frame",
            "a length that runs past the end, over a whole frame",
            with(129, &[0x10]),
            FrameDamaged,
            FIRST,
        ),
        fault("frame-checksum", "a checksum that does not fit", with(132, &[0; 4]), FrameDamaged, FIRST),
        fault(
            "frame-message",
            "a byte of a message changed",
            with(second + 40, &[0xFF]),
            FrameDamaged,
            second as u64,
        ),
        fault(
            "frame-torn",
            "a last frame that is not all there",
            cut(good().len() - 8),
            TornTail,
            second as u64,
        ),
        fault(
            "frame-torn-by-a-byte",
            "a last frame without its last byte",
            cut(good().len() - 1),
            TornTail,
            second as u64,
        ),
        fault("frame-torn-length", "three bytes of a last frame", cut(second + 3), TornTail, second as u64),
        fault(
            "frame-zeros",
            "zeros behind the last frame",
            [good(), vec![0; 64]].concat(),
            FrameDamaged,
            good().len() as u64,
        ),
        large(Recipe {
            batches: vec![vec![log("a", &[]); 4097]],
            expect: Expect::Fault { code: LimitExceeded, log: None, offset: None },
            ..fault("logs-past", "4,097 logs", Vec::new(), LimitExceeded, 0)
        }),
        Recipe {
            batches: vec![vec![good(), cut(second + 8), with(132, &[0; 4])]],
            expect: Expect::Fault { code: TornTail, log: Some(1), offset: Some(second as u64) },
            ..fault("several-damaged", "of several damaged logs the first is named", Vec::new(), TornTail, 0)
        },
    ];
    recipes.extend(heads());
    recipes
}

/// A last head that does not fit: the evidence is wrong, and there is no verdict.
fn heads() -> Vec<Recipe> {
    let events = [ev(1, 1), ev(2, 2)];
    let mut good = log("a", &events);
    let frames = good.len();
    sign(&mut good, 1);
    // Edits a byte of the head's message, behind which the checksum is made to fit.
    let edited = |at: usize, new: u8| {
        let mut message = good[frames + 8..].to_vec();
        message[at] = new;
        let mut bytes = good[..frames].to_vec();
        omega_kernel::frame::write_frame(&message, &mut bytes);
        bytes
    };
    let head_of = |other: Vec<u8>| {
        let (mut signed, plain) = (other.clone(), other.len());
        sign(&mut signed, 1);
        [&good[..frames], &signed[plain..]].concat()
    };
    let mismatch = |name, title, log| Recipe {
        expect: Expect::Fault { code: FaultCode::HeadMismatch, log: Some(0), offset: None },
        ..fault(name, title, log, FaultCode::HeadMismatch, 0)
    };
    vec![
        mismatch("head-count", "a head over another count", edited(8, 3)),
        mismatch("head-root", "a head over another root", edited(16, good[frames + 8 + 16] ^ 1)),
        mismatch("head-key", "a head by another key than it names", edited(48, good[frames + 8 + 48] ^ 1)),
        mismatch(
            "head-signature",
            "a head whose signature is changed",
            edited(80, good[frames + 8 + 80] ^ 1),
        ),
        mismatch("head-name", "a head that was signed for a log of another name", head_of(log("b", &events))),
        mismatch(
            "head-events",
            "a head that was signed over other events",
            head_of(log("a", &[ev(1, 1), ev(3, 2)])),
        ),
        mismatch("head-key-weak", "a head by a key of small order, which fits any log", {
            let mut bytes = edited(48, 1);
            let mut message = bytes.split_off(frames)[8..].to_vec();
            // The neutral point as key and as R, and S = 0: it satisfies the cofactored equation.
            message[48..80].copy_from_slice(&[&[1][..], &[0; 31]].concat());
            message[80..144].copy_from_slice(&[&[1][..], &[0; 63]].concat());
            omega_kernel::frame::write_frame(&message, &mut bytes);
            bytes
        }),
    ]
}
