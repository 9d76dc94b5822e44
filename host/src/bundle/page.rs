//! Where the verify page is found that parts are put into.

use std::path::{Path, PathBuf};

use super::format::Page;
use crate::failure::{Failure, HostCode};
use crate::files;

/// Bytes that a verify page may have; ours has 1.2 million.
const MAX_PAGE_BYTES: u64 = 32 << 20;
/// Where it stands, seen from the folder of this program: built beside it, or installed.
const PLACES: [&str; 2] = ["verify.html", "../share/omega/verify.html"];

/// Reads the page that is named, or the first that stands where this program looks.
///
/// # Errors
/// `page-missing` where none is named and none found; `page-invalid` for what is none; those of reading.
pub fn find(named: Option<&Path>) -> Result<Page, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => beside_this_program().ok_or_else(|| {
            let message = format!("no verify page stands beside this program ({})", PLACES.join(" or "));
            Failure::new(HostCode::PageMissing, message)
                .hint("Build it with `make web`, or name one with --page FILE.")
        })?,
    };
    let bytes = files::read_small(&path, MAX_PAGE_BYTES, "a verify page")?;
    Page::parse(&bytes).map_err(|failure| {
        failure
            .hint("Build the page of this version with `make web`, or name it with --page FILE.")
            .file(&path)
    })
}

fn beside_this_program() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.to_owned();
    PLACES.iter().map(|place| folder.join(place)).find(|path| path.is_file())
}
