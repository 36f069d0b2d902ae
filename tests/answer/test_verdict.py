"""The table of endings, by what it promises."""

from __future__ import annotations

import pytest

import partialfast as pf
from partialfast.answer._verdict import Found, Heard, verdict


@pytest.mark.parametrize("heard", Heard)
def test_json_that_is_complete_is_an_answer_whatever_was_said(heard: Heard) -> None:
    assert verdict(heard, Found.WHOLE) is None


@pytest.mark.parametrize("heard", Heard)
def test_only_what_the_server_called_whole_completes_what_it_alone_can_tell(heard: Heard) -> None:
    assert (verdict(heard, Found.TOLD) is None) is (heard is Heard.WHOLE)


@pytest.mark.parametrize("heard", Heard)
@pytest.mark.parametrize("found", [Found.OPEN, Found.WORDS, Found.OTHER, Found.NOTHING])
def test_nothing_else_is_a_success(heard: Heard, found: Found) -> None:
    class_ = verdict(heard, found)
    assert class_ is not None
    assert issubclass(class_, pf.StreamError)


@pytest.mark.parametrize("found", [found for found in Found if found is not Found.WHOLE])
@pytest.mark.parametrize(
    ("heard", "class_"),
    [
        (Heard.CUT_OFF, pf.TruncatedError),
        (Heard.FILTERED, pf.ContentFilterError),
        (Heard.REFUSED, pf.RefusalError),
        (Heard.FAILED, pf.ServerError),
        (Heard.LOST, pf.DroppedError),
    ],
)
def test_a_bad_ending_names_itself(found: Found, heard: Heard, class_: type) -> None:
    assert verdict(heard, found) is class_
