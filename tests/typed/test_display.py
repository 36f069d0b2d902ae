"""What a notebook and rich show: what is open, complete and absent differ, and nothing gets out."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, SecretStr
from rich.console import Console
from rich.pretty import pretty_repr

import partialfast as pf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Item(BaseModel):
    name: str
    price: float = 1.0


class Order(BaseModel):
    title: str = Field(alias="Title")
    key: SecretStr = SecretStr("")
    hidden: str = Field("", repr=False)
    items: list[Item] = []
    notes: str | None = None

    def _repr_html_(self) -> str:
        return f"<b>{self.title.upper()}</b>{len(self.items)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        raise AssertionError("user's code has met an incomplete object")

    def _ipython_display_(self) -> None:
        raise AssertionError("user's code has met an incomplete object")


@dataclass
class Point:
    x: int
    label: str
    inner: Item | None = None
    secret: str = field(default="", repr=False)
    later: str = "not yet"

    def __rich_repr__(self) -> Iterator[Any]:
        raise AssertionError("user's code has met an incomplete object")


TEXT = (
    '{"Title": "A <b>", "key": "sesame", "hidden": "hush", "items": ['
    '{"name": "x", "price": 2}, {"name": "y<'
)


def states(html: str) -> dict[str, str]:
    """Return the state of each row that has a name, of inner tables after that of outer ones."""
    root = ET.fromstring(html.replace("<br>", "<br/>"))  # noqa: S314 - made here
    return {
        "".join(row.find("th").itertext()): row.get("class", "").removeprefix("partialfast-")  # type: ignore[union-attr]
        for row in root.iter("tr")
    }


def notebook(value: Any) -> dict[str, str]:
    formatter: Any = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    formatted: dict[str, str] = formatter.format(value)[0]
    return formatted


def rich(value: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as captured:
        console.print(value)
    return captured.get()


def last(type_: Any, text: str) -> Any:
    state = pf.StreamState(type_)
    return state.feed(text)


def test_a_notebook_shows_what_is_open_complete_and_absent() -> None:
    shown = notebook(last(Order, TEXT))
    assert shown.keys() == {"text/plain", "text/html"}
    assert states(shown["text/html"]) == {
        "title": "complete",
        "key": "complete",
        "items": "open",
        "0": "complete",
        "1": "open",
        "name": "open",
        "price": "absent",
        "notes": "absent",
    }
    assert "&#x27;A &lt;b&gt;&#x27;</code></td>" in shown["text/html"]
    assert "&#x27;y&lt;&#x27;</code>…" in shown["text/html"]


@pytest.mark.parametrize("show", [repr, rich, lambda value: notebook(value)["text/html"]])
def test_nothing_that_is_masked_is_shown(show: Any) -> None:
    stream = pf.stream(Order, [TEXT[:70], TEXT[70:]])
    shown = [show(each) for each in (next(stream), next(stream), stream)]
    assert not any("sesame" in each or "hush" in each for each in shown)


def test_rich_shows_what_is_open_complete_and_absent() -> None:
    snapshot = last(Order, TEXT)
    assert rich(snapshot).splitlines() == [
        "PartialOrder…",
        "├── title: 'A <b>'",
        "├── key: SecretStr('**********')",
        "├── items: list…",
        "│   ├── 0: Item(name='x', price=2.0)",
        "│   └── 1: PartialItem…",
        "│       ├── name: 'y<'…",
        "│       └── price: absent",
        "└── notes: absent",
    ]
    # Inside another object there is room for the `repr` alone.
    assert rich([snapshot]) == f"[{snapshot!r}]\n"
    assert pretty_repr(snapshot, max_width=500) == repr(snapshot)


def test_a_dataclass_shows_what_it_has() -> None:
    state = pf.StreamState(Point)
    snapshot = state.feed('{"x": 1, "secret": "hush", "label": "ab')
    assert repr(snapshot) == pretty_repr(snapshot) == "PartialPoint(x=1, label='ab')"
    expected = {"x": "complete", "label": "complete", "inner": "absent", "later": "absent"}
    assert states(notebook(snapshot)["text/html"]) == expected
    # Which field is open is known to the stream.
    assert states(notebook(state)["text/html"]) == {**expected, "label": "open"}
    inner = state.feed('", "inner": {"name": "x')
    assert states(notebook(inner)["text/html"])["inner"] == "open"
    assert "hush" not in repr(snapshot) + rich(state) + notebook(state)["text/html"]


@pytest.mark.parametrize("type_", [Order, Point])
def test_the_users_own_class_does_not_change(type_: type[Any]) -> None:
    before = {name: type_.__dict__[name] for name in type_.__dict__ if name.startswith("_repr_")}
    pf.StreamState(type_).feed("{")
    assert {name: type_.__dict__[name] for name in before} == before
    assert type_.__subclasses__() == []
    assert not hasattr(Item, "_repr_html_")
    assert "_repr_html_" not in Order.model_fields
    (*_, final) = pf.stream(Order, ['{"Title": "a"}'])
    assert final._repr_html_() == "<b>A</b>0"


class Names(RootModel[list[str]]):
    pass


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        (Names, '["a", "b', {"root": "open", "0": "complete", "1": "open"}),
        (list[str], '["a", "b', {"0": "complete", "1": "open"}),
        (
            dict[str, list[int]],
            '{"a": [1], "b": [2, ',
            {"a": "complete", "b": "open", "0": "complete"},
        ),
        (list[str], '["a", "b"]', {}),
        (str, '"ab', {}),
    ],
)
def test_a_stream_shows_where_it_is(type_: Any, text: str, expected: dict[str, str]) -> None:
    state = pf.StreamState(type_)
    state.feed(text)
    stream = pf.stream(type_, [text])
    next(stream)
    for each in (state, stream):
        html = notebook(each)["text/html"]
        assert html.startswith("<div><code>&lt;" + type(each).__name__)
        assert states(html) == expected
        assert rich(each).splitlines()[0] == repr(each)


def test_a_stream_that_has_not_begun_shows_how_far_it_is() -> None:
    state = pf.StreamState(Order)
    assert "<table" not in notebook(state)["text/html"]
    assert rich(state) == f"{state!r}\n"


def test_of_much_the_beginning_and_the_end_are_shown() -> None:
    snapshot = last(list[Item], "[" + '{"name": "x"},' * 1000 + f'{{"name": "{"y" * 10_000}')
    state = pf.StreamState(list[Item])
    state.feed("[" + '{"name": "x"},' * 1000 + f'{{"name": "{"y" * 10_000}')
    html = notebook(state)["text/html"]
    assert len(snapshot) == 1001
    assert html.count("<tr") == 20 + 1 + 2
    assert "981 more" in html
    assert "8,002 characters" in html


TAGS = re.compile(r"<[^>]*>")


@given(st.text(), st.text(min_size=1))
def test_what_the_model_wrote_is_no_html(text: str, key: str) -> None:
    written = json.dumps({key: [text, {"a": f"<b>{text}"}]})
    for cut in range(0, len(written), 3):
        state = pf.StreamState(dict[str, Any])
        state.feed(written[:cut])
        tags = {tag.split()[0].strip("</>") for tag in TAGS.findall(state._repr_html_())}
        assert tags <= {"div", "code", "br", "strong", "table", "tr", "th", "td", "em"}


CELL = """
from IPython.display import display
from IPython.utils.capture import capture_output
from pydantic import BaseModel
import partialfast as pf

class Item(BaseModel):
    name: str
    price: float

formatter = get_ipython().display_formatter
formatter.active_types = formatter.format_types  # as in a notebook
with capture_output() as captured:
    handle = display(display_id="answer")
    for snapshot in pf.stream(Item, ['{"name": "x', 'y", "price": 3', "}"]):
        handle.update(snapshot)
for output in captured.outputs:
    print(output.data.get("text/plain"), "text/html" in output.data)
"""


def test_a_cell_is_updated_as_the_answer_grows(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "IPython", "--quick", "--no-banner", "-c", CELL],
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines() == [
        "None False",
        "PartialItem(name='x'…) True",
        "PartialItem(name='xy') True",
        "Item(name='xy', price=3.0) False",
    ], ran.stderr
