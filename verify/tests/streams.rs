//! What verifying says where a log comes as a stream, which can be read once.

use omega_kernel::fault::Fault;
use omega_kernel::frame::LogHeader;
use omega_verify::failure::Failure;
use omega_verify::inputs::Input;
use omega_verify::placing::place;
use pollster::block_on;
use serde_json::Value;

use native::{Bytes, Native, certificate, file, log, said};

mod native;

fn stream(name: &'static str, bytes: Vec<u8>) -> Bytes {
    Bytes { stream: true, ..file(name, bytes) }
}

/// The check of the logs, with these at hand, of the certificate over `alice` with five events.
fn judged_again(inputs: Vec<Bytes>) -> Value {
    let report = said(&certificate(&[log(5)]), inputs, Native { once: true });
    report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "logs").unwrap().clone()
}

#[test]
fn a_stream_is_judged_as_a_file_is() {
    let (by_file, by_stream) =
        (judged_again(vec![file("a", log(5))]), judged_again(vec![stream("a", log(5))]));
    assert_eq!(by_file["status"], "passed", "{by_file}");
    assert_eq!(by_file, by_stream);
}

#[test]
fn a_stream_that_is_longer_or_shorter_is_no_answer_and_no_accusation() {
    let grown = judged_again(vec![stream("a", log(7))]);
    assert_eq!((&grown["status"], &grown["code"]), (&"unchecked".into(), &"log-grown".into()), "{grown}");
    assert_eq!(judged_again(vec![file("a", log(7))])["status"], "passed", "a file can be read up to there");
    let short = judged_again(vec![stream("a", log(4))]);
    assert_eq!((&short["status"], &short["code"]), (&"unchecked".into(), &"log-missing".into()), "{short}");
    let mut torn = log(5);
    torn.truncate(torn.len() - 8);
    assert_eq!(judged_again(vec![stream("a", torn)])["code"], "torn-tail");
}

#[test]
fn a_file_is_taken_before_a_stream_and_a_stream_is_taken_once() {
    let both = judged_again(vec![stream("the stream", log(5)), file("the file", log(5))]);
    assert_eq!(both["status"], "passed");

    let logs = match certificate(&[log(5)]).content() {
        omega_kernel::certificate::Content::Verdict { core, .. } => core.logs.clone(),
        _ => Vec::new(),
    };
    let inputs = [block_on(Input::open(stream("a", log(5)))).unwrap()];
    let placed = block_on(place(&logs, &inputs)).unwrap();
    assert!(placed[0].newer() == 0 && !placed[0].grown() && placed[0].log().limit == Some(6));
    inputs[0].spend();
    let failure = block_on(place(&logs, &inputs)).unwrap_err();
    assert_eq!(failure.code.name(), "log-missing");
    assert!(failure.message.contains("stream"), "{failure}");
}

#[test]
fn a_stream_that_is_no_log_is_said_before_it_is_judged() {
    let failure: Failure = block_on(Input::open(stream("a", b"a diary".repeat(99)))).unwrap_err();
    assert_eq!(failure.code.name(), "not-an-omega-log");
    let fault: Fault = LogHeader::decode(&[]).unwrap_err();
    assert_eq!(Failure::from(fault).code.exit(), 30);
}
