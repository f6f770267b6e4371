"""The manual of the API: its OpenAPI document as a page without script. Pure.

Not FastAPI's own page: that loads Swagger UI from another host and starts it by an inline script,
which the site's Content-Security-Policy forbids. Knows OpenAPI as FastAPI writes it, no handler.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from panel.foundation.slug import slug

Spec = Mapping[str, Any]

GROUPS: Final = {
    "Verdicts": "What the panel says about tools.",
    "Votes": "What the community says, signed-in and anonymous voters apart.",
    "Requests": "Requested reviews.",
    "Moderation": "For whoever runs this site.",
}


@dataclass(frozen=True)
class Field:
    """One parameter of a call, or one field of a shape."""

    name: str
    type: str
    text: str
    place: str = ""
    required: bool = False


@dataclass(frozen=True)
class Answer:
    """What a call can answer with."""

    status: str
    text: str
    type: str
    anchor: str | None
    """Where the type is explained on the page."""


@dataclass(frozen=True)
class Call:
    """One address with one method."""

    id: str
    method: str
    path: str
    summary: str
    needs_key: bool
    parameters: tuple[Field, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Group:
    """Calls about one matter."""

    id: str
    name: str
    text: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Shape:
    """A type that calls take or answer with."""

    name: str
    anchor: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Manual:
    """The whole page."""

    openapi: str
    version: str
    example: str
    groups: tuple[Group, ...]
    shapes: tuple[Shape, ...]


def manual(spec: Spec, *, address: str) -> Manual:
    """Return the page of an OpenAPI document, for an API below `address`."""
    calls = list(_calls(spec))
    schemas = spec.get("components", {}).get("schemas", {})
    return Manual(
        openapi=spec["openapi"],
        version=spec["info"]["version"],
        example=f"{address}/api/verdicts?outcome=ship&limit=5",
        groups=tuple(
            Group(slug(f"api {name}"), name, text, tuple(c for tag, c in calls if tag == name))
            for name, text in GROUPS.items()
        ),
        shapes=tuple(_shape(name, schema) for name, schema in schemas.items()),
    )


def _calls(spec: Spec) -> Iterator[tuple[str, Call]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            yield (
                operation["tags"][0],
                Call(
                    id=slug(f"call {name}"),
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    needs_key=bool(operation.get("security")),
                    parameters=(*_parameters(operation), *_body(operation)),
                    answers=tuple(_answers(operation)),
                ),
            )


def _parameters(operation: Spec) -> Iterator[Field]:
    for parameter in operation.get("parameters", ()):
        yield Field(
            name=parameter["name"],
            type=_type(parameter["schema"]),
            text=parameter.get("description", ""),
            place=parameter["in"],
            required=parameter.get("required", False),
        )


def _body(operation: Spec) -> Iterator[Field]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        kind = _type(media["schema"])
        yield Field(kind, "JSON", "the request's body; see Shapes", "body", required=True)


def _answers(operation: Spec) -> Iterator[Answer]:
    for status, response in operation["responses"].items():
        if response.get("description") == "Validation Error":
            continue  # FastAPI's own shape, which is never sent here
        schema = next((c.get("schema") for c in response.get("content", {}).values()), None)
        kind = _type(schema) if schema else ""
        anchor = _anchor(_named(schema)) if schema and _named(schema) else None
        text = (
            "Done." if response["description"] == "Successful Response" else response["description"]
        )
        yield Answer(status, text, kind, anchor)


def _shape(name: str, schema: Spec) -> Shape:
    required = frozenset(schema.get("required", ()))
    fields = tuple(
        Field(field, _type(value), _first(value.get("description", "")), required=field in required)
        for field, value in schema.get("properties", {}).items()
    )
    return Shape(name, _anchor(name), _first(schema.get("description", "")), fields)


def _anchor(name: str) -> str:
    return slug(f"shape {name}")


def _named(schema: Spec) -> str:
    """Return the name of the shape that a schema, or each item of its list, is; "" for none."""
    inner = schema.get("items", schema)
    return str(inner.get("$ref", "")).rpartition("/")[2]


def _type(schema: Spec) -> str:
    if "$ref" in schema:
        return _named(schema)
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(_type(choice) for choice in choices))
    return _plain(schema)


def _plain(schema: Spec) -> str:
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else _row(schema)
    if kind == "object" and isinstance(values := schema.get("additionalProperties"), dict):
        return f"object of {_type(values)}"
    if kind == "string" and schema.get("format") == "date-time":
        return "time"
    if kind == "string" and schema.get("format") == "date":
        return "date"
    return str(kind)


def _row(schema: Spec) -> str:
    parts: Sequence[Spec] = schema.get("prefixItems", ())
    return f"({', '.join(_type(part) for part in parts)})" if parts else "list"


def _first(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ")
