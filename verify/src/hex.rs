//! Bytes as hex digits.

/// Bytes in lower case.
pub fn encode(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// 64 digits of either case; none for anything else.
pub fn bytes32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
