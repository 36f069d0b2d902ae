"""What a server sends instead of events is said, where no answer came."""

from __future__ import annotations

import pytest
from openai import OpenAI
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay

PAGE = "<html><title>502 Bad Gateway</title>\x1b[31m</html>"
PIECE = (
    'data: {"choices":[{"index":0,"delta":{"content":"{\\"name\\":\\"Ada\\"}"},'
    '"finish_reason":"stop"}]}\n\n'
)


class User(BaseModel):
    name: str


@pytest.mark.network
@pytest.mark.parametrize("split", [None, 1, 7])
def test_a_page_is_shown_in_the_message(split: int | None) -> None:
    with (
        replay.serve({"raw": PAGE}, split=split) as url,
        pf.from_openai(OpenAI(base_url=url, api_key="k"), mode=pf.Mode.JSON, model="m") as client,
        pytest.raises(pf.TruncatedError, match="502 Bad Gateway") as raised,
    ):
        client.create_partial(
            response_model=User, messages=[{"role": "user", "content": "Who?"}]
        ).final()
    assert "the server sent no event" in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.network
def test_a_page_after_an_answer_does_no_harm() -> None:
    with (
        replay.serve({"raw": PIECE + PAGE}) as url,
        pf.from_openai(OpenAI(base_url=url, api_key="k"), mode=pf.Mode.JSON, model="m") as client,
    ):
        assert client.create_partial(response_model=User, messages="Who?").final().name == "Ada"
