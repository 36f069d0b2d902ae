"""Runs the streaming examples of instructor's documentation, as they are and import changed.

    python tools/instructor_docs.py FOLDER PYTHON > docs/instructor-examples.md

``FOLDER`` is an unpacked source distribution of instructor, which has its documentation;
``PYTHON`` the interpreter of an environment with instructor and SDKs of providers. No text of it is
kept here: the page names pages and says what happened.

Each page's Python blocks run one after the other in one namespace, as a reader would paste them.
A server on loopback answers every request with JSON that is made up from the schema in it. What
matters is the blocks that stream: how many run under instructor, and how many of these run with
nothing but the import changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from partialfast import replay
from partialfast.replay import _app
from partialfast.replay._ask import Ask
from partialfast.replay._recording import Recording, RecordingSet
from partialfast.replay._steps import respond

_BLOCK = re.compile(r"^( *)```(?:python|py)\b[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_STREAMS = re.compile(r"create_partial|create_iterable|Partial\[|stream ?= ?True|Iterable\[")
_IMPORT = re.compile(r"^(\s*)(from|import) instructor\b(?=([\w.]*))", re.MULTILINE)
_PAGE_S = 150


class Row(NamedTuple):
    """What became of one block.

    Args:
        page: The page.
        number: The place of the block among those of the page, counted from 1.
        theirs: What it raised under instructor.
        ours: What it raised with the import changed.
        same: Whether both printed the same last line.
    """

    page: str
    number: int
    theirs: str | None
    ours: str | None
    same: bool


#: Runs in the other process: argument 1 is the file with the blocks, 2 that for what happened.
_RUNNER = """
import asyncio, builtins, contextlib, inspect, io, json, linecache, sys, types, warnings
warnings.simplefilter("ignore")
for library in ("httpx", "httpx2"):
    try:
        http = __import__(library)
    except ImportError:
        continue
    for client in (http.Client, http.AsyncClient):
        # What a name server would do: every host is the one on loopback.
        def send(self, request, *args, _send=client.send, _http=http, **kwargs):
            path = request.url.path
            for end in ("/chat/completions", "/responses"):
                if path.endswith(end):
                    path = "/v1" + end
            url = _http.URL(sys.argv[3])
            if request.url.host != url.host:
                query = request.url.query
                raw = path.encode() + (b"?" + query if query else b"")
                request.url = url.copy_with(raw_path=raw)
                request.headers["host"] = f"{url.host}:{url.port}"
            return _send(self, request, *args, **kwargs)
        client.send = send
blocks = json.load(open(sys.argv[1]))
module = types.ModuleType("__main__")
sys.modules["__main__"] = module
happened = []
for number, source in enumerate(blocks):
    name = f"<block {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    out = io.StringIO()
    error = None
    try:
        code = compile(source, name, "exec", 0, True)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            exec(code, module.__dict__)
    except BaseException as raised:
        error = f"{type(raised).__name__}: {str(raised)[:300]}"
    happened.append([error, out.getvalue()])
    json.dump(happened, open(sys.argv[2], "w"))
