"""The nodes of a plan: what the builder does at each place of the document.

A node says for each kind of JSON value what it turns into. The words stand here once, as literals
that the type checker holds the compiler to; `rust/python/src/plan/read.rs` is their one reader, and
`tests/typed/test_nodes.py` holds its tables to these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from partialfast.typed._dumping import FieldDump, ValueDump

__all__ = [
    "Action",
    "Alternative",
    "Array",
    "Choose",
    "Close",
    "Compound",
    "Default",
    "Field",
    "Flavor",
    "Goto",
    "ItemHolder",
    "JsonKind",
    "Key",
    "Map",
    "Node",
    "Object",
    "Simple",
    "Tagged",
    "UnionTarget",
    "Unknown",
]

#: The kinds of JSON values, in the order in which a node lists its actions.
JsonKind = Literal["object", "array", "string", "integer", "float", "bool", "null"]

#: What becomes of a value that has no parts, or is not shown:
#:
#: ``take``           the native value is final (a JSON integer for ``int``);
#: ``widen``          the same, as a float;
#: ``text``           a string, shown while open;
#: ``text-validate``  the same, validated when complete;
#: ``validate``       absent until complete, then validated from its own bytes;
#: ``hide``           absent until the enclosing value is complete.
Simple = Literal["take", "widen", "text", "text-validate", "validate", "hide"]

#: What else becomes of a value; each word has a class below.
Compound = Literal["goto", "object", "root", "map", "array", "tagged", "choose"]

#: What a container does when it is complete:
#:
#: ``keep``   nothing: its items were validated one by one;
#: ``shell``  validate the whole, but not the items again;
#: ``raw``    validate it from its own bytes;
#: ``build``  put it together of its parts, if all are there: that is all that pydantic would do;
#: ``leave``  it can only be validated with what encloses it.
Close = Literal["keep", "shell", "raw", "build", "leave"]

#: How an instance is made. A ``slotted`` one is a dataclass with ``__slots__``.
Flavor = Literal["model", "dataclass", "slotted", "typed-dict", "named-tuple"]

#: What an absent field reads as: what the template has, a copy of that, or a new container.
Default = Literal["shared", "copy", "make"]

#: What becomes of a key that belongs to no field; a number is the node of its value.
Unknown = Literal["ignore", "forbid", "validate"]

#: How an array is held. The items of ``items`` are handed out one by one; ``other`` is made by a
#: function.
ItemHolder = Literal["list", "tuple", "set", "frozenset", "other", "items"]

#: A union member as pydantic names it in the location of an error, or a function that tells.
Label: TypeAlias = "str | int | Callable[[], str] | None"


@dataclass(slots=True)
class Goto:
    """Do what another node says: the only member of a union that accepts this kind."""

    action: ClassVar[Literal["goto"]] = "goto"
    node: int
    label: Label


class Field:
    """A field of an object.

    Args:
        name: Its name in the instance.
        node: What its value is.
        how: What it reads as while it is absent.
        default: What is copied, or the class of the container that is made.
    """

    __slots__ = ("default", "how", "name", "node")

    def __init__(self, name: str, node: int, how: Default = "shared", default: Any = None) -> None:
        self.name = name
        self.node = node
        self.how: Default = how
        self.default = default


@dataclass(slots=True)
class Key:
    """What a key of the document belongs to.

    Attributes:
        key: As the document has it.
        field: The index of its field; ``None`` where it takes the whole object to read it.
        lenient: Another key would be preferred, so this one's value proves nothing.
        contested: It takes the whole object to say what becomes of it.
        location: What pydantic calls it in the location of an error, where that is not the key.
    """

    key: str
    field: int | None
    lenient: bool
    contested: bool
    location: str | None = None


@dataclass(slots=True)
class Object:
    """An object with fields, shown as an instance while it is open.

    Attributes:
        action: ``root`` for a root model: an instance around a value that is not an object.
        flavor: How an instance is made.
        fields: In declared order.
        keys: What each key belongs to.
        template: What each field reads as while it is absent, in declared order.
        unknown: What becomes of other keys.
        required: Indices of the fields that a complete object has received.
        partial: The class of open instances.
        complete: The class itself.
        dumps: Tells how each of `fields` is dumped, when an op first needs it.
        prepare: Builds what dumps instances of `partial`; called before the first of them is made.
        has_extra: Whether what no field has is kept apart from the fields.
        reusable: Whether an instance that nobody sees any more may be brought up to date and handed
            out again: it has room for nothing but its fields and the set of these.
        private: What private attributes read as; ``None`` where the class has none.
        received: The descriptor of the slot of `partial` with the names of the fields received.
        members: The descriptors of a model's other slots: extra, private, the open mark.
    """

    action: Literal["object", "root"]
    flavor: Flavor
    fields: list[Field]
    keys: list[Key]
    template: dict[str, Any]
    unknown: Unknown | int
    required: Sequence[int]
    partial: Any
    complete: Any
    dumps: Callable[[], list[FieldDump]] = field(kw_only=True)
    prepare: Callable[[], None] | None = None
    has_extra: bool = False
    reusable: bool = False
    private: dict[str, Any] | None = None
    received: Any = None
    members: tuple[Any, ...] | None = None


@dataclass(slots=True)
class Map:
    """A dict, shown while it is open.

    Attributes:
        values: What its values are.
        keys: Makes the validator of a dict with such keys; ``None`` for plain strings.
        dumped_keys: Makes the ``to_python`` of such a dict; ``None`` where keys are dumped as they
            are.
        make: Makes the container of a dict; ``None`` for ``dict`` itself.
        grows: Whether what `make` makes is filled by assignment and holds nothing else, so that one
            that nobody sees any more may be brought up to date and handed out again.
    """

    action: ClassVar[Literal["map"]] = "map"
    values: int
    keys: Callable[[], Any] | None = None
    dumped_keys: Callable[[], Any] | None = None
    make: Callable[[Any], Any] | None = None
    grows: bool = False


@dataclass(slots=True)
class Array:
    """A sequence, shown while it is open.

    Attributes:
        items: How it is held.
        first: What its first items are.
        rest: What all the others are; ``None`` where there may be none.
        make: Makes the container of a list, for ``other``.
        grows: Whether what `make` makes is filled by ``append`` and holds nothing else.
        least: How many items a complete one has at least; ``None`` for one for each of `first`.
    """

    action: ClassVar[Literal["array"]] = "array"
    items: ItemHolder
    first: Sequence[int] = ()
    rest: int | None = None
    make: Callable[[Any], Any] | None = None
    grows: bool = False
    least: int | None = None


@dataclass(slots=True)
class UnionTarget:
    """Where a decided union goes on."""

    node: int
    label: Label


@dataclass(slots=True)
class Tagged:
    """A union whose member a tag tells: absent until then.

    Attributes:
        keys: Where the tag may stand.
        members: By tag.
    """

    action: ClassVar[Literal["tagged"]] = "tagged"
    keys: list[str]
    members: dict[Any, UnionTarget]


@dataclass(slots=True)
class Alternative:
    """What tells an object of one member from those of the others.

    Attributes:
        target: The member.
        forbid: Whether a key that it does not have excludes it.
        keys: The keys that it has.
        tags: By key, the only scalars that it takes there.
    """

    target: UnionTarget
    forbid: bool
    keys: list[str]
    tags: dict[str, list[Any]]


@dataclass(slots=True)
class Choose:
    """A union whose member the keys and literals tell that were read: absent until then."""

    action: ClassVar[Literal["choose"]] = "choose"
    members: list[Alternative]


Action: TypeAlias = "Simple | Goto | Object | Map | Array | Tagged | Choose"


@dataclass(slots=True)
class Node:
    """What becomes of a value, by the kind of JSON that it is.

    Attributes:
        on: An action for each kind.
        validator: Makes the ``validate_json`` of the value.
        close: What a container does when it is complete.
        shell: Makes the ``validate_python`` of a container whose items are valid.
        plain: No code of the user's has a part in it, at any depth.
        tentative: Code of the user's may still rewrite what is inside: show it, and validate
            nothing in there.
        omit: An invalid value is left out silently (``OnErrorOmit``).
        names_member: The errors of `validator` name the union members in their locations already.
        dump: Tells how the value is dumped, when an op first needs it.
        help: Tells what lenient reading may know of the value, a `Help`.
        deferred: It cannot be validated without its siblings. For the compiler only.
    """

    on: Mapping[JsonKind, Action]
    validator: Callable[[], Any]
    close: Close = "raw"
    shell: Callable[[], Any] | None = None
    plain: bool = False
    tentative: bool = False
    omit: bool = False
    names_member: bool = False
    dump: Callable[[], ValueDump] | None = None
    help: Callable[[], Any] | None = field(default=None, repr=False)
    deferred: bool = field(default=False, repr=False)
