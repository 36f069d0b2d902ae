//! Documents of the kinds that JSON libraries publish figures on, and of the kind that models write;
//! made here, the same in every run.

use std::fmt::Write;

/// A name and a text.
pub type Document = (&'static str, String);

/// All of them.
pub fn all() -> Vec<Document> {
    vec![
        ("orders", orders(600)),
        ("messages", messages(400)),
        ("catalog", catalog(300)),
        ("coordinates", coordinates(20_000)),
        ("essay", essay(3000)),
        ("escapes", escapes(2000)),
    ]
}

/// Numbers that look as if by chance (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(","))
}

/// What a model extracts: small records, short keys, compact.
fn orders(count: u64) -> String {
    let mut dice = Dice(1);
    list((0..count).map(|id| {
        let (quantity, cents) = (dice.roll(9) + 1, dice.roll(10_000));
        format!(
            r#"{{"id":{id},"customer":{{"name":"Ann Example {id}","email":"ann{id}@example.com"}},"items":[{{"sku":"A-{id}","quantity":{quantity},"price":{}.{:02}}},{{"sku":"B-{id}","quantity":1,"price":99.95}}],"paid":true,"note":null}}"#,
            cents / 100,
            cents % 100
        )
    }))
}

/// Messages in several scripts, with many keys and much that is `null` (as `twitter.json`).
fn messages(count: u64) -> String {
    let mut dice = Dice(2);
    let texts = [
        "名前:前田あゆみ 第一部の感想 #アニメ https:\\/\\/t.co\\/abc",
        "Just setting things up, nothing to see here",
        "Größe und Maß \\\"zählen\\\" nicht 😀",
        "RT @someone: これは何ですか\\nはい",
    ];
    list((0..count).map(|id| {
        let text = texts[usize::try_from(dice.roll(4)).unwrap_or_default()];
        let (author, followers) = (dice.roll(1 << 31), dice.roll(5000));
        format!(
            r#"{{"metadata":{{"result_type":"recent","iso_language_code":"ja"}},"created_at":"Sun Aug 31 00:29:15 +0000 2014","id":50587492479500{id},"text":"{text}","truncated":false,"in_reply_to_status_id":null,"in_reply_to_user_id":null,"user":{{"id":{author},"screen_name":"user_{author}","description":"{text}","followers_count":{followers},"url":null,"entities":{{"description":{{"urls":[]}}}},"verified":false,"profile_background_color":"C0DEED"}},"geo":null,"retweet_count":{},"favorited":false,"lang":"ja"}}"#,
            dice.roll(100)
        )
    }))
}

/// Written for people: much white space, numbers as keys (as `citm_catalog.json`).
fn catalog(count: u64) -> String {
    let mut dice = Dice(3);
    let mut text = "{\n    \"events\": {".to_owned();
    for id in 0..count {
        let comma = if id == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n        \"{}\": {{\n            \"description\": null,\n            \"id\": {},\n            \"name\": \"Concert {id}\",\n            \"subTopicIds\": [\n                {},\n                {}\n            ],\n            \"topicIds\": [\n                {}\n            ]\n        }}",
            138_586_341 + id,
            138_586_341 + id,
            337_184_262 + dice.roll(30),
            337_184_283 + dice.roll(30),
            107_888_604 + dice.roll(10)
        );
    }
    text + "\n    }\n}\n"
}

/// Pairs of numbers with many digits (as `canada.json`).
fn coordinates(count: u64) -> String {
    let mut dice = Dice(4);
    let pairs = list((0..count).map(|_| {
        let (west, north) = (dice.roll(1 << 50), dice.roll(1 << 50));
        format!(
            "[-{}.{west:016},{}.{north:015}]",
            50 + west % 80,
            40 + north % 40
        )
    }));
    format!(r#"{{"type":"Polygon","coordinates":[{pairs}]}}"#)
}

/// One long string.
fn essay(sentences: usize) -> String {
    let sentence = "The quick brown fox jumps over the lazy dog, and then it runs away. ";
    format!("\"{}\"", sentence.repeat(sentences))
}

/// Strings full of escapes, as writers that keep to ASCII make them.
fn escapes(count: usize) -> String {
    let item = r#""caf\u00e9 na\u00efve \u4f60\u597d \ud83d\ude00\n\"quoted\" text\t""#;
    list((0..count).map(|_| item.to_owned()))
}

/// Cuts a text as a model's tokens do: one to six characters, four at the mean.
pub fn tokens(text: &str) -> Vec<&[u8]> {
    let mut dice = Dice(5);
    let mut chunks = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let length = usize::try_from(2 + dice.roll(5))
            .unwrap_or_default()
            .min(rest.len());
        let (chunk, next) = rest.split_at(length);
        chunks.push(chunk);
        rest = next;
    }
    chunks
}