"""


def _schema_of(ask: Ask) -> list[tuple[str | None, dict[str, Any]]]:
    """Find what a request asks for: names of functions and schemas."""
    body = ask.body
    tools: list[Any] = body.get("tools") or []
    found: list[tuple[str | None, dict[str, Any]]] = []
    for tool in tools:
        function = tool.get("function", tool)
        for declared in function.get("functionDeclarations", [function]):
            schema = next(
                (declared[key] for key in _SCHEMA_KEYS if isinstance(declared.get(key), dict)), None
            )
            if schema is not None:
                found.append((declared.get("name"), schema))
    if found:
        return found
    for place in (
        (body.get("response_format") or {}).get("json_schema", {}),
        ((body.get("text") or {}).get("format") or {}),
        body.get("generationConfig") or {},
        ((body.get("output_config") or {}).get("format") or {}),
    ):
        for key in ("schema", "responseSchema", "responseJsonSchema", "response_json_schema"):
            if isinstance(place.get(key), dict):
                return [(None, place[key])]
    return [(None, _written_schema(json.dumps(body, ensure_ascii=False)))]


_SCHEMA_KEYS = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")


def _written_schema(body: str) -> dict[str, Any]:
    """Find a schema that stands in the words of a request."""
    decoder = json.JSONDecoder()
    for text in _words(json.loads(body)):
        for match in re.finditer(r"\{", text):
            try:
                found, _ = decoder.raw_decode(text, match.start())
            except json.JSONDecodeError:
                continue
            if isinstance(found, dict) and {"properties", "$ref", "anyOf"} & found.keys():
                return found
    return {}


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def example_of(schema: dict[str, Any], definitions: dict[str, Any], depth: int = 0) -> Any:
    """Make up a value that a schema allows.

    Args:
        schema: The schema.
        definitions: What its references lead to.
        depth: How deep in the value it is; far down, what need not be there is left out.
    """
    definitions = {**definitions, **schema.get("$defs", {}), **schema.get("definitions", {})}
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth)
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            some = [each for each in schema[key] if str(each.get("type")).lower() != "null"]
            return example_of(some[0], definitions, depth) if some and depth < _DEEP else None
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = str(next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind)
    return _MAKERS.get(kind.lower(), _text)(schema, definitions, depth)


_DEEP = 5


def _object(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
    required = schema.get("required", [])
    return {
        name: example_of(inner, definitions, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name in required or depth < _DEEP
    }


def _array(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
    least = schema.get("minItems", 0)
    count = max(least, 0 if depth >= _DEEP else 2)
    return [example_of(schema.get("items", {}), definitions, depth + 1) for _ in range(count)]


def _number(schema: dict[str, Any], _definitions: dict[str, Any], _depth: int) -> Any:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = least + 1 if most is None or least + 1 < most else most
    return int(value) if str(schema.get("type")).lower() == "integer" else float(value)


_FORMATS = {
    "date": "2025-06-01",
    "date-time": "2025-06-01T10:00:00Z",
    "time": "10:00:00",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "6d9f1a64-24a4-4bd3-9d1f-0a3c0a7e5a11",
    "duration": "PT1H",
}


def _text(schema: dict[str, Any], _definitions: dict[str, Any], _depth: int) -> Any:
    text = _FORMATS.get(schema.get("format", ""), "Ada King")
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 1000)]


_MAKERS = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "boolean": lambda *_: True,
    "null": lambda *_: None,
}


def _answer(ask: Ask) -> Recording:
    wanted = _schema_of(ask)
    forced = [each for each in wanted if each[0] == ask.forced] or wanted
    texts = [(name, json.dumps(example_of(schema, {}))) for name, schema in forced]
    if len(texts) > 1:
        calls = tuple(replay.ToolCall(name or "", text) for name, text in texts)
        return Recording(tool_calls=calls)
    return Recording(text=texts[0][1])


def _planned(recordings: RecordingSet, ask: Ask, *args: Any, **kwargs: Any) -> Any:
    del recordings
    return respond(RecordingSet([_answer(ask)]), ask, *args, **kwargs)


def _run(python: str, sources: list[str], origin: str) -> list[tuple[str | None, str]]:
    with tempfile.TemporaryDirectory() as folder:
        blocks, happened = Path(folder, "blocks.json"), Path(folder, "happened.json")
        blocks.write_text(json.dumps(sources), encoding="utf-8")
        keys = {f"{name}_API_KEY": "none" for name in _KEYS}
        urls = {
            "OPENAI_BASE_URL": f"{origin}/v1",
            "ANTHROPIC_BASE_URL": origin,
            "GOOGLE_GEMINI_BASE_URL": origin,
            "DEEPSEEK_BASE_URL": f"{origin}/v1",
            "GROQ_BASE_URL": origin,
            "CEREBRAS_BASE_URL": origin,
            "CO_API_URL": origin,
            "PYTHONWARNINGS": "ignore",
        }
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - the examples of a page that the caller chose
                [python, "-c", _RUNNER, str(blocks), str(happened), origin],
                cwd=folder,
                env={**os.environ, **keys, **urls},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PAGE_S,
                check=False,
            )
        done = json.loads(happened.read_text(encoding="utf-8")) if happened.exists() else []
    rest: list[Any] = [["Timeout: or the process ended", ""]] * (len(sources) - len(done))
    return [(error, printed) for error, printed in [*done, *rest]]


_KEYS = (
    *("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "MISTRAL", "GROQ", "COHERE", "CO", "CEREBRAS"),
    *("FIREWORKS", "DEEPSEEK", "OPENROUTER", "WRITER", "XAI", "PERPLEXITY", "TOGETHER"),
    *("ANYSCALE", "AZURE_OPENAI"),
)


def _changed(source: str) -> str:
    """Change the import, and nothing else."""

    def change(match: re.Match[str]) -> str:
        space, word, rest = match.groups()
        if word == "import" and not rest:
            return f"{space}import partialfast as instructor"
        return f"{space}{word} partialfast"

    # `import instructor as x` would become one with two names.
    return re.sub(
        r"import partialfast as instructor(\s+as\s)",
        r"import partialfast\1",
        _IMPORT.sub(change, source),
    )


def _rows(folder: Path, python: str) -> Iterator[Row]:
    with replay.serve({"text": "{}"}) as server:
        for page in [folder / "README.md", *sorted(folder.glob("docs/**/*.md"))]:
            text = page.read_text(encoding="utf-8")
            sources = [textwrap.dedent(match[2]) for match in _BLOCK.finditer(text)]
            streams = [n for n, each in enumerate(sources) if _STREAMS.search(each)]
            if not streams or "instructor" not in "".join(sources):
                continue
            theirs = _run(python, sources, server.origin)
            ours = _run(sys.executable, [_changed(each) for each in sources], server.origin)
            for number in streams:
                same = _last(theirs[number][1]) == _last(ours[number][1])
                name = str(page.relative_to(folder))
                row = Row(name, number + 1, theirs[number][0], ours[number][0], same)
                print(row, file=sys.stderr, flush=True)  # noqa: T201 - it takes long
                yield row


def _last(printed: str) -> str:
    """Give the last line that was printed, without what differs from run to run."""
    lines = [line for line in printed.splitlines() if line.strip()]
    return re.sub(r"\d+\.\d+|0x\w+|\s+", " ", lines[-1]).strip() if lines else ""


def _page(rows: Sequence[Row]) -> str:
    run = [row for row in rows if row.theirs is None]
    fine = [row for row in run if row.ours is None]
    text = _HEAD.format(
        blocks=len(rows), run=len(run), fine=len(fine), same=sum(row.same for row in fine)
    )
    for row in rows:
        theirs = "yes" if row.theirs is None else f"no: {_short(row.theirs)}"
        ours = "yes" if row.ours is None else f"no: {_short(row.ours)}"
        same = ("yes" if row.same else "no") if row in fine else ""
        text += f"| {row.page} | {row.number} | {theirs} | {ours} | {same} |\n"
    return text


def _short(error: str) -> str:
    return error.splitlines()[0][:80].replace("|", "\\|").replace("<", "&lt;")


_HEAD = """# The streaming examples of instructor's documentation

Each Python block that streams in the documentation of instructor 1.17.0, as its source distribution
on PyPI has it, was run as it stands, and with nothing but the import changed, one block of a page
after the other in one namespace, against a server on loopback whose answers are made up from the
schema in the request. `make test-instructor` does it again and writes this page.

**{blocks} blocks stream; {run} of them run offline under instructor; {fine} of these run with the
import changed**, and {same} print the same last line. Where it differs, the request was another
one, and so was the made-up answer (a choice of types is asked for as functions here), or the
program prints snapshots, whose `repr` says what is still open. What does not run under instructor
needs a module, a file, a network or a name that the page does not define.

| page | block | under instructor | import changed | same last line |
| --- | --- | --- | --- | --- |
"""


if __name__ == "__main__":
    _app.__dict__["respond"] = _planned
    sys.stdout.write(_page(list(_rows(Path(sys.argv[1]), sys.argv[2]))))
