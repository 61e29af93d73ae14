"""Types of bodies and answers as JSON Schema, each under the name that readers know it by.

What the front door reads as raw JSON, row by row or later, stands here as the type that it is read as. Answers are left open: a reader
takes fields that it does not know.
"""

import types
import typing
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Meta, Raw, UnsetType

from models.scorecard import Scorecard
from switch.problems.table import PROBLEMS
from switch.reference.http_fields import CHOICES, described
from switch.reference.schema import Struct, named_in, title, type_of
from switch.views.representations import Decision

Schema = dict[str, Any]

_DOCUMENTS: Final[dict[str, Any]] = {
    "CardBacktest.document": Scorecard,
    "CardShown.document": Scorecard,
    "Problem.decision": Decision | None,
}
"""Fields that other pages of the reference describe, and one whose type stands on a floor above."""
_PLAIN: Final[dict[Any, str]] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_ID_CHARACTERS: Final = 36
_TIMES: Final = frozenset({"at", "as_of", "confirm_by", "from", "to"})
"""Fields that are times, beside those that end in `_at`."""


def components(roots: Iterable[Struct]) -> dict[str, Schema]:
    """Schemas by name: of these types and of all that their fields name."""
    found: dict[str, Schema] = {}
    owners: dict[str, Struct] = {}
    waiting = list(roots)
    while waiting:
        struct = waiting.pop()
        name = name_of(struct)
        assert owners.setdefault(name, struct) is struct, f"two types are called {name}"
        if name not in found:
            found[name] = _object(struct)
            waiting += [each for field in msgspec.structs.fields(struct) for each in named_in(_type(struct, field))]
    return dict(sorted(found.items()))


def name_of(struct: Struct) -> str:
    """The name of a type among the components."""
    return "ScorecardDocument" if struct is Scorecard else title(struct)


def reference(struct: Struct) -> Schema:
    """Where the schema of a type stands."""
    return {"$ref": f"#/components/schemas/{name_of(struct)}"}


def _type(struct: Struct, field: Any) -> Any:
    return _DOCUMENTS.get(f"{struct.__name__}.{field.name}") or type_of(struct, field)


def _object(struct: Struct) -> Schema:
    properties, needed = {}, []
    for field in msgspec.structs.fields(struct):
        properties[field.encode_name] = _property(struct, field)
        if field.default is NODEFAULT and field.default_factory is NODEFAULT:
            needed.append(field.encode_name)
        elif not struct.__struct_config__.omit_defaults and not _may_be_absent(field.type) and not _read(struct):
            needed.append(field.encode_name)
    schema: Schema = {"type": "object", "properties": properties}
    if needed:
        schema["required"] = needed
    if _read(struct):
        schema["additionalProperties"] = False
    return schema


def _read(struct: Struct) -> bool:
    return struct.__struct_config__.forbid_unknown_fields


def _may_be_absent(annotation: Any) -> bool:
    return UnsetType in typing.get_args(annotation)


def _property(struct: Struct, field: Any) -> Schema:
    name, path = field.encode_name, f"{title(struct)}.{field.encode_name}"
    schema = schema_of(_type(struct, field))
    text = described(title(struct), name)
    if text and struct is not Scorecard:
        schema["description"] = text
    if path in CHOICES:
        schema["enum"] = list(CHOICES[path])
    elif schema.get("type") in ("string", ["string", "null"]) and (name.endswith("_at") or name in _TIMES):
        schema["format"] = "date-time"
    if path == "Problem.code":
        schema["enum"] = sorted(PROBLEMS)
    return schema


def schema_of(annotation: Any, meta: Meta | None = None) -> Schema:
    """The schema of a value of this type. `meta`: bounds that were written beside it."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return schema_of(parts[0], parts[1])
    if origin in (typing.Union, types.UnionType):
        return _one_of([schema_of(part) for part in parts if part is not UnsetType])
    if origin is typing.Literal:
        return {"enum": list(parts)}
    if origin is list or origin is tuple:
        return {"type": "array", "items": schema_of(parts[0]), **_sizes(meta, "Items")}
    if origin is dict:
        keys = schema_of(parts[0])
        named = {"propertyNames": keys} if len(keys) > 1 else {}
        return {"type": "object", "additionalProperties": schema_of(parts[1]), **named, **_sizes(meta, "Properties")}
    if annotation is Raw or annotation is Any:
        return {}
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return reference(annotation)
    return {"type": _PLAIN[annotation], **_bounds(annotation, meta)}


def _one_of(schemas: list[Schema]) -> Schema:
    plain = [schema for schema in schemas if list(schema) == ["type"]]
    if len(schemas) == 1:
        return schemas[0]
    if len(plain) == len(schemas):
        return {"type": [schema["type"] for schema in schemas]}
    others = [schema for schema in schemas if schema != {"type": "null"}]
    if len(others) == 1 and isinstance(others[0].get("type"), str):
        return {**others[0], "type": [others[0]["type"], "null"]}
    return {"anyOf": schemas}


def _bounds(kind: Any, meta: Meta | None) -> Schema:
    if meta is None:
        return {}
    if kind is not str:
        found = {"minimum": meta.ge, "maximum": meta.le, "exclusiveMaximum": meta.lt}
        return {name: bound for name, bound in found.items() if bound is not None}
    schema = _sizes(meta, "Length")
    if meta.min_length == meta.max_length == _ID_CHARACTERS:
        return {"format": "uuid"}
    if meta.pattern is not None:
        schema["pattern"] = _portable(meta.pattern)
    return schema


def _portable(pattern: str) -> str:
    r"""A pattern as ECMA-262 has it, where $ is the end and nothing before it, and control characters have four digits."""
    return pattern.replace(r"\Z", "$").replace(r"\x", r"\u00")


def _sizes(meta: Meta | None, of: str) -> Schema:
    found = {} if meta is None else {f"min{of}": meta.min_length, f"max{of}": meta.max_length}
    return {name: bound for name, bound in found.items() if bound is not None}
