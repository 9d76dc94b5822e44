//! The omega command.
mod failure;
fn main() {}
