//! Reading and cutting what a model writes around the wanted value.

use partialfast_core::envelope::{Envelope, EnvelopeOptions};
use partialfast_core::json::{JsonErrorKind, Limits};
use partialfast_core::lenient;

/// What came out of an envelope.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    pub value: String,
    pub trailing: String,
    pub begun: bool,
    pub found: bool,
    pub done: bool,
    pub error: Option<(JsonErrorKind, u64)>,
    pub repairs: String,
}

/// Reads the pieces of a text.
pub fn read<'a>(options: &EnvelopeOptions, pieces: impl IntoIterator<Item = &'a str>) -> Read {
    let mut envelope = Envelope::new(options.clone());
    let mut value = String::new();
    for piece in pieces {
        let wanted = envelope.feed(piece);
        if envelope.take_restarted() {
            value.clear();
        }
        value.push_str(&wanted);
    }
    value.push_str(&envelope.finish());
    let repairs: Vec<_> = envelope
        .repairs()
        .iter()
        .map(|repair| repair.kind.name())
        .collect();
    Read {
        value,
        trailing: envelope.trailing().to_owned(),
        begun: envelope.is_begun(),
        found: envelope.is_found(),
        done: envelope.is_done(),
        error: envelope.error().map(|error| (error.kind, error.offset)),
        repairs: repairs.join(" "),
    }
}

/// All that must hold for any text, cut anywhere. Shared with the fuzzer.
pub fn check_any_text(text: &str, cuts: &[usize]) {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.retain(|&at| text.is_char_boundary(at));
    places.extend([0, text.len()]);
    places.sort_unstable();
    for (noise, key) in [(true, None), (true, Some("items")), (false, Some("items"))] {
        let options = EnvelopeOptions {
            noise,
            key: key.map(str::to_owned),
            lenient: Some(lenient::LenientOptions::default()),
            ..EnvelopeOptions::default()
        };
        let whole = read(&options, [text]);
        let pieces = places.windows(2).map(|cut| &text[cut[0]..cut[1]]);
        assert_eq!(read(&options, pieces), whole, "cut at {places:?}: {text:?}");
        let is_finite = !whole.repairs.contains("non_finite");
        if whole.found && whole.done && whole.error.is_none() && is_finite {
            let value: Result<serde_json::Value, _> = serde_json::from_str(&whole.value);
            match value {
                Ok(_) => {}
                Err(error) => assert!(error.to_string().starts_with("recursion"), "{text:?}"),
            }
        }
    }
    for (noise, key, bare_array) in [
        (true, None, false),
        (true, Some("items"), true),
        (false, Some("items"), false),
        (false, None, false),
    ] {
        let options = EnvelopeOptions {
            noise,
            key: key.map(str::to_owned),
            bare_array,
            lenient: None,
            limits: Limits::default(),
        };
        let whole = read(&options, [text]);
        let pieces = places.windows(2).map(|cut| &text[cut[0]..cut[1]]);
        assert_eq!(read(&options, pieces), whole, "cut at {places:?}: {text:?}");
        // Nothing is made up.
        assert!(text.contains(&whole.value), "{text:?}");
        assert!(text.ends_with(&whole.trailing), "{text:?}");
        if whole.found && whole.done && whole.error.is_none() {
            let value: Result<serde_json::Value, _> = serde_json::from_str(&whole.value);
            match value {
                Ok(_) => {}
                Err(error) => assert!(error.to_string().starts_with("recursion"), "{text:?}"),
            }
        }
    }
}
