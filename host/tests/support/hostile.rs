//! Kernels made from text: components with the contract's exports. All functions succeed with zeros
//! except those that a case replaces.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{FunctionKind, Resolve, TypeDefKind, WorldItem};

/// Where functions find their results: zeros, unless `data` says otherwise.
const ZEROS: &str = "i32.const 1024";

/// A core module to be made: what stands beside the functions, and bodies by the exports' last names.
#[derive(Default)]
pub struct Plan<'a> {
    /// Pages of memory; 0 is enough for the small logs fed here.
    pub pages: u32,
    /// What stands beside the functions.
    pub fields: &'a str,
    /// Bodies by the exports' last names.
    pub bodies: &'a [(&'a str, &'a str)],
}

impl Plan<'_> {
    pub fn component(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path("../wit").unwrap();
        let world = resolve.select_world(&[package], Some("kernel")).unwrap();

        let (mut imports, mut functions) = (String::new(), String::new());
        for (key, item) in &resolve.worlds[world].exports {
            let WorldItem::Interface { id, .. } = item else { continue };
            let interface = resolve.name_world_key(key);
            for (name, &id) in &resolve.interfaces[*id].types {
                if matches!(resolve.types[id].kind, TypeDefKind::Resource) {
                    writeln!(
                        imports,
                        r#"(import "[export]{interface}" "[resource-new]{name}" (func $new-{name} (param i32) (result i32)))"#
                    )
                    .unwrap();
                }
            }
            for (name, function) in &resolve.interfaces[*id].functions {
                let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
                let list = |types: &[WasmType]| types.iter().map(core_type).collect::<Vec<_>>().join(" ");
                let last = name.rsplit(['.', ']']).next().unwrap();
                let given =
                    self.bodies.iter().find(|(of, _)| *of == last).map(|(_, body)| (*body).to_owned());
                let body = given.unwrap_or_else(|| match function.kind {
                    FunctionKind::Constructor(_) => format!("i32.const 1 call $new-{last}"),
                    _ if signature.results.is_empty() => String::new(),
                    _ => ZEROS.to_owned(),
                });
                writeln!(
                    functions,
                    r#"(func (export "{interface}#{name}") (param {}) (result {}) {body})"#,
                    list(&signature.params),
                    list(&signature.results),
                )
                .unwrap();
            }
        }
        let pages = self.pages.max(16);
        let module = format!(
            r#"(module {imports}
                (memory (export "memory") {pages})
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 65536)
                {} {functions})"#,
            self.fields
        );
        let mut module = wat::parse_str(&module).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

/// Kernels that fail when they judge, each in its way: its name, how it is made, and what it is called.
pub fn that_fail_to_judge() -> [(&'static str, Plan<'static>, &'static str); 5] {
    let deeper = "(func $deeper (param i32) (result i32) (i32.add (local.get 0) (call $deeper (i32.add (local.get 0) (i32.const 1)))))";
    // Ok, at 0, 40 MiB long, after a verdict that announces 1000 bytes.
    let huge = r#"(data (i32.const 2048) "\00\00\00\00\00\00\00\00\01\00\00\00\e8\03\00\00")
                  (data (i32.const 3072) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\02")"#;
    let bodies = |bodies| Plan { bodies, ..Plan::default() };
    [
        ("loops", bodies(&[("finish", "(loop br 0) i32.const 1024")]), "kernel-deadline"),
        (
            "eats memory",
            bodies(&[("feed", "(loop (drop (memory.grow (i32.const 160))) br 0) i32.const 1024")]),
            "kernel-memory-limit",
        ),
        (
            "recurses",
            Plan { fields: deeper, ..bodies(&[("finish", "(call $deeper (i32.const 0))")]) },
            "kernel-trapped",
        ),
        ("traps", bodies(&[("finish", "unreachable")]), "kernel-trapped"),
        (
            "returns too much",
            Plan {
                pages: 900,
                fields: huge,
                bodies: &[("finish", "i32.const 2048"), ("read-body", "i32.const 3072")],
            },
            "kernel-output-invalid",
        ),
    ]
}

fn core_type(of: &WasmType) -> &'static str {
    match of {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
