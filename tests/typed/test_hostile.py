"""User code and threads that do what they should not: an error that says so, never a panic."""

from __future__ import annotations

import array
import collections
import functools
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, TypeAdapter, model_validator

import partialfast as pf
from partialfast import JsonError, JsonParser, StreamState
from partialfast._core import StateCore
from tests.chunkings import bytewise

TEXT = b'{"scalar":1,"text":"x","keys":{"a":1},"before":2}'

#: What a validator may try to do with the stream that calls it.
USES: dict[str, Callable[[StreamState[Any]], Any]] = {
    "feed": lambda state: state.feed(b"1"),
    "snapshot": lambda state: state.snapshot,
    "text": lambda state: state.text,
    "path": lambda state: state.path,
    "completed": lambda state: state.completed,
    "done": lambda state: state.done,
    "errors": lambda state: state.errors,
    "finish": lambda state: state.finish(),
    "take_items": lambda state: state.take_items(),
    "init": lambda state: StreamState.__init__(state, list[int]),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("where", ["scalar", "text", "model", "key", "before"])
def test_a_validator_that_uses_its_own_stream_is_told_so(
    use: Callable[[StreamState[Any]], Any], where: str
) -> None:
    holder: list[StreamState[Any]] = []

    def call(value: Any) -> Any:
        use(holder[0])
        return value

    class Model(BaseModel):
        scalar: Annotated[int, AfterValidator(call if where == "scalar" else abs)] = 0
        text: Annotated[str, AfterValidator(call if where == "text" else str)] = ""
        keys: dict[Annotated[str, AfterValidator(call if where == "key" else str)], int] = {}
        before: Annotated[int, BeforeValidator(call if where == "before" else abs)] = 0

        @model_validator(mode="after")
        def _whole(self) -> Model:
            return call(self) if where == "model" else self

    state = StreamState(Model)
    holder.append(state)
    with pytest.raises(RuntimeError, match="a validator must not use the stream that calls it"):
        collections.deque(map(state.feed, bytewise(TEXT)), maxlen=0)
    # The stream stands where it failed and can still be looked at.
    assert state.text.startswith("{")
    with pytest.raises(RuntimeError, match="in the middle of another call"):
        state.feed(b" ")
    assert StreamState(Model) is not state


def test_a_validator_may_use_other_streams_and_drop_everything() -> None:
    made: list[StreamState[Any]] = []

    def call(value: int) -> int:
        other = StreamState(list[int])
        other.feed(b"[1,2")
        made.append(other)
        made[0].snapshot_seen = other.snapshot  # type: ignore[attr-defined]
        gc.collect()
        return value

    class Model(BaseModel):
        numbers: list[Annotated[int, AfterValidator(call)]]

    state: Any = StreamState(Model)
    made.append(state)
    for chunk in bytewise(b'{"numbers":[1,2,3]}'):
        state.feed(chunk)
    # Each item once, and once more with the whole.
    assert len(made) == 1 + 6
    assert state.finish() == Model(numbers=[1, 2, 3])


def test_an_interrupt_is_raised_once() -> None:
    def stop(_: Any) -> Any:
        raise KeyboardInterrupt

    state = StreamState(list[Annotated[int, AfterValidator(stop)]])
    with pytest.raises(KeyboardInterrupt):
        state.feed(b"[1,")
    with pytest.raises(RuntimeError, match="cannot go on") as caught:
        state.feed(b"2")
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)


def test_two_threads_on_one_stream_take_turns_or_get_an_error() -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait(value: int) -> int:
        inside.set()
        assert leave.wait(20)
        return value

    state = StreamState(list[Annotated[int, AfterValidator(wait)]])
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(state.feed, b"[1,")
        assert inside.wait(20)
        for use in (lambda: state.feed(b"2"), lambda: state.snapshot, lambda: state.done):
            with pytest.raises(RuntimeError, match="two threads must take turns"):
                use()
        leave.set()
        assert feeding.result(20) == [1]
    assert state.feed(b"2]") == [1, 2]


