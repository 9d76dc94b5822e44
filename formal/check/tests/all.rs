//! The kernel against the executable specification.

#[path = "../../../kernel/tests/common/mod.rs"]
mod common;

#[allow(dead_code)]
#[path = "../../../kernel/tests/recipes/mod.rs"]
mod recipes;

mod examples;
mod random;
mod seeded;
mod small_scope;
mod tries;
mod vectors;
