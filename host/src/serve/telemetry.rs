//! What a node tells of its work: its log as JSON lines, and traces to an OpenTelemetry collector where
//! one is named.

use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::client::agent;
use crate::failure::Failure;

/// Where an OTLP/HTTP collector takes traces, below its address.
const TRACES: &str = "/v1/traces";

/// Ends the traces: what waits is sent.
#[derive(Debug, Default)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins: lines to stderr, chosen by `RUST_LOG`; traces to `collector`.
    ///
    /// # Errors
    /// A usage failure where the collector's address is none.
    pub fn begin(collector: Option<&str>) -> Result<Self, Failure> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_filter(filter);
        let Some(collector) = collector else {
            // Tests start several nodes in one process.
            let _ = tracing_subscriber::registry().with(lines).try_init();
            return Ok(Telemetry(None));
        };
        let provider = provider(collector)?;
        let tracer = provider.tracer("omega");
        let traces = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_filter(EnvFilter::new("info,omega_sheaf=debug"));
        let _ = tracing_subscriber::registry().with(lines).with(traces).try_init();
        Ok(Telemetry(Some(provider)))
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // A collector that is gone keeps nobody from ending.
        let _ = self.0.take().map(|provider| provider.shutdown());
    }
}

fn provider(collector: &str) -> Result<SdkTracerProvider, Failure> {
    let collector = collector.trim_end_matches('/');
    let endpoint =
        if collector.ends_with(TRACES) { collector.to_owned() } else { format!("{collector}{TRACES}") };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Posting(agent(None)?))
        .with_endpoint(endpoint)
        .build();
    let exporter = exporter.map_err(|error| {
        Failure::usage(format!("traces cannot go to {collector}: {error}"))
            .hint("Name an OTLP/HTTP collector, such as http://127.0.0.1:4318.")
    })?;
    let resource = Resource::builder().with_service_name("omega").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Posts to the collector, on the exporter's own thread.
#[derive(Debug)]
struct Posting(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Posting {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut post = self.0.post(parts.uri.to_string());
        for (name, value) in &parts.headers {
            post = post.header(name, value);
        }
        let mut answer = post.send(&body[..])?;
        let body = answer.body_mut().read_to_vec()?;
        Ok(Response::builder().status(answer.status()).body(body.into())?)
    }
}
