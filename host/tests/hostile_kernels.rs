//! Kernels that mean harm, and what becomes of them: a failure (exit 30) within their limits.
//!
//! Each is a component with the contract's exports, made from text (`support/hostile.rs`).

#[path = "support/hostile.rs"]
mod hostile;

use std::time::{Duration, Instant};

use omega_sheaf::check::{Log, judge};
use omega_sheaf::engine::{Execution, Kernel, Limits, Options};
use omega_sheaf::failure::{Code, Failure, HostCode};
use omega_sheaf::map::Source;

use hostile::Plan;

fn options(limits: Limits) -> Options {
    Options { limits, compiler: Some(env!("CARGO_BIN_EXE_omega").into()), ..Options::default() }
}

fn hasty() -> Limits {
    Limits { base_time: Duration::from_millis(300), ..Limits::default() }
}

/// Judges a small log with this component.
fn run(component: Vec<u8>, options: &Options) -> Result<(), Failure> {
    let kernel = Kernel::from_bytes(component, options)?;
    let log = Source::from_bytes("x.omega", vec![0; 1000]);
    judge(&kernel, &mut kernel.session()?, &[Log::whole(&log)], 0, &mut |_| Ok(())).map(drop)
}

#[track_caller]
fn ends_with(code: HostCode, component: Vec<u8>, options: &Options) {
    let begun = Instant::now();
    let failure = run(component, options).expect_err("a failure");
    assert_eq!(failure.code, Code::Host(code), "{failure}");
    assert_eq!(failure.code.exit(), 30);
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
}

/// Compiled and interpreted.
#[track_caller]
fn ends_both_ways_with(code: HostCode, plan: &Plan<'_>) {
    for execution in [Execution::Cranelift, Execution::Pulley] {
        ends_with(code, plan.component(), &Options { execution, ..options(hasty()) });
    }
}

#[test]
fn the_plan_without_malice_gets_as_far_as_its_state() {
    let failure = run(Plan::default().component(), &options(hasty())).unwrap_err();
    assert!(failure.message.contains("state commitment"), "{failure}");
}

#[test]
fn loops_for_ever() {
    ends_both_ways_with(
        HostCode::KernelDeadline,
        &Plan { bodies: &[("feed", "(loop br 0) i32.const 1024")], ..Plan::default() },
    );
}

#[test]
fn loops_before_it_is_called() {
    ends_both_ways_with(
        HostCode::KernelDeadline,
        &Plan { fields: "(func $forever (loop br 0)) (start $forever)", ..Plan::default() },
    );
}

#[test]
fn eats_memory() {
    ends_both_ways_with(
        HostCode::KernelMemory,
        &Plan {
            bodies: &[("feed", "(loop (drop (memory.grow (i32.const 160))) br 0) i32.const 1024")],
            ..Plan::default()
        },
    );
}

#[test]
fn wants_two_gigabytes_to_begin_with() {
    ends_with(
        HostCode::KernelMemory,
        Plan { pages: 32_768, ..Plan::default() }.component(),
        &options(hasty()),
    );
}

#[test]
fn wants_a_huge_table() {
    let plan = Plan { fields: "(table 10000000 funcref)", ..Plan::default() };
    ends_with(HostCode::KernelMemory, plan.component(), &options(hasty()));
}

#[test]
fn traps() {
    ends_both_ways_with(
        HostCode::KernelTrapped,
        &Plan { bodies: &[("feed", "unreachable")], ..Plan::default() },
    );
}

#[test]
fn recurses_for_ever() {
    ends_both_ways_with(
        HostCode::KernelTrapped,
        &Plan {
            fields: "(func $deeper (param i32) (result i32) (i32.add (local.get 0) (call $deeper (i32.add (local.get 0) (i32.const 1)))))",
            bodies: &[("feed", "(call $deeper (i32.const 0))")],
            ..Plan::default()
        },
    );
}

/// Ok, merged, with a body of 1000 bytes and no logs.
const VERDICT: &str = r#"(data (i32.const 2048) "\00\00\00\00\00\00\00\00\01\00\00\00\e8\03\00\00")"#;

#[test]
fn returns_a_gigabyte() {
    let plan = Plan {
        pages: 17_000,
        // Ok, at 0, 1 GiB long.
        fields: r#"(data (i32.const 2048) "\00\00\00\00\00\00\00\00\01\00\00\00\e8\03\00\00")
                   (data (i32.const 3072) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\40")"#,
        bodies: &[("finish", "i32.const 2048"), ("read-body", "i32.const 3072")],
    };
    let generous = Limits { memory_bytes: 2 << 30, ..hasty() };
    ends_with(HostCode::KernelOutput, plan.component(), &options(generous));
    ends_with(HostCode::KernelMemory, plan.component(), &options(hasty()));
}

#[test]
fn announces_a_body_that_never_comes() {
    let plan = Plan { fields: VERDICT, bodies: &[("finish", "i32.const 2048")], ..Plan::default() };
    ends_with(HostCode::KernelOutput, plan.component(), &options(hasty()));
}

#[test]
fn returns_more_than_was_asked_for() {
    let plan = Plan {
        // Ok, at 0, 2000 bytes long, where 1000 were announced.
        fields: r#"(data (i32.const 2048) "\00\00\00\00\00\00\00\00\01\00\00\00\e8\03\00\00")
                   (data (i32.const 3072) "\00\00\00\00\00\00\00\00\00\00\00\00\d0\07\00\00")"#,
        bodies: &[("finish", "i32.const 2048"), ("read-body", "i32.const 3072")],
        ..Plan::default()
    };
    ends_with(HostCode::KernelOutput, plan.component(), &options(hasty()));
}

#[test]
fn invents_a_fault_number() {
    let plan = Plan {
        // A fault with number 7 and no place.
        fields: r#"(data (i32.const 2048) "\01\00\00\00\00\00\00\00\07\00\00\00")"#,
        bodies: &[("feed", "i32.const 2048")],
        ..Plan::default()
    };
    ends_with(HostCode::KernelOutput, plan.component(), &options(hasty()));
}

#[test]
fn what_is_no_kernel_is_refused_before_it_runs() {
    let component = |text: &str| wat::parse_str(text).unwrap();
    let garbage: &[&[u8]] = &[b"", b"\0asm", b"not wasm at all", b"\0asm\x0d\0\x01\0garbage"];
    for bytes in garbage {
        ends_with(HostCode::KernelInvalid, bytes.to_vec(), &options(hasty()));
    }
    for text in [
        "(module)",
        "(component)",
        r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#,
        r#"(component (import "f" (func)) (core module))"#,
    ] {
        ends_with(HostCode::KernelInvalid, component(text), &options(hasty()));
    }
    let failure =
        Kernel::from_bytes(component(r#"(component (import "f" (func)))"#), &options(hasty())).unwrap_err();
    assert!(failure.message.contains("it wants f"), "{failure}");
    let small = Limits { component_bytes: 100, ..hasty() };
    ends_with(HostCode::KernelInvalid, Plan::default().component(), &options(small));
}

#[test]
fn takes_too_much_to_compile() {
    // The true kernel with a section more: enough to compile for poverty to show.
    let mut component = Kernel::embedded(&Options::default()).unwrap().component().to_vec();
    component.extend_from_slice(b"\0\x02\x01x");
    let poor = Limits { compiler_memory_bytes: 16 << 20, ..hasty() };
    ends_with(HostCode::KernelMemory, component.clone(), &options(poor));
    let late = Limits { compiler_time: Duration::from_millis(1), ..hasty() };
    ends_with(HostCode::KernelDeadline, component, &options(late));
}
