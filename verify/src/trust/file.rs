//! A trust policy's fields, read from TOML by hand, with their places.
//!
//! Derived code would say the same, and be a third of the loader: this crate is downloaded.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// What is wrong with a file, and where.
pub type Wrong = (Option<Range<usize>>, String);

/// The file's fields.
#[derive(Default)]
pub struct PolicyFile {
    pub signers: Vec<Spanned<String>>,
    pub chains: Vec<Spanned<String>>,
    pub kernels: Vec<Spanned<String>>,
    pub require_judged: bool,
    pub minimum_signers: Option<Spanned<u16>>,
    pub writer: Vec<WriterEntry>,
}

/// A writer of a node.
pub struct WriterEntry {
    pub node: Spanned<u32>,
    pub key: Spanned<String>,
}

const FIELDS: &str = "one of `signers`, `chains`, `kernels`, `require_judged`, `minimum_signers`, `writer`";

impl PolicyFile {
    /// Reads all fields; unknown ones are refused.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let table = DeTable::parse(text).map_err(|error| (error.span(), error.message().to_owned()))?;
        let mut file = PolicyFile::default();
        for (name, value) in table.get_ref() {
            match name.get_ref().as_ref() {
                "signers" => file.signers = list(value, string)?,
                "chains" => file.chains = list(value, string)?,
                "kernels" => file.kernels = list(value, string)?,
                "require_judged" => file.require_judged = boolean(value)?,
                "minimum_signers" => {
                    file.minimum_signers = Some(integer(value, "u16", |found| {
                        u16::from_str_radix(found.as_str(), found.radix())
                    })?);
                }
                "writer" => file.writer = list(value, writer)?,
                _ => return Err(unknown(name, FIELDS)),
            }
        }
        Ok(file)
    }
}

fn writer(value: &Spanned<DeValue<'_>>) -> Result<WriterEntry, Wrong> {
    let DeValue::Table(table) = value.get_ref() else { return Err(mistyped(value, "struct WriterEntry")) };
    let (mut node, mut key) = (None, None);
    for (name, value) in table {
        match name.get_ref().as_ref() {
            "node" => {
                let parse = |found: &DeInteger<'_>| u32::from_str_radix(found.as_str(), found.radix());
                node = Some(integer(value, "u32", parse)?);
            }
            "key" => key = Some(string(value)?),
            _ => return Err(unknown(name, "`node` or `key`")),
        }
    }
    let missing = |field: &str| (Some(value.span()), format!("missing field `{field}`"));
    Ok(WriterEntry { node: node.ok_or_else(|| missing("node"))?, key: key.ok_or_else(|| missing("key"))? })
}

fn list<T>(
    value: &Spanned<DeValue<'_>>,
    each: impl Fn(&Spanned<DeValue<'_>>) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    match value.get_ref() {
        DeValue::Array(values) => values.iter().map(each).collect(),
        _ => Err(mistyped(value, "a sequence")),
    }
}

fn string(value: &Spanned<DeValue<'_>>) -> Result<Spanned<String>, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(Spanned::new(value.span(), text.clone().into_owned())),
        _ => Err(mistyped(value, "a string")),
    }
}

fn boolean(value: &Spanned<DeValue<'_>>) -> Result<bool, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(stated) => Ok(*stated),
        _ => Err(mistyped(value, "a boolean")),
    }
}

fn integer<T, E>(
    value: &Spanned<DeValue<'_>>,
    expected: &str,
    parse: impl Fn(&DeInteger<'_>) -> Result<T, E>,
) -> Result<Spanned<T>, Wrong> {
    let DeValue::Integer(found) = value.get_ref() else { return Err(mistyped(value, expected)) };
    // Of what does not fit, numbers of 64 bits are of the right type.
    let wrong = |_| match i64::from_str_radix(found.as_str(), found.radix()) {
        Ok(number) => (Some(value.span()), format!("invalid value: integer `{number}`, expected {expected}")),
        Err(_) => mistyped(value, expected),
    };
    Ok(Spanned::new(value.span(), parse(found).map_err(wrong)?))
}

fn unknown(name: &Spanned<impl AsRef<str>>, expected: &str) -> Wrong {
    (Some(name.span()), format!("unknown field `{}`, expected {expected}", name.get_ref().as_ref()))
}

fn mistyped(value: &Spanned<DeValue<'_>>, expected: &str) -> Wrong {
    let found = match value.get_ref() {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(found) => match i128::from_str_radix(found.as_str(), found.radix()) {
            Ok(number) if i64::try_from(number).is_ok() => format!("integer `{number}`"),
            Ok(number) => format!("integer `{number}` as i128"),
            Err(_) => format!("integer `{found}`"),
        },
        DeValue::Float(found) => format!("floating point `{}`", found.as_str()),
        DeValue::Boolean(stated) => format!("boolean `{stated}`"),
        DeValue::Array(_) => "sequence".to_owned(),
        DeValue::Datetime(_) | DeValue::Table(_) => "map".to_owned(),
    };
    (Some(value.span()), format!("invalid type: {found}, expected {expected}"))
}
