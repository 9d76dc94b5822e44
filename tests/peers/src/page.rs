//! Puts a text into a page, between two markers.

use std::path::Path;

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- peers: written by make bench-peers -->";
const END: &str = "<!-- peers: end -->";

/// Whether the page is there and has its markers: asked before measuring for long.
///
/// # Errors
/// It is not, or has not.
pub fn ready(page: &Path) -> Result<()> {
    read(page, "").map(drop)
}

/// Replaces what stands between the page's markers.
///
/// # Errors
/// The page cannot be read or written, or has no markers; it then stays as it was.
pub fn write(page: &Path, text: &str) -> Result<()> {
    std::fs::write(page, read(page, text)?).with_context(|| format!("writing {}", page.display()))
}

/// The page with the text in it.
fn read(page: &Path, text: &str) -> Result<String> {
    let content = std::fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    replaced(&content, text)
        .with_context(|| format!("{} has no markers for the section: {BEGIN}", page.display()))
}

fn replaced(content: &str, text: &str) -> Option<String> {
    let (before, rest) = content.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let once = replaced(&page, "new\n").unwrap();
        assert_eq!(once, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replaced(&once, "new").unwrap(), once);
        assert_eq!(replaced("no markers", "new"), None);
        assert_eq!(replaced(&format!("{END} {BEGIN}"), "new"), None);
    }
}
