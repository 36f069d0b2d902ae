"""Instructor's modules, for programs in which nothing but the import was changed.

``from instructor.dsl.partial import Partial`` becomes ``from partialfast.dsl.partial import
Partial``. None of these modules is a file: each is made when it is imported, and its names are
those of `partialfast`, or refused as there.
"""

from __future__ import annotations

import sys

# Nothing that takes long to load: this module comes with each import of the package.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["MODULES", "Finder", "install"]

#: Modules of instructor's that have no counterpart here, with all below them.
MODULES = frozenset({
    "auto_client", "cache", "client", "core", "distil", "dsl", "function_calls", "hooks", "mode",
    "models", "multimodal", "patch", "process_response", "processing", "retry", "templating",
    "utils", "v2", "validation", "validators",
})  # fmt: skip

#: Its modules in packages that exist here as well.
_INSIDE = {
    "batch": "models processor providers providers.anthropic providers.base providers.openai "
    "request utils",
    "providers": "anthropic.client anthropic.utils bedrock.client bedrock.utils cerebras "
    "cerebras.client cerebras.utils cohere.client cohere.utils fireworks fireworks.client "
    "fireworks.utils gemini gemini.client gemini.utils genai genai.client genai.utils groq "
    "groq.client mistral.client mistral.utils openai.utils perplexity perplexity.client "
    "perplexity.utils vertexai vertexai.client vertexai.utils writer writer.client writer.utils "
    "xai.client xai.utils",
}
_EXACT = {f"{package}.{name}" for package, names in _INSIDE.items() for name in names.split()}

_PACKAGE = __name__.partition(".")[0]


class Finder:
    """Finds the modules that instructor has and this package does not.

    Not a subclass of importlib's classes, whose module takes longer to import than this package. It
    stands at the end of ``sys.meta_path``, so that it is only asked for what does not exist.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of instructor's.

        Args:
            fullname: Its name, with ``partialfast`` in the place of ``instructor``.
            path: Where its parent is.
            target: Not looked at.

        Returns:
            The spec; ``None`` for any other module.
        """
        del path, target
        package, _, rest = fullname.partition(".")
        known = rest in _EXACT or (rest.partition(".")[0] in MODULES and "._" not in rest)
        if package != _PACKAGE or not known:
            return None
        from importlib.machinery import ModuleSpec  # noqa: PLC0415 - see above

        loader: Any = self
        return ModuleSpec(fullname, loader, is_package=True)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make the module.

        Args:
            spec: What was found.
        """

    def exec_module(self, module: ModuleType) -> None:
        """Give the module the names of `partialfast`.

        Args:
            module: The module.
        """

        def named(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            package = sys.modules[_PACKAGE]
            if name in package.__all__:
                return getattr(package, name)
            from partialfast._hints import missing_name  # noqa: PLC0415 - for a name that is not there

            raise missing_name(module.__name__, name)

        module.__getattr__ = named  # type: ignore[method-assign]


def install() -> None:
    """Add the finder, once."""
    if not any(isinstance(each, Finder) for each in sys.meta_path):
        sys.meta_path.append(Finder())
