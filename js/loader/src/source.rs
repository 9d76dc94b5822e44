//! A log or a snapshot that JavaScript reads.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use js_sys::Uint8Array;
use omega_kernel::frame::HEADER_BYTES;
use omega_verify::failure::{Failure, HostCode};
use omega_verify::platform::{Error, Source};
use wasm_bindgen::JsValue;

use crate::ask::{ask, call, get, given, text};
use crate::page::Shared;

/// Bytes that are handed to a kernel at once.
const PIECE_BYTES: u32 = 4 << 20;

/// Something that can be read, from JavaScript.
pub struct Readable {
    name: String,
    handle: JsValue,
    rereadable: bool,
    /// Of a stream: its first bytes, which are looked at before it is judged, and the rest.
    begun: RefCell<Option<(Vec<u8>, Pieces)>>,
    spent: Cell<bool>,
    shared: Shared,
}

impl Readable {
    /// Nothing is read yet.
    pub fn new(handle: JsValue, shared: &Shared) -> Self {
        Readable {
            name: text(&handle, "name").unwrap_or_else(|| "an input".to_owned()),
            rereadable: get(&handle, "readAt").is_function(),
            handle,
            begun: RefCell::new(None),
            spent: Cell::new(false),
            shared: shared.clone(),
        }
    }

    /// All pieces, for whoever takes them as they are. Of what can be read again.
    pub fn pieces(&self) -> Result<JsValue, Failure> {
        if !self.rereadable {
            let message = "a snapshot is looked at before it is taken in, so it cannot come as a stream";
            return Err(Failure::usage(message).hint("Give it as a file.").file(&self.name));
        }
        call(&self.handle, "pieces", &[]).map_err(|error| self.failed(&error))
    }

    /// Hands over all bytes in order, in pieces of at most 4 MiB, until one answers that no more is wanted;
    /// a stream's are handed over once.
    pub async fn each(
        &self,
        mut take: impl AsyncFnMut(Uint8Array) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.begin().await?;
        let begun = self.begun.borrow_mut().take();
        let mut rest = match begun {
            None if !self.rereadable => return Err(self.read_before().into()),
            None => Pieces::of(&self.handle).map_err(|error| self.failed(&error))?,
            Some((held, rest)) => {
                self.spent.set(true);
                if !held.is_empty()
                    && !rest.unless_ended(self.cut(Uint8Array::from(&held[..]), &mut take).await)?
                {
                    return Ok(());
                }
                rest
            }
        };
        while let Some(piece) = rest.next().await.map_err(|error| self.failed(&error))? {
            if !rest.unless_ended(self.cut(given(piece, "a piece")?, &mut take).await)? {
                break;
            }
        }
        Ok(())
    }

    async fn cut(
        &self,
        piece: Uint8Array,
        take: &mut impl AsyncFnMut(Uint8Array) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let mut at = 0;
        while at < piece.length() {
            let end = piece.length().min(at.saturating_add(PIECE_BYTES));
            let more = take(piece.subarray(at, end)).await?;
            self.shared.fed(end - at);
            if !more {
                return Ok(false);
            }
            at = end;
        }
        Ok(true)
    }

    /// Reads as much of a stream as its header takes, once.
    async fn begin(&self) -> Result<(), Failure> {
        if self.rereadable || self.spent.get() || self.begun.borrow().is_some() {
            return Ok(());
        }
        let mut pieces = Pieces::of(&self.handle).map_err(|error| self.failed(&error))?;
        let mut held = Vec::new();
        while held.len() < HEADER_BYTES {
            match pieces.next().await.map_err(|error| self.failed(&error))? {
                Some(piece) => held.extend(given(piece, "a piece").map_err(Failure::from)?.to_vec()),
                None => break,
            }
        }
        *self.begun.borrow_mut() = Some((held, pieces));
        Ok(())
    }

    fn failed(&self, error: &JsValue) -> Failure {
        let failure = self.shared.failure(error);
        match failure.file {
            Some(_) => failure,
            None => failure.file(&self.name),
        }
    }

    fn read_before(&self) -> Failure {
        Failure::new(HostCode::Unreadable, "a stream can be read once, and was read").file(&self.name)
    }
}

impl Source for Readable {
    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }

    fn rereadable(&self) -> bool {
        self.rereadable
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        if !self.rereadable {
            self.begin().await?;
            let begun = self.begun.borrow();
            let Some((held, _)) = begun.as_ref() else { return Err(self.read_before()) };
            let part = usize::try_from(offset).ok().and_then(|offset| held.get(offset..)).unwrap_or_default();
            let count = part.len().min(buffer.len());
            buffer[..count].copy_from_slice(&part[..count]);
            return Ok(count);
        }
        let arguments = [JsValue::from(offset as f64), JsValue::from(buffer.len() as f64)];
        let piece = ask(&self.handle, "readAt", &arguments).await.map_err(|error| self.failed(&error))?;
        let piece = given(piece, "what was read").map_err(Failure::from)?;
        let count = piece.length() as usize;
        let Some(part) = buffer.get_mut(..count) else {
            return Err(Failure::internal("more was read than was asked for").file(&self.name));
        };
        piece.copy_to(part);
        Ok(count)
    }
}

/// Pieces that come one after the other.
pub struct Pieces(JsValue);

impl Pieces {
    fn of(source: &JsValue) -> Result<Self, JsValue> {
        call(source, "pieces", &[]).map(Pieces)
    }

    async fn next(&mut self) -> Result<Option<JsValue>, JsValue> {
        let step = ask(&self.0, "next", &[]).await?;
        let done = get(&step, "done").is_truthy();
        Ok((!done).then(|| get(&step, "value")))
    }

    /// Ends them where what was made of the last one says so.
    fn unless_ended(&self, taken: Result<bool, Error>) -> Result<bool, Error> {
        if !matches!(taken, Ok(true)) {
            self.end();
        }
        taken
    }

    /// Says that no more is wanted, so that files are closed and streams cancelled.
    fn end(&self) {
        if get(&self.0, "return").is_function()
            && let Ok(promise) = call(&self.0, "return", &[])
        {
            // What closing fails with changes no answer, and must not go unheard as a rejection.
            let ignore = wasm_bindgen::closure::Closure::once_into_js(|| ());
            let _ = call(&promise, "catch", &[ignore]);
        }
    }
}
