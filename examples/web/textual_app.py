"""A form in the terminal with Textual that fills in while the model writes.

    pip install partialfast textual
    python examples/web/textual_app.py

In a terminal there is no wire: snapshots are all it needs.
"""

from openai import AsyncOpenAI
from pydantic import BaseModel
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Footer, Header, Static

import partialfast as pf


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


class MeetingApp(App[None]):
    TITLE = "Meeting"
    BINDINGS = [("a", "ask", "Ask again"), ("q", "quit", "Quit")]  # noqa: RUF012 - as Textual has it
    CSS = "Static { margin: 0 2; } #said { color: $success; margin-top: 1; }"

    def compose(self) -> ComposeResult:
        yield Header()
        # What the model writes is text, never Textual's markup.
        yield Vertical(*(Static(id=name, markup=False) for name in [*Meeting.model_fields, "said"]))
        yield Footer()

    def on_mount(self) -> None:
        self.action_ask()

    def action_ask(self) -> None:
        # A worker that is asked again stops the one before, which closes its response.
        self.run_worker(self.ask(), exclusive=True)

    async def ask(self) -> None:
        said = self.query_one("#said", Static)
        said.update("")
        async with pf.from_openai(AsyncOpenAI(), model="gpt-4o-mini") as client:
            stream = client.create_partial(
                response_model=Meeting, messages=[{"role": "user", "content": "the meeting"}]
            )
            try:
                async for snapshot in stream:
                    self.show(snapshot)
                said.update("The answer is complete.")
            except pf.StreamError as error:
                said.update(str(error))

    def show(self, snapshot: Meeting) -> None:
        for name in Meeting.model_fields:
            value = getattr(snapshot, name)
            if name == "users":
                value = "".join(f"\n  {user.name or ''} {user.email or ''}" for user in value or [])
            self.query_one(f"#{name}", Static).update(f"{name}: {value or '…'}")


if __name__ == "__main__":
    MeetingApp().run()
