"""The page of ``partialfast demo --web``, and the server that answers it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from partialfast.demo._endpoint import DemoEndpoint
from partialfast.demo._meeting import PROMPT, MeetingInfo

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["run_web", "web_app"]

_LOOPBACK: Final = "127.0.0.1"
_FILES: Final = Path(__file__).with_name("web")
_MOST_PROMPT: Final = 100_000


def web_app(endpoint: DemoEndpoint, *, editable: bool) -> Starlette:
    """Make the application.

    Args:
        endpoint: Where the model is.
        editable: Whether the page lets one change what the model is asked.

    Returns:
        An ASGI application with the page at ``/``.

    Raises:
        ImportError: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette  # noqa: PLC0415 - of the extra `demo`
        from starlette.requests import Request  # noqa: PLC0415
        from starlette.responses import FileResponse, JSONResponse, Response  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    from openai import AsyncOpenAI  # noqa: PLC0415 - heavy

    import partialfast as pf  # noqa: PLC0415 - the package itself, for its lazy names
    from partialfast import web  # noqa: PLC0415

    arguments = endpoint.asked
    client: Any
    if endpoint.provider is not None:
        client = endpoint.client(is_async=True)
    else:
        sdk = AsyncOpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key)
        client = pf.from_openai(sdk, endpoint.mode or pf.Mode.TOOLS)
        arguments = {"model": endpoint.model, **arguments}

    async def answer(request: Request) -> Response:
        body = await request.body()
        text = body[:_MOST_PROMPT].decode(errors="replace") if editable else ""
        stream = client.create_partial(
            response_model=MeetingInfo,
            messages=[{"role": "user", "content": text or PROMPT}],
            **arguments,
        )
        # It is the user's own machine, so the user may see what the server said.
        return web.sse(stream, expose_errors=True)

    async def form(_: Request) -> Response:
        where = endpoint.place
        return JSONResponse(
            {
                "schema": MeetingInfo.model_json_schema(),
                "title": "meeting",
                "prompt": PROMPT,
                "editable": editable,
                "where": f"{endpoint.model} at {where}" if editable else "a recording, replayed",
            }
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with client:
            yield

    def file(name: str, media_type: str) -> Route:
        async def serve(_: Request) -> Response:
            return FileResponse(_FILES / name, media_type=media_type)

        return Route(f"/{name}" if name != "index.html" else "/", serve)

    return Starlette(
        lifespan=lifespan,
        routes=[
            file("index.html", "text/html"),
            file("demo.css", "text/css"),
            file("demo.js", "text/javascript"),
            Route("/partialfast.js", web.module),
            Route("/form.json", form),
            Route("/answer", answer, methods=["POST"]),
        ],
    )


def run_web(
    endpoint: DemoEndpoint, *, port: int, editable: bool, ready: Callable[[str], None]
) -> None:
    """Serve the page on loopback until interrupted.

    Args:
        endpoint: Where the model is.
        port: The port; 0 for a free one.
        editable: Whether the page lets one change what the model is asked.
        ready: Called with the page's address when it can be opened.

    Raises:
        ImportError: Starlette or uvicorn is not installed.
        OSError: The port is taken.
    """
    app = web_app(endpoint, editable=editable)
    try:
        import uvicorn  # noqa: PLC0415 - of the extra `demo`
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    with socket.create_server((_LOOPBACK, port)) as listener:
        # Nothing is loaded for WebSockets, which are not spoken.
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, ws="none")
        ready(f"http://{_LOOPBACK}:{listener.getsockname()[1]}/")
        asyncio.run(uvicorn.Server(config).serve([listener]))


def _missing(error: ModuleNotFoundError) -> ImportError:
    return ImportError(
        f'the page needs {error.name}, which is not installed: pip install "partialfast[demo]"',
        name=error.name,
    )
