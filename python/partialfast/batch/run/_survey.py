"""Looks at the whole of a job before anything is asked, and at what has changed since."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from partialfast.batch.io._documents import Documents
from partialfast.batch.io._journal import Journal
from partialfast.batch.io._manifest import Manifest, differences
from partialfast.batch.io._rows import misfit
from partialfast.batch.loop._prompt import Message, prompt_characters
from partialfast.batch.loop._protocols import request_digest
from partialfast.batch.loop._result import BatchError, Item

__all__ = ["Survey", "digest_of", "reconcile", "refuse_others", "survey"]

#: Bytes of a request's digest that are kept for each document: enough to tell any two apart.
_DIGEST = 16
#: Settings that are part of every request's messages.
_WORDS = ("prompt", "system", "attach", "split")


@dataclass(slots=True)
class Survey:
    """What a job would do.

    Args:
        first: The first document.
        messages: What would be asked about it.
        digests: Of what would be asked about each document, by its id.
        characters: Of all prompts together.
    """

    first: Item | None = None
    messages: list[Any] = field(default_factory=list)
    digests: dict[str, bytes] = field(default_factory=dict)
    characters: int = 0

    @property
    def count(self) -> int:
        """How many documents there are."""
        return len(self.digests)

    @property
    def fingerprint(self) -> str:
        """What is the same for the same documents, in any order, asked about in the same way."""
        total = sum(int.from_bytes(each, "big") for each in self.digests.values())
        return f"{total % (1 << 8 * _DIGEST):0{2 * _DIGEST}x}"

    def sample(self, size: int) -> frozenset[str]:
        """Choose documents at random."""
        ids = list(self.digests)
        return frozenset(random.sample(ids, min(size, len(ids))))


def digest_of(messages: list[Message]) -> bytes:
    """Give what tells the request about a document from that about another."""
    return request_digest(messages)[:_DIGEST]


def survey(
    documents: Documents, messages: Callable[[Item], list[Message]], *, limit: int | None
) -> Survey:
    """Read all documents and send nothing.

    Args:
        documents: The documents.
        messages: What would be asked about each.
        limit: How many documents at most, from the first.

    Returns:
        What there is.

    Raises:
        BatchError: A document cannot be read or asked about, or has the id of another; or there is
            none.
    """
    found = Survey()
    asked: list[Message] = []

    def check(item: Item) -> None:
        nonlocal asked
        asked = messages(item)

    for item in itertools.islice(documents.items(check), limit):
        if found.first is None:
            found.first, found.messages = item, asked
        found.digests[item.id] = digest_of(asked)
        found.characters += prompt_characters(asked)
    if found.first is None:
        raise BatchError(f"there is no document in {documents.where}")
    return found


def reconcile(  # noqa: PLR0913 - all that two runs can differ in
    journal: Journal,
    manifest: Manifest,
    settings: Mapping[str, Any],
    *,
    model: Any,
    found: Survey | None,
    is_whole: bool,
    accept: bool,
) -> int:
    """Compare a run with what there is of earlier ones, and begin it.

    Args:
        journal: The results that there are.
        manifest: What the earlier runs were.
        settings: What determines the answers of this one.
        model: The type of the values.
        found: All documents, if they can be read twice.
        is_whole: Whether these are all that the input has, rather than its beginning.
        accept: Whether it goes on although something is different.

    Returns:
        The number that the lines of this run bear.

    Raises:
        BatchError: Something is different, and that is not accepted. Nothing was changed.
    """
    if not journal.done and not journal.failed:
        manifest.clear()
        return manifest.begin(settings)
    changes = list(_changes(journal, manifest, settings, found, is_whole=is_whole))
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    unfit = [(id_, why) for id_ in journal.done if (why := _unfit(adapter, journal.line(id_)))]
    if unfit:
        id_, why = unfit[0]
        changes.append(
            f"{len(unfit):,} values are not valid for the model of today, such as that of "
            f"{id_!r}: {why}"
        )
    if not changes:
        return manifest.number
    if not accept:
        raise BatchError(
            f"the results in {journal.path} were made in another way:\n"
            + "".join(f"  {change}\n" for change in changes)
            + "--accept-changes goes on with them all the same, and marks which are which "
            "(values that are not valid any more are asked for again); --overwrite begins anew"
        )
    if unfit:
        dropped = {id_ for id_, _ in unfit}
        journal.forget(lambda line: json.loads(line)["id"] not in dropped)
    return manifest.begin(settings, changes)


def refuse_others(manifest: Manifest) -> None:
    """Make sure that the files beside the output are not those of another output.

    Args:
        manifest: What the earlier runs were.

    Raises:
        BatchError: They are. Nothing was changed.
    """
    if (other := manifest.other_output) is not None:
        raise BatchError(
            f"{manifest.path} and the files beside it belong to {other}, and {manifest.output} "
            "would have the same: give it another name, or another folder; or go on with what they "
            "hold, with --resume --accept-changes"
        )


def _unfit(adapter: TypeAdapter[Any], line: bytes) -> str | None:
    return misfit(adapter, json.loads(line))


def _changes(
    journal: Journal,
    manifest: Manifest,
    settings: Mapping[str, Any],
    found: Survey | None,
    *,
    is_whole: bool,
) -> Iterator[str]:
    before = manifest.settings
    if before is None:
        yield f"there is no {manifest.path.name}, which says how they were made"
        return
    if (other := manifest.other_output) is not None:
        yield f"output: was {other}, is {manifest.output}"
    # As it comes back from its file.
    yield from differences(before, json.loads(json.dumps(settings)))
    if found is None:
        return
    rows = {**journal.done, **journal.failed}
    # What was different in an earlier run was accepted then.
    current = [id_ for id_, row in rows.items() if row.run == manifest.number]
    changed = [
        id_ for id_ in current
        if id_ in found.digests and found.digests[id_] != rows[id_].request
    ]  # fmt: skip
    # If the prompt itself has changed, so has every request.
    same_words = all(before.get(name) == settings.get(name) for name in _WORDS)
    if changed and same_words:
        yield f"{len(changed):,} documents have changed since, such as {changed[0]!r}"
    gone = [id_ for id_ in current if id_ not in found.digests]
    if gone and is_whole:
        yield f"{len(gone):,} documents are not there any more, such as {gone[0]!r}"
