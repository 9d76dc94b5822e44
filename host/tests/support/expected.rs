//! Comparing what a command said with what a case expects of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// The one object on stdout, with the fields that all have.
pub fn one_object(stdout: &str, exit: i32) -> Result<Value, String> {
    if !stdout.ends_with('\n') || stdout.matches('\n').count() != 1 {
        return Err("stdout is not exactly one line".into());
    }
    let object: Value = serde_json::from_str(stdout).map_err(|error| format!("no JSON: {error}"))?;
    let keys: Vec<_> = object.as_object().ok_or("no object")?.keys().take(7).collect();
    if keys != ["command", "outcome", "exit", "code", "number", "message", "hint"] {
        return Err(format!("the object starts with {keys:?}"));
    }
    if object["exit"] != exit {
        return Err("the object tells another exit code than the process".into());
    }
    let fails = exit != 0;
    if fails && (object["code"].is_null() || object["number"].is_null() || object["message"].is_null()) {
        return Err("a failure without code, number or message".into());
    }
    Ok(object)
}

/// Whether `found` says all that `wanted` says. Arrays have the same length; `*` in a string stands
/// for anything, `$name` for a variable, and such a string also fits the text of a number. TOML has no null: `"null"` stands for it.
pub fn subset(
    wanted: &Value,
    found: &Value,
    at: &str,
    variables: &BTreeMap<String, String>,
) -> Result<(), String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().try_for_each(|(key, wanted)| {
            let value = found.get(key).ok_or_else(|| format!("the object has no {at}/{key}"))?;
            subset(wanted, value, &format!("{at}/{key}"), variables)
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            wanted.iter().zip(found).enumerate().try_for_each(|(nth, (wanted, value))| {
                subset(wanted, value, &format!("{at}/{nth}"), variables)
            })
        }
        (Value::String(pattern), _) if !found.is_null() && pattern.contains(['*', '$']) => {
            let pattern = filled(pattern, variables);
            if fits(&pattern, &scalar(found)) {
                Ok(())
            } else {
                Err(format!("{at} is {found}, and not {pattern:?}"))
            }
        }
        _ if wanted == found || (wanted == "null" && found.is_null()) => Ok(()),
        _ => Err(format!("{at} is {found}, and not {wanted}")),
    }
}

pub fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts variables in their places.
pub fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    // Longer names first: `$id2` is not `$id` and a 2.
    let mut names: Vec<_> = variables.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &variables[name]))
}

/// Whether text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = &parts[..] else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
