//! The face of `omega_verify` for JavaScript. It has no rule of its own: bytes and kernels come in
//! through the objects that JavaScript hands over (`types.ts` says how they look), and what goes out is
//! what `omega_verify` says.
//!
//! Whatever is handed over, the promise is kept or broken with a reason, and nothing panics on it. A
//! defect here breaks all promises that are open.

mod ask;
mod defect;
mod end;
mod failure;
mod page;
mod request;
mod source;

use js_sys::{Array, Object, Reflect};
use omega_kernel::frame::{HEADER_BYTES, LogHeader};
use omega_verify::explain;
use omega_verify::failure::Failure;
use omega_verify::hex;
use omega_verify::kind::kind_of;
use omega_verify::report::{Outcome, Report};
use serde_json::Value;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.ts");

/// Verifies a certificate or a log of certificates. The promise breaks only where a function of the
/// platform failed with `interrupted`, with that failure, and at a defect of this program.
#[wasm_bindgen(unchecked_return_type = "Promise<Answer>")]
pub fn verify(
    #[wasm_bindgen(unchecked_param_type = "Request")] request: JsValue,
    #[wasm_bindgen(unchecked_param_type = "Platform")] platform: JsValue,
) -> js_sys::Promise {
    defect::guarded(async move { page::verify(&request, &platform).await })
}

/// What `omega verify` answers where it could not begin, or was cut off: why.
#[wasm_bindgen(unchecked_return_type = "Answer")]
pub fn failed(
    #[wasm_bindgen(unchecked_param_type = "FailureLike")] failure: &JsValue,
) -> Result<JsValue, JsValue> {
    answer(&Report::failed("verify", &failure::thrown(failure).into()))
}

/// What stands in a proof, a public key or a trust policy: what `omega explain` says of it.
#[wasm_bindgen(js_name = explain, unchecked_return_type = "Answer")]
pub fn explain_file(name: &str, bytes: &[u8]) -> Result<JsValue, JsValue> {
    answer(&match explain::small(name, bytes) {
        Ok(explained) => explained.report(name),
        Err(failure) => Report::failed("explain", &failure),
    })
}

/// What each certificate states of itself, of one alone or of a log of them: an answer whose report has
/// the field `certificates`, each with its coverage and its conflict. Nothing is verified.
#[wasm_bindgen(unchecked_return_type = "Answer")]
pub fn certificates(name: &str, bytes: &[u8]) -> Result<JsValue, JsValue> {
    answer(&match explain::certificates(name, bytes) {
        Ok(entries) => Report::new("explain", Outcome::Ok).field("certificates", entries),
        Err(failure) => Report::failed("explain", &failure),
    })
}

/// The kind of file that starts with these bytes, as `explain` names it; undefined for text and for what
/// is unknown.
#[wasm_bindgen(unchecked_return_type = "string | undefined")]
pub fn kind(start: &[u8]) -> Option<String> {
    kind_of(start).map(str::to_owned)
}

/// What stands in a log's header, from the log's first bytes: an answer whose report has the fields
/// `name` and `schema_hash`.
#[wasm_bindgen(js_name = logHeader, unchecked_return_type = "Answer")]
pub fn log_header(name: &str, start: &[u8]) -> Result<JsValue, JsValue> {
    let header = &start[..start.len().min(HEADER_BYTES)];
    answer(&match LogHeader::decode(header) {
        Ok(header) => Report::new("explain", Outcome::Ok)
            .field("name", header.name)
            .field("schema_hash", hex::encode(&header.schema_hash)),
        Err(fault) => Report::failed("explain", &Failure::from(fault).file(name)),
    })
}

/// BLAKE3 of some bytes, in 64 hex digits: what a certificate names its kernel by.
#[wasm_bindgen]
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(blake3::hash(bytes).as_bytes())
}

/// BLAKE3 of bytes that come one piece after the other.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Hasher(blake3::Hasher);

#[wasm_bindgen]
impl Hasher {
    /// Of no bytes yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far, in 64 hex digits.
    pub fn digest(&self) -> String {
        hex::encode(self.0.finalize().as_bytes())
    }
}

/// A report as JavaScript gets it.
fn answer(report: &Report) -> Result<JsValue, JsValue> {
    let answer = Object::new();
    let set = |name: &str, value: JsValue| Reflect::set(&answer, &name.into(), &value);
    set("report", plain(&report.to_json())?)?;
    set("text", report.to_people().into())?;
    set("exit", report.exit().into())?;
    Ok(answer.into())
}

/// A value as a plain object of JavaScript.
fn plain(value: &Value) -> Result<JsValue, JsValue> {
    Ok(match value {
        Value::Null => JsValue::NULL,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_f64().into(),
        Value::String(text) => text.into(),
        Value::Array(values) => values.iter().map(plain).collect::<Result<Array, _>>()?.into(),
        Value::Object(fields) => {
            let object = Object::new();
            for (name, value) in fields {
                Reflect::set(&object, &name.into(), &plain(value)?)?;
            }
            object.into()
        }
    })
}
