"""What the client's page says of endings is tested: each sentence names its tests here."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "client.md"
SECTIONS = ("How it ends", "Asking again", "Time limits and fallbacks")

ENDINGS = "providers/openai/test_endings.py"
VERDICT = "answer/test_verdict.py"
ATTEMPTS = "answer/test_attempts.py"
FALLBACKS = "answer/test_fallbacks.py"
RETRY = "providers/openai/test_retry.py"
WAITING = "answer/test_waiting.py"
HTTP2 = "providers/openai/test_http2.py"
PROMISED = "providers/openai/test_promised_endings.py"

# How a sentence begins, and its tests: a file, then names.
SENTENCES: dict[str, tuple[str, ...]] = {
    "A stream that ends without an exception": (VERDICT, "test_nothing_else_is_a_success"),
    "The [README](../README.md#errors) has": (
        ENDINGS,
        "test_a_lost_connection_is_told_apart",
        "test_a_content_filter",
    ),
    "JSON that is complete is an answer": (
        ENDINGS,
        "test_complete_at_the_token_limit_is_complete",
        "test_json_that_is_complete_is_an_answer_though_the_connection_is_lost",
    ),
    "JSON that is not is a `TruncatedError`": (
        ENDINGS,
        "test_cut_off_by_the_token_limit",
        "test_a_stream_that_just_ends_is_truncated",
        "test_a_lost_connection_is_told_apart",
    ),
    "The message names the finish reason": (PROMISED, "test_the_message_names_the_finish_reason"),
    "A list of function calls, or a call without arguments": (
        VERDICT,
        "test_only_what_the_server_called_whole_completes_what_it_alone_can_tell",
    ),
    "A limit, a filter, a failure, an unknown reason": (
        PROMISED,
        "test_no_other_reason_completes_a_list_of_calls",
    ),
    "An error that the server reports": (ENDINGS, "test_an_error_inside_the_stream_is_the_sdks"),
    "What is not an event of the API": (ENDINGS, "test_an_event_that_is_not_json"),
    "A model that was to call a function": (ENDINGS, "test_words_instead_of_a_call"),
    "If what it wrote is JSON that fits": (
        ENDINGS,
        "test_json_as_content_that_fits_is_taken_for_the_call",
    ),
    "A call of a function of your own": (
        "providers/openai/test_calls.py",
        "test_other_functions_of_the_callers_are_left_alone",
    ),
    "An answer that is invalid after the last attempt": (
        ATTEMPTS,
        "test_an_invalid_answer_is_one_exception_with_every_attempt",
        "test_text_that_is_no_json_is_an_invalid_answer_too",
    ),
    "A stream that somebody else closes": (
        WAITING,
        "test_closing_from_another_thread_wakes_the_reader_with_an_error",
        "test_closing_while_another_task_looks_at_a_snapshot_is_no_success",
    ),
    "Over HTTP/2, where the connection is shared": (
        HTTP2,
        "test_leaving_resets_the_stream_and_nothing_else",
        "test_a_thread_that_waits_wakes_at_once",
    ),
    "Leaving the loop, or closing it": (
        "providers/openai/test_close.py",
        "test_leaving_closes_at_once",
        "test_leaving_asynchronously_closes_at_once",
    ),
    "Whatever the exception, it has": (
        WAITING,
        "test_what_was_pending_is_handed_out_before_an_error",
    ),
    "What the SDK raises before the answer begins": (
        PROMISED,
        "test_what_the_sdk_raises_says_what_to_do",
    ),
    "An answer that is invalid, or not JSON": (
        RETRY,
        "test_an_invalid_answer_is_asked_for_again",
        "test_text_that_is_not_json_is_asked_again",
    ),
    "It ends at its first invalid value": (
        ENDINGS,
        "test_an_invalid_value_ends_the_answer_at_once",
    ),
    "Half an answer whose finish reason": (
        ATTEMPTS,
        "test_half_an_answer_whose_reason_is_no_limit_may_be_asked_again",
    ),
    "Words in place of a call are shown": (RETRY, "test_words_are_asked_again"),
    "Answers that a limit or a filter cut off": (
        RETRY,
        "test_other_endings_are_not_asked_again",
    ),
    "`first_timeout=`, `stall_timeout=` and": (
        ATTEMPTS,
        "test_a_limit_ends_the_answer",
        "test_comments_are_no_tokens",
    ),
    "A limit that is reached is": (ATTEMPTS, "test_a_limit_ends_the_answer"),
    '`fallbacks=[{"model": "other"}, another_client]`': (
        FALLBACKS,
        "test_retries_come_before_the_fallback_and_again_after_it",
        "test_a_fallback_may_be_another_provider",
    ),
    "Each is an attempt": (ATTEMPTS, "test_a_fallback_is_asked"),
}


def sentences() -> list[str]:
    """Return the sentences of the sections, each on one line, without code blocks and tables."""
    text = re.sub(
        r"^```.*?^```$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    found: list[str] = []
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        if title in SECTIONS:
            for paragraph in re.split(r"\n\n|^- ", body, flags=re.MULTILINE):
                line = " ".join(paragraph.split())
                found += [each for each in re.split(r"(?<=\.) (?=[A-Z`\[])", line) if each]
    return found


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_each_sentence_names_its_tests() -> None:
    said = sentences()
    assert len(said) >= 20
    for sentence in said:
        known = [start for start in SENTENCES if sentence.startswith(start)]
        assert len(known) == 1, f"{PAGE.name} says, and nothing here tests: {sentence}"


@pytest.mark.parametrize("start", SENTENCES)
def test_each_row_is_of_a_sentence_and_has_tests(start: str) -> None:
    assert any(sentence.startswith(start) for sentence in sentences()), "it is said no more"
    path, *names = SENTENCES[start]
    assert names
    assert set(names) <= functions_of(path), f"{path} has not all of {names}"
