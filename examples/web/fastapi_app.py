"""Three pages of one answer: plain JavaScript, React without a build step, htmx.

    pip install 'partialfast[web]' fastapi uvicorn
    uvicorn --app-dir examples/web fastapi_app:app
    # http://127.0.0.1:8000/plain.html, /react.html and /htmx.html

The model is the one that OPENAI_BASE_URL and OPENAI_API_KEY name; `partialfast replay meeting
--port 8001 --rate 60` plays one.
"""

import html
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from openai import AsyncOpenAI
from pydantic import BaseModel

import partialfast as pf
from partialfast.web import Hub, module, sse
from partialfast.web.wires import snapshots


class User(BaseModel):
    name: str
    email: str
    twitter: str


class Meeting(BaseModel):
    users: list[User]
    date: str
    location: str
    budget: int
    deadline: str


app = FastAPI()
app.add_route("/partialfast.js", module)
client = pf.from_openai(AsyncOpenAI(), model="gpt-4o-mini")


def ask(text: str) -> Any:
    return client.create_partial(
        response_model=Meeting,
        messages=[{"role": "user", "content": f"Get the meeting from: {text}"}],
    )


@app.post("/meeting")
async def meeting(text: str = "the meeting") -> Response:
    """One answer for one browser, as ops."""
    return sse(ask(text))


def rows(value: Any) -> str:
    """Draw the value as HTML. What the model writes is text: it has to be escaped."""

    def cell(item: Any) -> str:
        if isinstance(item, dict):
            return "<br>".join(html.escape(str(each)) for each in item.values())
        if isinstance(item, list):
            return "".join(f"<p>{cell(each)}</p>" for each in item)
        return html.escape(str(item))

    pairs = value.items()
    return "".join(f"<dt>{html.escape(name)}</dt><dd>{cell(item)}</dd>" for name, item in pairs)


@app.get("/meeting.html")
async def meeting_html(text: str = "the meeting") -> Response:
    """The same as pieces of HTML, for htmx."""
    return sse(ask(text), wire=snapshots.Wire(render=rows))


hubs: dict[str, Hub] = {}


@app.get("/shared/{name}")
async def shared(name: str) -> Response:
    """One answer for all who look at it; it goes on for a minute when nobody does."""
    if name not in hubs or hubs[name].outcome is not None:
        hubs[name] = Hub(ask(name), linger=60)
    return sse(hubs[name])


app.mount("/", StaticFiles(directory=Path(__file__).parent / "pages"))
