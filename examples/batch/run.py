"""Extract a meeting from each of 1,000 documents, from a server that plays a recording.

The command that it runs is the one to use with a real server: leave --base-url out for OpenAI's
own, and set OPENAI_API_KEY. Interrupt it with Ctrl-C and run it again: it goes on; with
--overwrite it begins anew.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "meetings.parquet"
PROGRAM = [sys.executable, "-m", "partialfast"]
SOME_FAILED = 3


def main() -> int:
    # Ctrl-C is for the extraction, which ends by itself. The server has to outlive it.
    signal.signal(signal.SIGINT, lambda *_: None)
    # Big pieces, as under load a server sends them; 200 tokens a second for each document.
    replay = [*PROGRAM, "replay", str(HERE / "recording.jsonl"), "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*replay, "--rate", "200", "--chunk", "12"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - for the type checkers
            url = server.stdout.readline().split(" at ")[1].split()[0]
            words = [
                "extract", "--model", f"{HERE}/meeting.py:Meeting",
                "--input", f"{HERE}/documents.jsonl", "--output", str(OUTPUT),
                "--prompt", "Get the meeting from: {text}", "--llm", "gpt-4o-mini",
                "--base-url", url, "--concurrency", "64", "--max-retries", "0",
                *(sys.argv[1:] or ["--resume"]),
            ]  # fmt: skip
            print("$ partialfast", shlex.join(words), flush=True)
            status = subprocess.run([*PROGRAM, *words], check=False).returncode  # noqa: S603
        finally:
            server.terminate()
    if status == SOME_FAILED:
        print("Some answers were not valid, as a model's now and then are not; see the failures.")
        return 0
    return status


sys.exit(main())
