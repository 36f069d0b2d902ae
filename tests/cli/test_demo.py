"""What the demo shows of a stream: rows, marks and figures, and the drawing of them."""

from __future__ import annotations

import io

import pytest
from pydantic import BaseModel
from rich.console import Console

from partialfast import demo, replay
from partialfast.demo import FieldMark, FormProgress, FormRow, MeetingInfo, User, rows
from partialfast.demo._view import draw_form


class Place(BaseModel):
    city: str
    country: str = "?"


class Trip(BaseModel):
    title: str
    stops: list[Place]
    hotel: Place | None = None
    tags: list[str] = []


def trip() -> Trip:
    """Make a trip as a stream would show it while the second stop's city is written."""
    return Trip.model_construct(
        {"title", "stops"},
        title="Round",
        stops=[
            Place(city="Zürich", country="CH"),
            Place.model_construct({"city"}, city="Ba", country="?"),
        ],
    )


def progress() -> FormProgress:
    made = FormProgress(started=100.0)
    made.see(trip(), path=("stops", 1, "city"), completed=[("title",), ("stops", 0)], now=100.5)
    return made


def test_fields_are_listed_with_how_far_they_are() -> None:
    assert list(rows(trip(), progress())) == [
        FormRow(("title",), "title", "Round", FieldMark.COMPLETE),
        FormRow(("stops",), "stops", "", FieldMark.WRITING),
        FormRow(("stops", 0), "1.", "", FieldMark.COMPLETE),
        FormRow(("stops", 0, "city"), "city", "Zürich", FieldMark.COMPLETE),
        FormRow(("stops", 0, "country"), "country", "CH", FieldMark.COMPLETE),
        FormRow(("stops", 1), "2.", "", FieldMark.WRITING),
        FormRow(("stops", 1, "city"), "city", "Ba", FieldMark.WRITING),
        FormRow(("stops", 1, "country"), "country", "", FieldMark.WAITING),
        FormRow(("hotel",), "hotel", "", FieldMark.WAITING),
        FormRow(("tags",), "tags", "", FieldMark.WAITING),
    ]


def test_what_completes_the_root_completes_all() -> None:
    made = progress()
    made.see(trip(), path=(), completed=[()], now=101.0)
    marks = [row.mark for row in rows(trip(), made) if row.mark is not FieldMark.WAITING]
    assert set(marks) == {FieldMark.COMPLETE}


def test_the_figures_count_from_the_request() -> None:
    made = FormProgress(started=10.0)
    made.chunks = 3
    made.see(Trip.model_construct(set()), path=(), completed=[], now=10.1)
    assert made.first_field_s is None
    assert made.summary() == "3 chunks · 1 snapshots · 0.10 s · first field after -"
    made.see(trip(), path=(), completed=[], now=10.25)
    made.see(trip(), path=(), completed=[], now=11.0)
    assert made.summary() == "3 chunks · 3 snapshots · 1.00 s · first field after 250 ms"


def drawn(snapshot: BaseModel | None, made: FormProgress) -> str:
    out = io.StringIO()
    console = Console(file=out, width=60, force_terminal=False)
    console.print(draw_form(snapshot, made, title="title"))
    return out.getvalue()


def test_the_drawing_marks_what_is_written_and_what_is_complete() -> None:
    lines = drawn(trip(), progress()).splitlines()
    by_text = {
        text: next(line for line in lines if text in line) for text in ("Round", "Ba", "hotel")
    }
    assert "✓" in by_text["Round"]
    assert "▸" in by_text["Ba"]
    assert "Ba▌" in by_text["Ba"]
    assert "·" in by_text["hotel"]
    assert sum("▌" in line for line in lines) == 1
    assert "snapshots" in lines[-1]


def test_an_empty_form_can_be_drawn() -> None:
    assert "title" in drawn(None, FormProgress(started=0.0))


def test_the_demos_models_are_those_of_the_example() -> None:
    from pathlib import Path

    source = (Path(__file__).parents[2] / "examples" / "meeting.py").read_text(encoding="utf-8")
    for model in (User, MeetingInfo):
        assert f"class {model.__name__}(BaseModel):" in source
        for name in model.model_fields:
            assert f"    {name}: " in source


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("provider", "module"),
    [
        ("anthropic", "anthropic"),
        ("bedrock", "boto3"),
        ("cohere", "cohere"),
        ("google", "google.genai"),
        ("groq", "openai"),
        ("mistral", "mistralai"),
        ("ollama", "ollama"),
    ],
)
def test_other_providers_are_played_to_their_own_sdks(provider: str, module: str) -> None:
    pytest.importorskip(module)
    out, err = io.StringIO(), io.StringIO()
    with replay.serve(replay.builtin("meeting")) as url:
        demo.run_terminal(demo.replayed(provider, url), out=out, err=err)
        assert url.exchanges[0].recording is not None
    lines = out.getvalue().splitlines()
    final = demo.MeetingInfo.model_validate_json(lines[-1])
    assert final.users
    assert "chunks" in err.getvalue()
