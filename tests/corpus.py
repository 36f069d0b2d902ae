"""Stream documents of every pydantic model in installed public packages, with pydantic as oracle.

Run by ``make test-corpus``: ``python -m tests.corpus``. `polyfactory` draws the documents as far as
it can, and others are drawn from the JSON schema. Each is streamed whole, byte by byte and at
random cuts, as it was drawn and with one part broken.

Environment:
    MODELS: Only models whose module and name begin with this.
    EXAMPLES: How many documents of each model.
    SEED: Of all that is random.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import random
import re
import sys
import time
import types
import warnings
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

import partialfast as pf
from tests.generation import picture

__all__: list[str] = []

PACKAGES = (
    "openai",
    "anthropic",
    "mcp",
    "google.genai",
    "geojson_pydantic",
    "openapi_pydantic",
    "stac_pydantic",
    "fhir.resources",
    "langchain_core",
    "llama_index.core",
)
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
SEED = int(os.environ.get("SEED", "1"))
ONLY = os.environ.get("MODELS", "")
#: How long a document may be: a random one of a large model has no end.
LONGEST = 20_000


def modules(package: str) -> Iterator[types.ModuleType]:
    """Yield the modules of a package, as far as they can be imported here."""
    try:
        module = importlib.import_module(package)
    except (Exception, SystemExit):  # noqa: BLE001 - an optional dependency is missing, or a script
        return
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
        if found.name.rpartition(".")[2] not in ("__main__", "cli", "tests"):
            yield from modules(found.name)


def models(package: str) -> dict[str, type[BaseModel]]:
    """Return the models that the modules of a package define."""
    found: dict[str, type[BaseModel]] = {}
    for module in modules(package):
        for value in list(vars(module).values()):
            if (
                isinstance(value, type)
                and issubclass(value, BaseModel)
                and value.__module__.startswith(package)
            ):
                name = f"{value.__module__}.{value.__qualname__}"
                if name.startswith(ONLY):
                    found[name] = value
    return found


class Drawer:
    """Draws documents from a JSON schema.

    Args:
        schema: As pydantic makes it.
        source: Of what is random.
    """

    def __init__(self, schema: dict[str, Any], source: random.Random) -> None:
        self._schema = schema
        self._defs = schema.get("$defs", {})
        self._source = source

    def document(self) -> Any:
        return self._draw(self._schema, 0)

    def _draw(self, schema: Any, depth: int) -> Any:
        choose = self._source.choice
        if not isinstance(schema, dict):
            return choose([None, 1, "text", {"a": [1]}])
        if "$ref" in schema:
            return self._draw(self._defs.get(schema["$ref"].rsplit("/", 1)[-1], {}), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return choose(schema["enum"])
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                members = schema[key]
                plain = [m for m in members if m.get("type") not in ("object", "array", None)]
                return self._draw(choose((plain or members) if depth > 5 else members), depth)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = choose(kind)
        draw = getattr(self, f"_{kind}", None)
        return draw(schema, depth) if draw else choose([None, 1, "text", True, [1], {"a": "b"}])

    def _object(self, schema: dict[str, Any], depth: int) -> Any:
        required = schema.get("required", ())
        made = {
            name: self._draw(inner, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or (depth < 5 and self._source.random() < 0.4)
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and depth < 5:
            made["some key"] = self._draw(more, depth + 1)
        elif more is True:
            made["another"] = self._source.choice([1, "x", [None]])
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> Any:
        prefix = [self._draw(inner, depth + 1) for inner in schema.get("prefixItems", ())]
        least = max(schema.get("minItems", 0) - len(prefix), 0)
        count = least + (self._source.randint(0, 2) if depth < 5 else 0)
        if "maxItems" in schema:
            count = min(count, max(schema["maxItems"] - len(prefix), 0))
        return [*prefix, *(self._draw(schema.get("items", {}), depth + 1) for _ in range(count))]

    def _string(self, schema: dict[str, Any], _: int) -> Any:
        formats = {
            "date-time": "2024-02-29T12:30:00Z",
            "date": "2024-02-29",
            "time": "12:30:00",
            "uri": "https://example.org/a?b=c",
            "email": "ada@example.org",
            "uuid": "8b4a6f2e-7f0c-4f6e-9d50-3c7b8f5d2a10",
            "binary": "YWJj",
            "base64url": "YWJj",
            "byte": "YWJj",
            "duration": "P1DT2H",
        }
        if schema.get("format") in formats:
            return formats[schema["format"]]
        words = ["", "Ada", 'a "quoted" text', "日本語", "id", "https://example.org", "1"]
        text: str = self._source.choice(words)
        return (text + "x" * schema.get("minLength", 0))[: schema.get("maxLength", 99)]

    def _integer(self, schema: dict[str, Any], _: int) -> Any:
        return self._source.randint(int(schema.get("minimum", -5)), int(schema.get("maximum", 99)))

    def _number(self, schema: dict[str, Any], depth: int) -> Any:
        return self._source.choice([self._integer(schema, depth), 0.5, 1e3])

    def _boolean(self, *_: Any) -> Any:
        return self._source.random() < 0.5

    def _null(self, *_: Any) -> Any:
        return None


def by_factory(model: type[BaseModel], seed: int) -> Iterator[str]:
    """Yield documents that polyfactory draws, as far as it can."""
    factories: Any = importlib.import_module("polyfactory.factories.pydantic_factory")
    try:
        factory = factories.ModelFactory.create_factory(model, __random_seed__=seed)
        for _ in range(EXAMPLES):
            yield factory.build().model_dump_json(by_alias=True, exclude_none=True, warnings=False)
    except Exception:  # noqa: BLE001 - not every model can be drawn
        return


def by_schema(model: type[BaseModel], source: random.Random) -> Iterator[str]:
    """Yield documents that are drawn from the model's JSON schema, if it has one."""
    try:
        schema = model.model_json_schema()
    except Exception:  # noqa: BLE001 - not every model has a schema
        return
    drawer = Drawer(schema, source)
    for _ in range(EXAMPLES):
        yield json.dumps(drawer.document(), ensure_ascii=False)


