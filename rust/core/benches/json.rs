//! The machine alone: whole documents, and documents token by token, into a sink that wants nothing.

mod documents;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use partialfast_core::json::{Limits, Machine, NullSink};

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole");
    for (name, text) in documents::all() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut machine = Machine::new(Limits::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                machine.reset();
                let fed = machine.feed(text.as_bytes(), &mut NullSink).expect("valid");
                machine.finish(&mut NullSink).expect("valid");
                fed
            });
        });
    }
    group.finish();
}

/// The time is that of all tokens of the document; elements a second are tokens.
fn tokens(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tokens");
    for (name, text) in documents::all() {
        let chunks = documents::tokens(&text);
        group.throughput(Throughput::Elements(chunks.len() as u64));
        let mut machine = Machine::new(Limits::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                machine.reset();
                for chunk in &chunks {
                    let _ = machine.feed(chunk, &mut NullSink).expect("valid");
                }
                machine.finish(&mut NullSink).expect("valid");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, whole, tokens);
criterion_main!(benches);