@pytest.mark.parametrize("chunk", [None, 1, 1.5, [], {}, object(), array.array("i", [1])])
def test_what_is_no_chunk_is_a_type_error(chunk: Any) -> None:
    for feed in (JsonParser().feed, StreamState(int).feed, pf.loads):
        with pytest.raises(TypeError, match=r"must be str or bytes-like, not"):
            feed(chunk)


def test_half_of_a_surrogate_pair_in_a_chunk_is_an_error() -> None:
    for feed in (JsonParser().feed, StreamState(str).feed, pf.loads):
        with pytest.raises(ValueError, match="surrogate"):
            feed('"\ud83d"')


def test_a_chunk_whose_owner_changes_it_is_read_as_it_came() -> None:
    buffer = bytearray(b"[1,2,3]")

    def overwrite(value: int) -> int:
        buffer[:] = b"xxxxxxx"
        return value

    state = StreamState(list[Annotated[int, AfterValidator(overwrite)]])
    assert state.feed(buffer) == [1, 2, 3]


def test_objects_that_were_never_set_up_say_so() -> None:
    with pytest.raises(RuntimeError, match="was not called"):
        StateCore().feed(b"1")
    state: Any = StreamState.__new__(StreamState)
    with pytest.raises(RuntimeError, match="was not called"):
        state.feed(b"1")
    with pytest.raises(RuntimeError, match="was not called"):
        state.finish()
    with pytest.raises(RuntimeError, match="was not called"):
        _ = state.snapshot
    assert (state.done, state.path, state.completed) == (False, (), [])


def test_limits_that_make_no_sense_are_rejected() -> None:
    makers: tuple[Any, ...] = (JsonParser, functools.partial(StreamState, int))
    for options in ({"max_depth": -1}, {"max_bytes": -1}, {"max_depth": 1 << 70}):
        for make in makers:
            with pytest.raises((OverflowError, ValueError)):
                make(**options)
    with pytest.raises(JsonError, match="max_depth"):
        JsonParser(max_depth=0).feed("[")
    with pytest.raises(JsonError, match="max_bytes"):
        JsonParser(max_bytes=0).feed("1")


class Sneaky(str):
    """A key whose comparison and hash are the user's."""

    __slots__ = ()
    calls = 0

    def __hash__(self) -> int:
        Sneaky.calls += 1
        gc.collect(0)
        return 1

    def __eq__(self, other: object) -> bool:
        Sneaky.calls += 1
        return str.__eq__(self, other)


def test_keys_with_a_hash_of_their_own_do_no_harm() -> None:
    type_ = dict[Annotated[str, AfterValidator(Sneaky)], list[int]]
    text = b'{"a":[1,2],"b":[3],"a":[4],"c":[]}'
    final = None
    for snapshot in pf.stream(type_, bytewise(text)):
        final = snapshot
    assert final == TypeAdapter(type_).validate_json(text)
    assert Sneaky.calls


def test_values_that_raise_when_hashed_do_no_harm() -> None:
    class Unhashable(BaseModel):
        a: int

        def __hash__(self) -> int:
            raise RuntimeError("no hash today")

    with pytest.raises((TypeError, RuntimeError, ValueError)):
        list(pf.stream(set[Unhashable], bytewise(b'[{"a":1}]')))


_SUB = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import partialfast
partialfast.StreamState
run = getattr(interpreters, "exec", None) or interpreters.run_string
code = f"import sys; sys.path[:] = {sys.path!r}; import partialfast; partialfast.StreamState"
try:
    failed = run(interpreters.create(), code)
except Exception as error:
    failed = error
print(failed)
"""


def test_a_second_interpreter_is_refused_with_an_import_error() -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter, on a text of ours
        [sys.executable, "-c", _SUB], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ImportError" in done.stdout
    assert "subinterpreters" in done.stdout
