//! `/`: the command centre, which is part of this program. What it may do stands in the page itself; the
//! same policy goes along as a header, with what a page cannot say of itself.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

static PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/oc2.html"));

/// Headers of the page: they are the same as long as the program is.
static ABOUT: LazyLock<About> = LazyLock::new(|| About::of(PAGE));

#[derive(Debug)]
struct About {
    etag: HeaderValue,
    policy: HeaderValue,
}

impl About {
    fn of(page: &str) -> Self {
        let hash = HEXLOWER.encode(blake3::hash(page.as_bytes()).as_bytes());
        let text = |text: String| HeaderValue::try_from(text).ok();
        // Nobody may show the page within another one, where clicks could be led astray.
        let policy = format!("{}; frame-ancestors 'none'", policy_in(page).unwrap_or("default-src 'none'"));
        About {
            etag: text(format!("\"{}\"", &hash[..32])).unwrap_or(HeaderValue::from_static("\"page\"")),
            policy: text(policy)
                .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        }
    }
}

/// The command centre: one page, which asks this node alone. It needs no token; what it reads may.
#[utoipa::path(
    get, path = "/", tag = "node", security(()),
    responses((status = 200, body = String, content_type = "text/html"), (status = 304))
)]
pub async fn page(headers: HeaderMap) -> Response {
    let About { etag, policy } = &*ABOUT;
    let about = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, policy.clone()),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, etag)) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (about, kind, PAGE).into_response()
}

/// Whether a list of tags has this one, or takes any.
fn names(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let listed = known.to_str().unwrap_or_default().split(',').map(str::trim);
    listed.map(|tag| tag.trim_start_matches("W/")).any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes())
}

/// The policy that a page states in its head.
fn policy_in(page: &str) -> Option<&str> {
    let (_, behind) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"")?;
    behind.split_once('"').map(|(policy, _)| policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_states_a_policy_that_begins_with_nothing() {
        let policy = ABOUT.policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.ends_with("; frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("http"), "{policy}");
    }

    #[test]
    fn a_page_without_a_policy_may_do_nothing() {
        assert_eq!(About::of("<html>").policy, "default-src 'none'; frame-ancestors 'none'");
    }

    #[tokio::test]
    async fn what_somebody_has_is_not_sent_again() {
        let sent = page(HeaderMap::new()).await;
        assert_eq!(sent.status(), StatusCode::OK);
        let etag = sent.headers()[header::ETAG].clone();
        let with = |known: &str| HeaderMap::from_iter([(header::IF_NONE_MATCH, known.parse().unwrap())]);
        let tag = etag.to_str().unwrap();
        for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            assert_eq!(page(with(&known)).await.status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        assert_eq!(page(with("\"other\"")).await.status(), StatusCode::OK);
    }
}
