"""The same answer from Django, in one file.

pip install partialfast django uvicorn
uvicorn --app-dir examples/web django_app:application
# http://127.0.0.1:8000/
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from openai import AsyncOpenAI
from pydantic import BaseModel

import partialfast as pf
from partialfast.web import MODULE, Events, events

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[])
PAGE = Path(__file__).parent / "pages" / "plain.html"


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


client = pf.from_openai(AsyncOpenAI(), model="gpt-4o-mini")


async def sent(answer: Events) -> AsyncIterator[bytes]:
    try:
        async for event in answer:
            yield bytes(event)
    finally:
        await answer.aclose()


async def meeting(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    text = request.GET.get("text", "the meeting")
    stream: Any = client.create_partial(
        response_model=Meeting, messages=[{"role": "user", "content": text}]
    )
    answer = events(stream)
    # An error before the first byte is the response's status.
    outcome = await answer.start()
    if outcome is not None:
        await answer.aclose()
        return HttpResponse(outcome.message, status=outcome.status)
    return StreamingHttpResponse(sent(answer), headers=dict(answer.headers))


async def page(_: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.read_bytes())


async def module(_: HttpRequest) -> FileResponse:
    return FileResponse(MODULE.open("rb"), content_type="text/javascript")


urlpatterns = [path("", page), path("meeting", meeting), path("partialfast.js", module)]
application = get_asgi_application()
