"""The tracing tools, one module each, with a `tests.observers.tool.Tool` called ``Observer``."""
