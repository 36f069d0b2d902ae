//! What a provider's events say, read the slow way: by looking into the whole value.

use partialfast_core::json::Span;
use partialfast_core::providers::{ChatChunk, ChatReader, ResponsesEvent, ResponsesReader};
use serde_json::{Value, json};

fn raw(data: &str, span: Option<Span>) -> Value {
    span.map_or(Value::Null, |span| {
        let start = usize::try_from(span.start).expect("in the data");
        let end = usize::try_from(span.end).expect("in the data");
        serde_json::from_str(&data[start..end]).expect("a JSON value")
    })
}

/// What was picked, with `null` for what is absent.
pub fn picked_from_chat(data: &str, chunk: &ChatChunk) -> Value {
    let choices: Vec<Value> = chunk
        .choices()
        .map(|choice| {
            let calls: Vec<Value> = choice
                .tool_calls()
                .map(|call| json!([call.index, call.id, call.name, call.arguments]))
                .collect();
            json!({
                "index": choice.index(),
                "content": choice.content(),
                "refusal": choice.refusal(),
                "reasoning": choice.reasoning(),
                "finish_reason": choice.finish_reason(),
                "tool_calls": calls,
            })
        })
        .collect();
    json!({
        "id": chunk.id(),
        "model": chunk.model(),
        "object": chunk.object(),
        "choices": choices,
        "usage": raw(data, chunk.usage()),
        "error": raw(data, chunk.error()),
    })
}

/// The text at a key, if it is one.
fn text(object: &Value, key: &str) -> Value {
    object
        .get(key)
        .filter(|value| value.is_string())
        .cloned()
        .unwrap_or_default()
}

fn index(object: &Value, key: &str) -> Value {
    object
        .get(key)
        .filter(|value| value.is_u64())
        .cloned()
        .unwrap_or_default()
}

fn present<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn objects(array: Option<&Value>) -> impl Iterator<Item = &Value> {
    let items = array.and_then(Value::as_array).into_iter().flatten();
    items.filter(|item| item.is_object())
}

/// The same by looking into the whole value.
pub fn expected_of_chat(value: &Value) -> Value {
    let none = Value::Null;
    let choices: Vec<Value> = objects(value.get("choices"))
        .map(|choice| {
            let delta = choice.get("delta").unwrap_or(&none);
            let calls: Vec<Value> = objects(delta.get("tool_calls"))
                .map(|call| {
                    let function = call.get("function").unwrap_or(&none);
                    json!([
                        index(call, "index"),
                        text(call, "id"),
                        text(function, "name"),
                        text(function, "arguments")
                    ])
                })
                .collect();
            let number = index(choice, "index");
            json!({
                "index": if number.is_null() { json!(0) } else { number },
                "content": text(delta, "content"),
                "refusal": text(delta, "refusal"),
                "reasoning": text(delta, "reasoning_content"),
                "finish_reason": text(choice, "finish_reason"),
                "tool_calls": calls,
            })
        })
        .collect();
    json!({
        "id": text(value, "id"),
        "model": text(value, "model"),
        "object": text(value, "object"),
        "choices": choices,
        "usage": value.get("usage"),
        "error": value.get("error"),
    })
}

/// What the reader picks from valid data.
pub fn chat(data: &str) -> Value {
    let mut reader = ChatReader::default();
    picked_from_chat(data, reader.read(data).expect("valid"))
}

fn picked_from_response(data: &str, event: &ResponsesEvent) -> Value {
    json!({
        "type": event.kind(),
        "delta": event.delta(),
        "text": event.text(),
        "refusal": event.refusal(),
        "arguments": event.arguments(),
        "item_id": event.item_id(),
        "code": event.code(),
        "message": event.message(),
        "item": [event.item_type(), event.item_own_id(), event.item_name(), event.item_call_id(),
            event.item_arguments()],
        "response": [event.response_id(), event.response_model(), event.response_status(),
            event.incomplete_reason()],
        "indices": [event.sequence_number(), event.output_index(), event.content_index()],
        "usage": raw(data, event.usage()),
        "error": raw(data, event.error()),
    })
}

pub fn expected_of_response(value: &Value) -> Value {
    let none = Value::Null;
    let item = value.get("item").unwrap_or(&none);
    let response = value.get("response").unwrap_or(&none);
    let details = response.get("incomplete_details").unwrap_or(&none);
    json!({
        "type": text(value, "type"),
        "delta": text(value, "delta"),
        "text": text(value, "text"),
        "refusal": text(value, "refusal"),
        "arguments": text(value, "arguments"),
        "item_id": text(value, "item_id"),
        "code": text(value, "code"),
        "message": text(value, "message"),
        "item": [text(item, "type"), text(item, "id"), text(item, "name"), text(item, "call_id"),
            text(item, "arguments")],
        "response": [text(response, "id"), text(response, "model"), text(response, "status"),
            text(details, "reason")],
        "indices": [index(value, "sequence_number"), index(value, "output_index"),
            index(value, "content_index")],
        "usage": response.get("usage"),
        // Of two, the one that is written last; `Value` has its keys in order.
        "error": present(response, "error").or(present(value, "error")),
    })
}

/// What the reader picks from valid data.
pub fn response(data: &str) -> Value {
    let mut reader = ResponsesReader::default();
    picked_from_response(data, reader.read(data).expect("valid"))
}

/// All that must hold for any text. Shared with the fuzzer.
pub fn check_any_data(data: &str) {
    let value: Result<Value, _> = serde_json::from_str(data);
    let chat_reads = ChatReader::default().read(data).is_ok();
    let response_reads = ResponsesReader::default().read(data).is_ok();
    assert_eq!(chat_reads, response_reads);
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            let deep = error.to_string().starts_with("recursion limit");
            assert!(deep || !chat_reads, "{error}: {data}");
            return;
        }
    };
    assert!(chat_reads, "{data}");
    // Written anew, so that no key comes twice: then it is the last in `Value`, but an earlier one
    // may be picked here.
    let once = value.to_string();
    assert_eq!(chat(&once), expected_of_chat(&value));
    assert_eq!(response(&once), expected_of_response(&value));
}
