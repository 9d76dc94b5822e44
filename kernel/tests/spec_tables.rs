//! The tables in `schemas/*.md` say what the code says: hash contexts, limits, faults, predicates,
//! kinds of evidence. A table that drifts fails here, and so does a row that is missing.

use std::collections::BTreeMap;

use omega_kernel::body::{PAYLOAD_PREDICATE, PREDICATES};
use omega_kernel::evidence::Kind;
use omega_kernel::fault::FaultCode;
use omega_kernel::{hash, limits};

const CERTIFICATE: &str = include_str!("../../schemas/certificate.md");
const EVIDENCE: &str = include_str!("../../schemas/evidence.md");
const FAULTS: &str = include_str!("../../schemas/faults.md");
const HASHES: &str = include_str!("../../schemas/hashes.md");
const LOG: &str = include_str!("../../schemas/log.md");
const PREDICATES_PAGE: &str = include_str!("../../schemas/predicates.md");
const STATE: &str = include_str!("../../schemas/state.md");
const CATALOG: &str = include_str!("../../schemas/predicates.json");

#[test]
fn every_hash_domain_is_in_the_table_with_its_context() {
    let coded: BTreeMap<String, &str> =
        hash::ALL.iter().map(|(name, domain)| (format!("H_{name}"), domain.context)).collect();
    let table = table(HASHES, &["name", "context", "covers", "specified in"]);
    let listed: BTreeMap<String, &str> =
        table.iter().map(|row| (code(row[0]).into(), code(row[1]))).collect();
    assert_eq!(table.len(), listed.len(), "a domain stands twice");
    assert_eq!(listed, coded);
    for row in self::table(CERTIFICATE, &["name", "context", "covers"]) {
        assert_eq!(coded.get(code(row[0])), Some(&code(row[1])), "certificate.md: {}", row[0]);
    }
}

#[test]
fn hashes_that_pages_use_are_hashes_that_exist() {
    for (page, text) in [
        ("log.md", LOG),
        ("state.md", STATE),
        ("certificate.md", CERTIFICATE),
        ("evidence.md", EVIDENCE),
        ("predicates.md", PREDICATES_PAGE),
    ] {
        for word in text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
            if let Some(name) = word.strip_prefix("H_").filter(|name| name.len() > 1) {
                assert!(hash::ALL.iter().any(|(known, _)| *known == name), "{page}: H_{name}");
            }
        }
    }
}

#[test]
fn every_limit_is_in_a_table_with_its_value() {
    let coded = limits();
    let columns = ["constant", "value", "what"];
    let mut listed = BTreeMap::new();
    for row in [table(LOG, &columns), table(CERTIFICATE, &columns)].concat() {
        let (name, value) = (code(row[0]), row[1].parse().expect("a limit is a plain number"));
        assert_eq!(*listed.entry(name).or_insert(value), value, "{name} has two values");
    }
    assert_eq!(listed, coded);
}

#[test]
fn limits_that_this_test_knows_are_all_that_there_are() {
    let source = include_str!("../src/limits.rs");
    let names = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    assert_eq!(names.collect::<std::collections::BTreeSet<_>>(), limits().into_keys().collect());
}

#[test]
fn every_fault_is_in_a_table_under_its_exit_code() {
    let tables = tables(FAULTS, &["number", "name", "meaning"]);
    let [wrong, unchecked, ..] = &tables[..] else { panic!("the checker has two tables of faults") };
    for (table, exit) in [(wrong, 20), (unchecked, 30)] {
        let listed: Vec<(u32, &str)> =
            table.iter().map(|row| (row[0].parse().expect("a number"), code(row[1]))).collect();
        let coded: Vec<(u32, &str)> = FaultCode::ALL
            .iter()
            .filter(|fault| fault.exit() == exit)
            .map(|fault| (fault.number(), fault.name()))
            .collect();
        assert_eq!(listed, coded);
    }
}

#[test]
fn faults_that_pages_give_a_number_have_it() {
    let mut seen = 0;
    for fault in [LOG, STATE, CERTIFICATE, EVIDENCE].into_iter().flat_map(named_faults) {
        let (name, number) = fault;
        let code = FaultCode::ALL.iter().find(|code| code.name() == name);
        assert_eq!(code.map(|code| code.number()), Some(number), "{name}");
        seen += 1;
    }
    assert!(seen > 10, "pages name faults as `name` (number) or `name`, number");
}

