"""The types of the browser module, as TypeScript's own compiler reads them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from partialfast.web import TYPES

TSC = shutil.which("tsc")

pytestmark = pytest.mark.skipif(TSC is None, reason="no tsc (Debian's package node-typescript)")

# All that the page on the module shows, with the types that a program gets.
USE = """
import { Answer, apply, isComplete } from "./partialfast.js";
import type { Options, Outcome, Partial, Path, State } from "./partialfast.js";

interface User { name: string; tags: string[] }
interface Meeting { users: User[]; budget: number }

const options: Options = { method: "POST", body: "{}", reconnect: 3, fetch };
const answer = new Answer<Meeting>("/meeting", options);
const stop: () => void = answer.subscribe((state: State<Meeting>) => {
  const users: readonly Partial<User>[] = state.value?.users ?? [];
  const name: string | undefined = users[0]?.name;
  const tag: string | undefined = users[0]?.tags?.[0];
  const outcome: Outcome | null = state.outcome;
  console.log(name, tag, outcome, state.message.length, state.bytes + state.attempts);
});
// What useSyncExternalStore takes.
const store: [(changed: () => void) => () => void, () => State<Meeting>] =
  [answer.subscribe, answer.getSnapshot];
const path: Path = ["users", 0, "name"];
const known: boolean = answer.isComplete(path) && isComplete(answer.state, path);

export async function all(): Promise<Partial<Meeting> | undefined> {
  for await (const value of answer) console.log(value?.budget?.toFixed());
  const { value } = await answer.done;
  stop();
  answer.close();
  const next = apply<Meeting>(value, [], '[0,{}]');
  console.log(store, known, next.path.length);
  return next.value;
}
"""

# Each line is a mistake, and its number is what the compiler says of it.
MISTAKES = {
    "const budget: number = answer.state.value!.budget;": 2322,
    "answer.state.value!.users = [];": 2540,
    "answer.state.outcome === 'done';": 2367,
    "answer.isComplete([true]);": 2322,
    "new Answer('/meeting', { reconnects: 5 });": 2345,
    "answer.state.value!.users![0]!.mail;": 2339,
    "const rejects: Promise<string> = answer.done;": 2322,
}


def compile_(folder: Path, program: str) -> list[tuple[int, int]]:
    """Type-check a program beside the module; give the lines and the numbers of the errors."""
    shutil.copy(TYPES, folder / "partialfast.d.ts")
    (folder / "use.ts").write_text(program, encoding="utf-8")
    options = {
        "lib": ["es2022", "dom", "dom.iterable"],
        "module": "es2022",
        "moduleResolution": "node",
        "noEmit": True,
        "noUncheckedIndexedAccess": True,
        "strict": True,
        "target": "es2022",
        "types": [],
    }
    config = json.dumps({"compilerOptions": options, "files": ["use.ts"]})
    (folder / "tsconfig.json").write_text(config, encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - Debian's compiler, on files of this test's
        [str(TSC), "--project", "tsconfig.json", "--pretty", "false"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # An error without a place, or in the types themselves, is one of this test's.
    found = re.findall(r"^use\.ts\((\d+),\d+\): error TS(\d+)", done.stdout, re.MULTILINE)
    assert len(found) == done.stdout.count("error TS"), done.stdout
    assert (done.returncode == 0) == (not found), done.stdout + done.stderr
    return [(int(line), int(number)) for line, number in found]


def test_only_mistakes_are_errors(tmp_path: Path) -> None:
    begun = len(USE.splitlines()) + 1
    expected = [(begun + at, number) for at, number in enumerate(MISTAKES.values())]
    assert compile_(tmp_path, USE + "\n".join(MISTAKES)) == expected
