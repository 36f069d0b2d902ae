"""The wires, one module each: ``ops`` is `partialfast.web.wires.ops`, and so on."""
