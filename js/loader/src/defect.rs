//! A defect of this program: the module cannot go on, and whoever waits for an answer must hear of it.

use std::cell::RefCell;
use std::sync::Once;

use js_sys::{Array, Error, Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

thread_local! {
    /// What breaks the promises that are open.
    static OPEN: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// A promise of what the work gives, which a panic breaks: left alone, it would stay open for ever.
pub fn guarded(work: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|info| break_all(&info.to_string()))));
    let mut reject = None;
    let broken = Promise::new(&mut |_, reject_it| reject = Some(reject_it));
    let Some(reject) = reject else { return future_to_promise(work) };
    OPEN.with(|open| open.borrow_mut().push(reject.clone()));
    let kept = future_to_promise(async move {
        let given = work.await;
        OPEN.with(|open| open.borrow_mut().retain(|other| *other != reject));
        given
    });
    Promise::race(&Array::of2(&kept, &broken))
}

fn break_all(why: &str) {
    let error: JsValue = Error::new(&format!("this is a defect of omega-loader: {why}")).into();
    let open = OPEN.with(|open| open.try_borrow_mut().map(|mut open| std::mem::take(&mut *open)));
    for reject in open.unwrap_or_default() {
        // Nobody is left to hear where this fails.
        let _ = reject.call1(&JsValue::UNDEFINED, &error);
    }
}
