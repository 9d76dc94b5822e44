//! Who calls, and what they may do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};

use super::App;
use super::problem::Problem;
use crate::serve::auth::{Scope, Token};

/// Somebody who may read: everybody, unless the node is told otherwise.
#[derive(Debug, Clone)]
pub struct Reader;

/// Somebody who may send events.
#[derive(Debug, Clone)]
pub struct Writer(pub Token);

/// Somebody who may change how the node works.
#[derive(Debug, Clone)]
pub struct Operator(pub Token);

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if app.shared.settings.protect_reads {
            allowed(parts, app, Scope::Read)?;
        }
        Ok(Reader)
    }
}

impl FromRequestParts<App> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Writer(allowed(parts, app, Scope::Append)?))
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Operator(allowed(parts, app, Scope::Operate)?))
    }
}

fn allowed(parts: &Parts, app: &App, scope: Scope) -> Result<Token, Problem> {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = given.and_then(|given| {
        let (kind, secret) = given.split_once(' ')?;
        kind.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    let unauthorized = |message: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
            .hint("Send the header `Authorization: Bearer TOKEN`; `omega token add` makes a token.")
    };
    let secret = secret.ok_or_else(|| unauthorized("this takes a token"))?;
    let token = app.shared.tokens.find(secret).ok_or_else(|| unauthorized("this token is not known"))?;
    match token.allows(scope) {
        true => Ok(token),
        false => {
            let message = format!(
                "the token {:?} does not allow this: it takes the scope {}",
                token.name,
                scope.name()
            );
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message))
        }
    }
}
