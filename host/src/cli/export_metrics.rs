//! `omega export-metrics`: metrics in one form, so that two exports of one run are equal bytes.
//!
//! In: JSON lines, each an object. Out: the same objects in the same order, keys sorted at every
//! depth, no spaces, and `seq` counting from 0. A line that is none is refused, and then nothing is
//! written.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::failure::{Failure, HostCode};
use crate::files;
use crate::report::{Outcome, Report};

/// Bytes in a line.
const MAX_LINE_BYTES: u64 = 16 << 20;
/// From here on not every integer is a JSON number to everyone.
/// `f64` compares here and computes nothing.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Flags of `export-metrics`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega export-metrics --input metrics.jsonl --output metrics.export.jsonl
  omega export-metrics --input /tmp/run.jsonl --output run.jsonl")]
pub struct Args {
    /// JSON lines
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the normalised lines go
    #[arg(long, value_name = "FILE", default_value = "metrics.export.jsonl")]
    pub output: PathBuf,
}

/// Normalises the lines.
pub fn run(args: Args) -> Result<Report, Failure> {
    let input = File::open(&args.input).map_err(|error| files::unreadable(&error, &args.input))?;
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let unwritable = |error: &std::io::Error| files::unwritable(error, &args.output);
    // Beside the output and renamed at the end: a refused line leaves what was there.
    let partial =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|e| unwritable(&e))?;
    let mut output = BufWriter::new(partial);
    let lines = normalise(&mut BufReader::new(input), &mut output, &args)?;
    let partial = output.into_inner().map_err(|error| unwritable(error.error()))?;
    partial.as_file().sync_all().map_err(|error| unwritable(&error))?;
    partial.persist(&args.output).map_err(|error| unwritable(&error.error))?;
    Ok(Report::new("export-metrics", Outcome::Ok)
        .message(format!("{lines} lines in {}", args.output.display()))
        .field("lines", lines)
        .field("output", args.output.display().to_string()))
}

fn normalise(input: &mut impl BufRead, output: &mut impl Write, args: &Args) -> Result<u64, Failure> {
    let (mut number, mut written) = (0u64, 0u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        if count.map_err(|error| files::unreadable(&error, &args.input))? == 0 {
            return Ok(written);
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let object = object(&line).map_err(|(code, why)| {
            Failure::new(code, format!("line {number}: {why}"))
                .hint("Each line must be one JSON object. Nothing was written.")
                .file(&args.input)
        })?;
        let object = numbered(object, written);
        let done = serde_json::to_writer(&mut *output, &object).map_err(std::io::Error::from);
        done.and_then(|()| output.write_all(b"\n"))
            .map_err(|error| files::unwritable(&error, &args.output))?;
        written += 1;
    }
}

fn object(line: &[u8]) -> Result<Map<String, Value>, (HostCode, String)> {
    if line.len() as u64 > MAX_LINE_BYTES {
        return Err((HostCode::JsonInvalid, format!("longer than {MAX_LINE_BYTES} bytes")));
    }
    if line.starts_with(b"\xef\xbb\xbf") {
        return Err((
            HostCode::JsonInvalid,
            "starts with a byte order mark; save the file without it".to_owned(),
        ));
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) if object.values().all(is_exact) => Ok(object),
        Ok(Value::Object(_)) => Err((
            HostCode::JsonNumber,
            "a number beyond 2^53 is not exact in JSON; write it as a string".to_owned(),
        )),
        Ok(_) => Err((HostCode::JsonInvalid, "not an object".to_owned())),
        Err(error) => Err((HostCode::JsonInvalid, format!("not JSON: {error}"))),
    }
}

/// Whether every reader of JSON reads the same numbers.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= EXACT),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(object) => object.values().all(is_exact),
        _ => true,
    }
}

fn numbered(mut object: Map<String, Value>, seq: u64) -> Value {
    object.insert("seq".to_owned(), seq.into());
    let mut value = Value::Object(object);
    value.sort_all_objects();
    value
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn export(input: &str) -> Result<String, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let args = Args { input: folder.path().join("in.jsonl"), output: folder.path().join("out.jsonl") };
        fs::write(&args.input, input).unwrap();
        fs::write(&args.output, "old").unwrap();
        let output = args.output.clone();
        let result = run(args);
        let written = fs::read_to_string(output).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "something was left behind");
        match result {
            Ok(_) => Ok(written),
            Err(failure) => {
                assert_eq!(written, "old", "a refused export changed the output");
                Err(failure)
            }
        }
    }

    #[test]
    fn keys_are_sorted_and_lines_counted_from_zero() {
        let out =
            export("{\"b\": {\"d\":1,\"c\":[{\"z\":0,\"y\":1}]}, \"a\":1.5, \"seq\": 9}\r\n\n{\"seq\":9}")
                .unwrap();
        assert_eq!(out, "{\"a\":1.5,\"b\":{\"c\":[{\"y\":1,\"z\":0}],\"d\":1},\"seq\":0}\n{\"seq\":1}\n");
        assert_eq!(export(&out).unwrap(), out, "once more changes nothing");
        assert_eq!(export("").unwrap(), "");
    }

    #[test]
    fn bad_lines_are_refused_with_their_number() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for (bad, code) in [
            ("{\"a\":", "json-invalid"),
            ("[1]", "json-invalid"),
            ("\u{feff}{}", "json-invalid"),
            ("{} {}", "json-invalid"),
            (&deep, "json-invalid"),
            ("{\"a\":[9007199254740994]}", "json-number-inexact"),
            ("{\"a\":18446744073709551616}", "json-number-inexact"),
        ] {
            let failure = export(&format!("{{}}\n\n{bad}\n{{}}")).unwrap_err();
            assert_eq!(failure.code.name(), code, "{bad}");
            assert!(failure.message.starts_with("line 3: "), "{}", failure.message);
        }
        assert!(export("{\"a\":9007199254740992}").is_ok());
    }
}
