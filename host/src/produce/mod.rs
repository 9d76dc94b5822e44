//! How logs come to be: appended by hand, generated, imported, converted from JSON, cleaned.
//!
//! Everything here writes `.omega` files in the one form that the kernel reads. Nothing here judges:
//! what is written can still be a conflict, and the kernel says so. Files appear under their name only
//! when they are complete; an existing log is only ever appended to.

pub mod append;
pub mod cloudevents;
pub mod erase;
pub mod event;
pub mod event_json;
pub mod generate;
pub mod git;
pub mod head;
pub mod ingest;
pub mod json_values;
pub mod output;
pub mod plant;
pub mod progress;
pub mod reading;
pub mod sink;
pub mod trace;
pub mod writer;

#[cfg(test)]
mod testing;