/// Names in backticks that a number of five digits follows directly.
fn named_faults(page: &str) -> impl Iterator<Item = (&str, u32)> {
    page.split('`').zip(page.split('`').skip(1)).filter_map(|(name, after)| {
        let digits = after.trim_start_matches([' ', '(', ',']).get(..5)?;
        Some((name, digits.parse().ok()?))
    })
}

#[test]
fn predicates_are_those_of_code_and_catalog() {
    let table = table(PREDICATES_PAGE, &["id", "name", "unit", "known events"]);
    let listed: Vec<(u16, &str)> =
        table.iter().map(|row| (row[0].parse().expect("an id"), code(row[1]))).collect();
    assert_eq!(listed, PREDICATES.map(|predicate| (predicate.id, predicate.name)));
    for row in &table {
        let name = code(row[1]);
        let exempt = row[3] == "exempt";
        let entry = format!(
            "\"id\": {}, \"name\": \"{name}\", \"unit\": \"{}\", \"known_exempt\": {exempt}",
            row[0], row[2]
        );
        assert!(CATALOG.contains(&entry), "{name}");
        assert!(PREDICATES_PAGE.contains(&format!("### {} {name}\n", row[0])), "{name} has its section");
    }
    assert!(listed.iter().any(|(id, _)| *id == PAYLOAD_PREDICATE));
}

#[test]
fn kinds_of_evidence_are_those_of_the_code() {
    let columns =
        ["kind", "name", "predicate", "witnesses", "id proofs, in order", "frontier", "batch", "dep"];
    let table = table(EVIDENCE, &columns);
    let listed: Vec<(u8, &str, u16)> = table
        .iter()
        .map(|row| (row[0].parse().expect("a kind"), code(row[1]), row[2].parse().expect("an id")))
        .collect();
    assert_eq!(listed, Kind::ALL.map(|kind| (kind as u8, kind.name(), kind.predicate())));
}

/// Every limit by its name.
fn limits() -> BTreeMap<&'static str, u64> {
    macro_rules! named {
        ($($name:ident),* $(,)?) => {
            BTreeMap::from([$((stringify!($name), u64::try_from(limits::$name).expect("64 bits"))),*])
        };
    }
    named![
        MAX_PAYLOAD_BYTES,
        MAX_DEPS,
        MAX_LOG_NAME_BYTES,
        MAX_MESSAGE_BYTES,
        MIN_MESSAGE_BYTES,
        MAX_TAIL_SEARCH_BYTES,
        MAX_LOGS,
        MAX_BATCH_EVENTS,
        MAX_BATCH_DEPS,
        MAX_ID_VERSIONS,
        MAX_PROVED_OCCURRENCES,
        MAX_STATE_IDS,
        MAX_STATE_FRONTIERS,
        MAX_CHUNK_BYTES,
        MAX_POLICY_KEYS,
        MAX_SIGNATURES,
        MAX_BODY_BYTES,
        MAX_ANALYTICS,
        MAX_ORIGIN_BYTES,
        MAX_SWAP_DIFFS,
        MAX_MERKLE_SIBLINGS,
        MAX_TRIE_STEPS,
    ]
}

/// The rows of the one table with these column heads.
fn table<'a>(page: &'a str, columns: &[&str]) -> Vec<Vec<&'a str>> {
    let mut found = tables(page, columns);
    assert_eq!(found.len(), 1, "one table with the columns {columns:?}");
    found.remove(0)
}

/// The rows of every table with these column heads, in the page's order.
fn tables<'a>(page: &'a str, columns: &[&str]) -> Vec<Vec<Vec<&'a str>>> {
    let mut lines = page.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if cells(line) == columns {
            let rows = lines.by_ref().skip(1).map_while(|line| line.starts_with('|').then(|| cells(line)));
            let rows: Vec<_> = rows.collect();
            assert!(rows.iter().all(|row| row.len() == columns.len()), "every row has every column");
            found.push(rows);
        }
    }
    found
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.map_or(Vec::new(), |inner| inner.split('|').map(str::trim).collect())
}

/// The text between a cell's backticks.
fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(cell)
}
