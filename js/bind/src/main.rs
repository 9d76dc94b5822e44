//! `omega-loader-bind MODULE FOLDER`: reads the loader as the compiler made it and writes `loader.js`,
//! `loader.d.ts` and `loader_bg.wasm` into the folder.
//!
//! The generator must have the very version of the `wasm-bindgen` that the module was built with: both
//! manifests pin it, and a generator of another version refuses the module.

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, folder] = &arguments[..] else { bail!("usage: omega-loader-bind MODULE FOLDER") };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).web(true)?.typescript(true).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true).out_name("loader");
    bindgen.generate(folder).with_context(|| format!("{}", module.display()))
}
