//! Frames, the file header and messages: any bytes, up to a length that holds one of each.

use omega_kernel::frame::{FRAME_HEADER_BYTES, FrameAt, HEADER_BYTES, LogHeader, frame_at};
use omega_kernel::limits::{MAX_MESSAGE_BYTES, MIN_MESSAGE_BYTES};
use omega_kernel::wire::{self, Message};

use crate::kani;

/// The shortest message, and one list behind it.
const MESSAGE_BYTES: usize = 112;

harnesses! {
    /// Reading a frame neither panics nor reads behind the bytes, whatever they are; what it says of them is so.
    #[unwind(113)]
    fn a_frame_is_whole_partial_or_damaged() {
        let bytes: [u8; FRAME_HEADER_BYTES + MIN_MESSAGE_BYTES as usize + 8] = kani::any();
        let length: usize = kani::any::<usize>() % (bytes.len() + 1);
        let bytes = &bytes[..length];
        match frame_at(bytes) {
            FrameAt::Whole(message) => {
                assert!(FRAME_HEADER_BYTES + message.len() <= length);
                assert_eq!(bytes[..4], (message.len() as u32).to_le_bytes());
                assert!(message.len() >= MIN_MESSAGE_BYTES as usize);
            }
            FrameAt::Partial(wanted) => {
                assert!(wanted > length);
                assert!(wanted <= FRAME_HEADER_BYTES + MAX_MESSAGE_BYTES as usize);
            }
            FrameAt::Damaged(why) => assert!(length >= 4 && !why.is_empty()),
        }
    }

    /// A file header that is taken is written again as it was read, but for a checksum that the proof lets be any.
    #[unwind(129)]
    fn a_file_header_is_written_as_it_was_read() {
        let mut bytes: [u8; HEADER_BYTES] = kani::any();
        if kani::any() {
            // Without Kani, no random bytes would ever pass.
            bytes = LogHeader::new("a").unwrap().encode();
            bytes[48] = kani::any();
            let checksum = omega_kernel::crc::crc32(&bytes[..124]);
            bytes[124..].copy_from_slice(&checksum.to_le_bytes());
        }
        if let Ok(header) = LogHeader::decode(&bytes) {
            assert_eq!(header.encode()[..124], bytes[..124]);
        }
    }

    /// A message is refused, or encoded again as it was read; it never panics.
    #[unwind(113)]
    fn a_message_is_encoded_as_it_was_read() {
        let mut message: [u8; MESSAGE_BYTES] = kani::any();
        let length = 8 * (kani::any::<usize>() % (MESSAGE_BYTES / 8 + 1));
        if kani::any() {
            // An event with one pointer, erased or present: all else is any.
            message[..8].copy_from_slice(&(11u64 << 32 | 1 << 48).to_le_bytes());
            message[48..56].copy_from_slice(&u64::from(kani::any::<u8>()).to_le_bytes());
            message[94..96].copy_from_slice(&[1, 0]);
            message[96..104].copy_from_slice(&(1u64 | 2 << 32 | (kani::any::<u64>() % 10) << 35).to_le_bytes());
        }
        let mut again = Vec::new();
        match wire::decode(&message[..length]) {
            Ok(Message::Event(event)) => wire::encode_event(&event.header(), event.payload(), &mut again),
            Ok(Message::Head(head)) => wire::encode_head(&head, &mut again),
            Err(error) => {
                assert!(error.at as usize <= length);
                return;
            }
        }
        assert_eq!(again, message[..length]);
    }
}
