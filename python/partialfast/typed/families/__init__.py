"""How each family of core schemas becomes nodes: one file each, which registers itself."""

from partialfast.typed.families import (
    classes,
    functions,
    mappings,
    named_tuples,
    root_models,
    scalars,
    sequences,
    typed_dicts,
    unions,
    wrappers,
)

__all__ = [
    "classes",
    "functions",
    "mappings",
    "named_tuples",
    "root_models",
    "scalars",
    "sequences",
    "typed_dicts",
    "unions",
    "wrappers",
]
