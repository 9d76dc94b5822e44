use super::super::names::MAX_NAME_BYTES;
use super::*;

const PAGE: &str = "<!doctype html>\n<!-- omega verify-page 1 -->\n<html>\n<div hidden id=\"omega-parts\">\n\
                    <script type=\"text/plain\" id=\"part-kernel\">x</script>\n</div>\n<p>end</p>\n</html>\n";

fn entry(name: &str, bytes: &[u8]) -> Entry {
    Entry { name: name.to_owned(), role: Role::Log, bytes: bytes.len() as u64, blake3: blake3_of(bytes) }
}

fn file(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let manifest = Manifest {
        made_by: "a </script><!-- test".to_owned(),
        head: None,
        left_out: vec!["</div>\n".to_owned()],
        parts: parts.iter().map(|(name, bytes)| entry(name, bytes)).collect(),
    };
    let mut out = Vec::new();
    let page = Page::parse(PAGE.as_bytes()).unwrap();
    let bytes = parts.iter().map(|(_, bytes)| bytes.as_slice());
    page.fill(&manifest.to_json().unwrap(), bytes, &mut out).unwrap();
    out
}

#[test]
fn parts_come_out_as_they_went_in_and_the_frame_is_the_page_s() {
    let parts = [
        ("empty", Vec::new()),
        ("one", vec![0]),
        ("all", (0..=255).collect()),
        ("<script>&<!--", b"</script>\n</div>\n<!--".to_vec()),
        ("pieces", vec![7; 2 * PIECE_BYTES + 1]),
        ("whole piece", vec![9; PIECE_BYTES]),
    ];
    let read = Read::parse(&file(&parts)).unwrap();
    assert!(read.changed().is_empty());
    assert_eq!(read.frame, Page::parse(PAGE.as_bytes()).unwrap().frame());
    assert_eq!(read.manifest.made_by, "a </script><!-- test");
    for (read, (name, bytes)) in read.manifest.parts.iter().zip(&read.parts).zip(&parts) {
        assert_eq!((read.0.name.as_str(), read.1), (*name, bytes));
    }
}

#[test]
fn nothing_that_is_put_in_can_end_its_element() {
    let bytes = file(&[("a</div>\n<script>b", b"</script></div>".to_vec())]);
    let text = String::from_utf8(bytes).unwrap();
    let inner = &text[text.find(PLACE).unwrap() + PLACE.len()..text.find(END).unwrap()];
    assert_eq!(inner.matches('<').count(), 4, "{inner}");
    assert_eq!(text.matches("</div>").count(), 1);
}

#[test]
fn every_changed_byte_of_list_and_parts_is_noticed() {
    let honest = file(&[("a", vec![1, 2, 3, 4]), ("b", vec![5; 100])]);
    let text = String::from_utf8(honest.clone()).unwrap();
    let start = text.find(PLACE).unwrap() + PLACE.len() + MANIFEST_OPENS.len();
    let claims = text[start..].find("\"parts\"").unwrap() + start;
    for at in claims..text.find(END).unwrap() {
        let mut changed = honest.clone();
        changed[at] ^= 1;
        match Read::parse(&changed) {
            Err(failure) => assert_eq!(failure.code.name(), "evidence-file-invalid"),
            // The list alone says the name and the role; bytes are held to their hash.
            Ok(read) => {
                let list = read.manifest.parts != Read::parse(&honest).unwrap().manifest.parts;
                assert!(list || !read.changed().is_empty(), "byte {at} can be changed");
            }
        }
    }
}

#[test]
fn what_is_no_page_of_this_version_is_refused() {
    let refused = |text: &str| {
        let failure = Page::parse(text.as_bytes()).unwrap_err();
        assert_eq!(failure.code.name(), "page-invalid");
        failure.message
    };
    assert!(refused("<!doctype html>\n<p>diary</p>").contains("no verify page"));
    assert!(refused("").contains("no verify page"));
    assert!(refused(&PAGE.replace("page 1 ", "page 2 ")).contains("form 2, not in form 1"));
    assert!(refused(&PAGE.replace("page 1 -->\n", "page 1")).contains("second line"));
    assert!(refused(&PAGE.replace("omega-parts", "parts")).contains("no place"));
    assert!(refused(&PAGE.replace("</div>", "")).contains("no place"));
    assert!(refused(&String::from_utf8(file(&[])).unwrap()).contains("evidence file itself"));
}

#[test]
fn lists_that_no_bundle_writes_are_refused() {
    let honest = String::from_utf8(file(&[("a", vec![1]), ("b", vec![2])])).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(honest.contains(from), "{from}");
        Read::parse(honest.replacen(from, to, 1).as_bytes()).unwrap_err().message
    };
    assert!(changed("\"name\":\"b\"", "\"name\":\"A\"").contains("one name"));
    assert!(changed("\"name\":\"b\"", "\"name\":\"../b\"").contains("no file should have"));
    assert!(changed("\"name\":\"b\"", "\"name\":\"\\u202eb\"").contains("no file should have"));
    assert!(changed("\"bytes\":1", "\"bytes\":268435456").contains("larger"));
    assert!(changed("\"bytes\":1", "\"bytes\":18446744073709551615").contains("larger"));
    assert!(changed("\"bytes\":1", "\"bytes\":4").contains("base64"));
    assert!(changed("\"head\":null", "\"more\":null").contains("cannot be read"));
    assert!(changed("evidence 1 ", "evidence 2 ").contains("form 2"));
    assert!(changed("</script>\n</div>", "</script>\n<p></div>").contains("behind its parts"));
    for length in 0..honest.len() - 20 {
        assert!(Read::parse(&honest.as_bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_list_that_is_too_long_is_refused() {
    let name = "n".repeat(MAX_NAME_BYTES);
    let mut manifest =
        Manifest { made_by: String::new(), head: None, left_out: Vec::new(), parts: Vec::new() };
    manifest.parts = vec![entry(&name, b""); MAX_PARTS];
    assert!(manifest.to_json().is_ok());
    manifest.left_out = vec![name; MAX_MANIFEST_BYTES / MAX_NAME_BYTES];
    assert_eq!(manifest.to_json().unwrap_err().code.name(), "evidence-too-large");
}