def broken(text: str, source: random.Random) -> str:
    """Return the text with one value in it replaced by another."""
    document = json.loads(text)
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        item = pending.pop()
        members = item.items() if isinstance(item, dict) else enumerate(item)
        for key, value in list(members):
            places.append((item, key))
            if isinstance(value, (dict, list)):
                pending.append(value)
    if places:
        holder, key = source.choice(places)
        holder[key] = source.choice([None, "other", -1, [], {}, [1], {"type": "x"}, True])
    return json.dumps(document)


def cuts(text: str, source: random.Random) -> Iterator[list[bytes]]:
    """Yield ways to cut the text."""
    data = text.encode()
    yield [data]
    if len(data) < 2_000:
        yield [data[i : i + 1] for i in range(len(data))]
    at = sorted(source.randrange(len(data) + 1) for _ in range(12))
    yield [data[i:j] for i, j in zip([0, *at], [*at, len(data)], strict=True)]


def outcome(work: Any) -> Any:
    """Return what pydantic, or a stream, makes of a text."""
    try:
        # Some have nothing to show but where they are.
        return "valid", re.sub(r"0x[0-9a-f]+", "0x", repr(picture(work())))
    except ValidationError as error:
        details = error.errors(include_url=False)
        return error.title, [(each["type"], each["loc"], each["msg"]) for each in details]
    except Exception:  # noqa: BLE001 - compared with what pydantic itself does
        # The model's own code fails.
        # Which of the model's own functions fails first depends on what is validated first.
        return "fails", ""


def dump(snapshot: Any) -> None:
    """Use a snapshot as programs do; a warning is an error."""
    repr(snapshot)
    if isinstance(snapshot, BaseModel):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            snapshot.model_dump()
            json.loads(snapshot.model_dump_json())
        assert snapshot == snapshot.model_copy()


def check(model: Any, text: str, source: random.Random) -> str | None:
    """Return what is wrong with how `text` is streamed, if anything is."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    expected = outcome(lambda: adapter.validate_json(text))
    # A default may be the time, or a random identifier.
    is_stable = expected == outcome(lambda: adapter.validate_json(text))
    is_dumped = outcome(lambda: dump(adapter.validate_json(text)))[0] == "valid"
    for chunks in cuts(text, source):
        found = outcome(pf.stream(model, chunks, on_invalid="defer").final)
        if found != expected and (is_stable or found[0] != expected[0]):
            return f"gives {found!r}\n  instead of {expected!r}"
        stream = pf.stream(model, chunks)
        try:
            for snapshot in stream:
                if is_dumped and not stream._state.done:
                    dump(snapshot)
        except ValidationError:
            if expected[0] == "valid":
                return "raises a false alarm"
        except Exception as error:  # noqa: BLE001 - all of it is reported
            if expected[0] != "fails":
                return f"raises {error!r}"
    return None


def texts_of(model: Any, source: random.Random) -> list[str]:
    """Return the documents that are drawn for a model."""
    texts = [*by_factory(model, SEED), *by_schema(model, source)]
    texts = [text for text in texts if len(text) <= LONGEST]
    return texts + [broken(text, source) for text in texts if text[:1] in "[{"]


def try_model(name: str, model: Any) -> tuple[int, str | None]:
    """Stream documents of a model; return how many, and what is wrong with the last one."""
    source = random.Random(f"{SEED} {name}")  # noqa: S311 - a seeded choice of documents
    try:
        _ = TypeAdapter(model).core_schema["type"]
    except Exception:  # noqa: BLE001 - pydantic cannot validate it either
        return 0, None
    texts = texts_of(model, source)
    for count, text in enumerate(texts, 1):
        wrong = check(model, text, source)
        if wrong is not None:
            return count, f"{name}\n  {text}\n  {wrong}"
    return len(texts), None


def main() -> int:
    # The models' own modules and validators have much to say, and turn filters off to say it.
    warnings.simplefilter("ignore")
    warnings.showwarning = lambda *_, **__: None
    failures: list[str] = []
    for package in PACKAGES:
        began = time.monotonic()
        found = models(package)
        documents = 0
        for name, model in sorted(found.items()):
            count, wrong = try_model(name, model)
            documents += count
            if wrong is not None:
                failures.append(wrong)
        took = time.monotonic() - began
        print(f"{package}: {len(found)} models, {documents} documents, {took:.0f} s", flush=True)
    for failure in failures:
        print(failure[:3000])
    print(f"{len(failures)} models fail")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
