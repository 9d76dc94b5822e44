//! Asking JavaScript: nothing is believed to be there, and nothing that it throws is lost.

use js_sys::{Array, BigInt, Function, Promise, Reflect, Uint8Array};
use omega_verify::platform::Error;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A property; undefined where the value has none.
pub fn get(value: &JsValue, name: &str) -> JsValue {
    if !value.is_object() {
        return JsValue::UNDEFINED;
    }
    // A getter may throw: then there is nothing to be had.
    Reflect::get(value, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a text.
pub fn text(value: &JsValue, name: &str) -> Option<String> {
    get(value, name).as_string()
}

/// A property that is a whole number, as a number or as a bigint.
pub fn number(value: &JsValue, name: &str) -> Option<u64> {
    whole(&get(value, name))
}

/// A whole number of at most 64 bits.
pub fn whole(value: &JsValue) -> Option<u64> {
    if let Some(number) = value.as_f64() {
        let exact = number >= 0.0 && number.fract() == 0.0 && number <= 9_007_199_254_740_991.0;
        return exact.then_some(number as u64);
    }
    let text = value.dyn_ref::<BigInt>()?.to_string(10).ok()?;
    String::from(text).parse().ok()
}

/// A property that is bytes, copied.
pub fn bytes(value: &JsValue, name: &str) -> Option<Vec<u8>> {
    get(value, name).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

/// A property that is present: neither undefined nor null.
pub fn present(value: &JsValue, name: &str) -> Option<JsValue> {
    Some(get(value, name)).filter(|value| !value.is_undefined() && !value.is_null())
}

/// Calls a function of an object, at once.
pub fn call(this: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function = get(this, name);
    let Some(function) = function.dyn_ref::<Function>() else {
        return Err(js_sys::Error::new(&format!("`{name}` is no function")).into());
    };
    function.apply(this, &Array::from_iter(arguments))
}

/// Calls a function of an object and waits for what it gives.
pub async fn ask(this: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let given = call(this, name, arguments)?;
    JsFuture::from(Promise::resolve(&given)).await
}

/// Bytes that a function gave.
pub fn given(value: JsValue, what: &str) -> Result<Uint8Array, Error> {
    value.dyn_into().map_err(|_| Error::against_contract(&format!("{what} is no Uint8Array")))
}
