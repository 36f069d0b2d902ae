"""A widget for notebooks (Jupyter, Colab, marimo) that fills in while the model writes.

    pip install partialfast anywidget

    from notebook_widget import AnswerWidget
    widget = AnswerWidget()
    display(widget)
    await widget.follow(client.create_partial(response_model=Meeting, messages=messages))

The kernel sends the data of the wire's events as they are; the widget applies them with the browser
module.
"""

from typing import Any

import anywidget

from partialfast.web import MODULE, events

_RENDER = """
export default {
  render({ model, el }) {
    const pre = document.createElement("pre");
    el.append(pre);
    let [value, path] = [undefined, []];
    model.on("msg:custom", ({ data, end }) => {
      if (end) {
        const { outcome, message } = JSON.parse(data);
        pre.dataset.outcome = outcome;
        if (outcome !== "complete") pre.append(`\\n${message}`);
        return;
      }
      ({ value, path } = apply(value, path, data));
      pre.textContent = JSON.stringify(value, null, 2);
    });
  },
};
"""


class AnswerWidget(anywidget.AnyWidget):
    """Shows an answer while it is written."""

    # One module: the browser's side of the wire, and what draws.
    _esm = MODULE.read_text(encoding="utf-8") + _RENDER

    async def follow(self, stream: Any) -> None:
        """Show a stream of an async client's, or any source of ops, until it ends."""
        async for event in events(stream):
            if event.data is not None:
                ending = getattr(event, "event", None) == "end"
                self.send({"data": event.data, "end": ending})
