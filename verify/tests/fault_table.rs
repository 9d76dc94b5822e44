//! The host's table in `schemas/faults.md` says what the code says.

use omega_verify::failure::{Code, HostCode};

#[test]
fn every_failure_of_the_host_is_in_the_table() {
    let page = include_str!("../../schemas/faults.md");
    let (_, section) = page.split_once("## Of the host").expect("the page has the section");
    let listed: Vec<(u32, &str)> = section.lines().filter_map(row).collect();
    let coded: Vec<(u32, &str)> =
        HostCode::ALL.iter().map(|&code| (Code::Host(code).number(), code.name())).collect();
    assert_eq!(listed, coded);
}

/// Number and name of a row `| number | name | meaning |`; none for other lines.
fn row(line: &str) -> Option<(u32, &str)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let number = cells.next()?.parse().ok()?;
    Some((number, cells.next()?.trim_matches('`')))
}
