"""Types of every kind that pydantic validates, drawn with documents for them.

``cases()`` draws a type and a text. `scalars` has the types without parts, `_containers` those that
hold values of other types, `_objects` those with fields; `_code` stands in for a user's validators
and serializers, and tells when one of them meets a hole.
"""

from ._case import Case, cases
from ._code import HoleError, calls, watching
from ._look import check_growth, instances, members, picture
from ._shown import check_shown, shown_types
from ._spec import Feature, Spec, annotated, generic

__all__ = [
    "Case",
    "Feature",
    "HoleError",
    "Spec",
    "annotated",
    "calls",
    "cases",
    "check_growth",
    "check_shown",
    "generic",
    "instances",
    "members",
    "picture",
    "shown_types",
    "watching",
]
