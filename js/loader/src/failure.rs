//! What JavaScript threw, as a failure.

use omega_kernel::fault::{Fault, FaultCode};
use omega_verify::failure::{Code, Failure, HostCode};
use omega_verify::platform::Error;
use wasm_bindgen::JsValue;

use crate::ask::{number, text};

/// What was thrown, in the words of whoever threw it. A kernel's fault stays one; what names no code of
/// the table is a defect.
pub fn thrown(error: &JsValue) -> Error {
    let message = text(error, "message").unwrap_or_else(|| "something was thrown".to_owned());
    let name = text(error, "code").unwrap_or_default();
    let (log, offset) = (number(error, "log"), number(error, "offset"));
    if let Some(&code) = FaultCode::ALL.iter().find(|code| code.name() == name) {
        let log = log.and_then(|log| u32::try_from(log).ok());
        return match text(error, "file") {
            // Whoever names the file has found its place.
            Some(file) => Error::Failure(
                Failure { offset, ..Failure::from(Fault { code, log, offset, message }) }.file(file),
            ),
            None => Fault { code, log, offset, message }.into(),
        };
    }
    let code = match HostCode::ALL.iter().find(|code| code.name() == name) {
        Some(&code) => Code::Host(code),
        None if name == "usage" => Code::Usage,
        None => Code::Internal,
    };
    Error::Failure(Failure { code, message, hint: text(error, "hint"), file: text(error, "file"), offset })
}
