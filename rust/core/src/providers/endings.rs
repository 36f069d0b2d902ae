//! What the finish reasons of `OpenAI`'s dialects mean, and of all that pass for them.

use super::Outcome;

/// The reasons that servers are known to write. Gateways hand on those of the models behind them, in
/// any case.
const KNOWN: &[(&str, Outcome)] = &[
    ("stop", Outcome::Whole),
    ("tool_calls", Outcome::Whole),
    ("function_call", Outcome::Whole),
    // Anthropic's and Bedrock's
    ("end_turn", Outcome::Whole),
    ("tool_use", Outcome::Whole),
    ("stop_sequence", Outcome::Whole),
    // TGI's and Together's
    ("eos", Outcome::Whole),
    ("eos_token", Outcome::Whole),
    // Cohere's
    ("complete", Outcome::Whole),
    ("tool_call", Outcome::Whole),
    // The Responses API's
    ("completed", Outcome::Whole),
    ("length", Outcome::CutOff),
    ("max_tokens", Outcome::CutOff),
    ("max_output_tokens", Outcome::CutOff),
    ("model_context_window_exceeded", Outcome::CutOff),
    // Mistral's and Cohere's
    ("model_length", Outcome::CutOff),
    ("error_limit", Outcome::CutOff),
    ("content_filter", Outcome::Filtered),
    ("content_filtered", Outcome::Filtered),
    ("guardrail_intervened", Outcome::Filtered),
    // Zhipu's and Cohere's
    ("sensitive", Outcome::Filtered),
    ("error_toxic", Outcome::Filtered),
    // Gemini's
    ("safety", Outcome::Filtered),
    ("recitation", Outcome::Filtered),
    ("blocklist", Outcome::Filtered),
    ("prohibited_content", Outcome::Filtered),
    ("spii", Outcome::Filtered),
    ("image_safety", Outcome::Filtered),
    ("refusal", Outcome::Refused),
    ("error", Outcome::Failed),
    ("failed", Outcome::Failed),
    ("abort", Outcome::Failed),
    ("cancelled", Outcome::Failed),
    ("network_error", Outcome::Failed),
    // DeepSeek's
    ("insufficient_system_resource", Outcome::Failed),
    // Gemini's, for a call that the model got wrong
    ("function_call_filter", Outcome::Failed),
    ("malformed_function_call", Outcome::Failed),
];

/// What a finish reason means. What follows a colon only explains it.
pub(super) fn outcome(reason: &str) -> Outcome {
    let word = reason.split(':').next().unwrap_or_default().trim();
    let known = KNOWN
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    known.map_or(Outcome::Unknown, |(_, outcome)| *outcome)
}
