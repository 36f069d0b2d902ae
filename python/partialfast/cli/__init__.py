"""The command ``partialfast``, where the leaves of the package meet; one file a subcommand."""

from __future__ import annotations

from partialfast.cli._main import COMMANDS, Command, main

__all__ = ["COMMANDS", "Command", "main"]
