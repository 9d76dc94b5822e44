//! The names that parts are saved under: file names alone, one for each part.

use std::collections::BTreeSet;
use std::path::Path;

/// Bytes of a part's name.
pub const MAX_NAME_BYTES: usize = 200;

/// Names that were given already, without regard to case: some file systems have none.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// A name for the file at `path`, or for what came through a pipe.
    pub fn of(&mut self, path: &Path, otherwise: &str) -> String {
        let wanted = plain(path).unwrap_or_else(|| otherwise.to_owned());
        let (stem, ending) = match wanted.rfind('.') {
            Some(at) if at > 0 => wanted.split_at(at),
            _ => (wanted.as_str(), ""),
        };
        let numbered = (2u32..).map(|number| format!("{stem}-{number}{ending}"));
        let free =
            std::iter::once(wanted.clone()).chain(numbered).find(|name| self.0.insert(name.to_lowercase()));
        free.unwrap_or(wanted)
    }
}

/// The file's name with what has no place in it taken out; none where nothing is left of it.
pub fn plain(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let name: String = name.chars().map(|c| if is_kept_out(c) { '_' } else { c }).collect();
    // Room for a number that makes it one of its own; the end tells people the kind.
    let mut start = name.len().saturating_sub(MAX_NAME_BYTES - 20);
    while !name.is_char_boundary(start) {
        start += 1;
    }
    let name = &name[start..];
    (is_name(name) && name != "-").then(|| name.to_owned())
}

/// Whether a part may have this name.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !matches!(name, "." | "..")
        && !name.chars().any(is_kept_out)
}

/// Characters that have no place in a name: folders, control characters, and those that turn text around.
fn is_kept_out(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_are_plain_and_each_is_given_once() {
        let mut names = Names::default();
        let mut of = |path: &str| names.of(Path::new(path), "part");
        assert_eq!(of("a/x.omega"), "x.omega");
        assert_eq!(of("b/X.omega"), "X-2.omega");
        assert_eq!(of("x.omega"), "x-3.omega");
        assert_eq!(of("-"), "part");
        assert_eq!(of(".."), "part-2");
        assert_eq!(of(".hidden"), ".hidden");
        assert_eq!(of("x/.hidden"), ".hidden-2");
        assert_eq!(of("a\nb<\"'&:\u{202e}.omega"), "a_b<\"'&__.omega");
        assert_eq!(names.of(Path::new(OsStr::from_bytes(b"\xff.log")), "part"), "\u{fffd}.log");
    }

    #[test]
    fn long_names_keep_their_end_and_stay_allowed() {
        let mut names = Names::default();
        let long = format!("{}.omega", "ä".repeat(150));
        for _ in 0..30 {
            let name = names.of(Path::new(&long), "part");
            assert!(is_name(&name) && name.ends_with(".omega"), "{name}");
        }
    }
}
