//! What the machine allocates: nothing for a token, and never more than the open token needs.

use allocation_counter::measure;
use partialfast_core::json::{Limits, Machine, NullSink};

fn document(items: usize) -> Vec<u8> {
    let item = r#"{"id":12,"name":"caf\u00e9 \"x\"","tags":["a","b"],"price":1.5,"ok":true}"#;
    let mut text = "[".to_owned();
    for index in 0..items {
        if index > 0 {
            text.push(',');
        }
        text.push_str(item);
    }
    text.push(']');
    text.into_bytes()
}

fn feed_all(machine: &mut Machine, text: &[u8], chunk: usize) {
    for chunk in text.chunks(chunk) {
        let _ = machine.feed(chunk, &mut NullSink).expect("valid");
    }
    machine.finish(&mut NullSink).expect("valid");
}

#[test]
fn tokens_do_not_allocate() {
    let text = document(10_000);
    for chunk in [3, 64, 4096, text.len()] {
        let info = measure(|| feed_all(&mut Machine::new(Limits::default()), &text, chunk));
        // The stack and the buffer of decoded text, each grown a few times.
        assert!(
            info.count_total < 20,
            "{} allocations in chunks of {chunk}",
            info.count_total
        );
        assert!(
            info.bytes_max < 4096,
            "{} bytes in chunks of {chunk}",
            info.bytes_max
        );
        assert_eq!(info.bytes_current, 0, "something is left");
    }
}

#[test]
fn a_machine_that_is_used_again_does_not_allocate() {
    let text = document(10);
    let mut machine = Machine::new(Limits::default());
    feed_all(&mut machine, &text, 5);
    let info = measure(|| {
        for _ in 0..100 {
            machine.reset();
            feed_all(&mut machine, &text, 5);
        }
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn an_open_string_is_not_kept() {
    let block = br"plain text, an escape \u00e9, a pair \ud83d\ude00 and more";
    let mut machine = Machine::new(Limits::default());
    let info = measure(|| {
        let _ = machine.feed(b"\"", &mut NullSink).expect("valid");
        for _ in 0..100_000 {
            let _ = machine.feed(block, &mut NullSink).expect("valid");
        }
    });
    assert!(info.bytes_max < 1024, "{} bytes", info.bytes_max);
}

#[test]
fn a_number_takes_no_more_than_its_limit() {
    let limits = Limits {
        max_number: 10_000,
        ..Limits::default()
    };
    let mut machine = Machine::new(limits);
    let info = measure(|| {
        let mut result = Ok(());
        for _ in 0..100_000 {
            result = machine.feed(b"7", &mut NullSink).map(|_| ());
        }
        assert!(result.is_err(), "the limit was met");
    });
    assert!(info.bytes_max < 3 * 10_000, "{} bytes", info.bytes_max);
}
