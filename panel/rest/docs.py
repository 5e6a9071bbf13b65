"""The OpenAPI 3.1 document, and a page that shows it: made by the server, so that it works under the strict policy."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView

from panel.pages.access import Page
from panel.rest.permissions import PUBLIC

METHODS = ("get", "post", "put", "patch", "delete")


class SchemaView(SpectacularAPIView):
    """The document itself; it tells nothing about this installation, so nobody has to sign in for it."""

    permissions = {"get": PUBLIC}
    permission_classes: list[Any] = []


class DocumentView(Page):
    """The document for people who signed in."""

    permission_required = ()

    def get(self, request: HttpRequest) -> HttpResponse:
        """Every operation, grouped by resource."""
        document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        about = marked(document["info"]["description"])
        return render(request, "rest/docs.html", {"title": _("REST API"), "about": about, "groups": grouped(document)})


def marked(text: str) -> SafeString:
    """The document's text, escaped, with `this` as code and blank lines between paragraphs."""
    paragraphs = (
        format_html_join("", "{}", ((_code(part) if number % 2 else part,) for number, part in enumerate(parts)))
        for parts in (paragraph.split("`") for paragraph in text.split("\n\n"))
    )
    return format_html_join("\n", "<p>{}</p>", ((paragraph,) for paragraph in paragraphs))


def _code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text)


def grouped(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The document's operations by tag, each with what a page shows of it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["api"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, item[method]))
    return groups


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": marked(operation.get("description", "")),
        "parameters": [
            parameter | {"text": marked(parameter.get("description", ""))}
            for parameter in operation.get("parameters", [])
        ],
        "fields": _fields(document, body.get("application/json", {}).get("schema")),
        "media_types": list(body),
        "examples": _examples(body),
        "answers": [
            {"status": status, "text": answer.get("description", ""), "examples": _examples(answer.get("content", {}))}
            for status, answer in sorted(operation.get("responses", {}).items())
        ],
    }


def _examples(content: dict[str, Any]) -> list[str]:
    """The JSON examples of a request's or an answer's content, indented."""
    examples = content.get("application/json", {}).get("examples", {}).values()
    return [json.dumps(example["value"], indent=2, ensure_ascii=False) for example in examples]


def _fields(document: dict[str, Any], schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A request's members: name, type, whether it must be given, and what it means."""
    if schema is None:
        return []
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _type(document, value),
            "required": name in required,
            "text": marked(value.get("description", "")),
        }
        for name, value in schema.get("properties", {}).items()
    ]


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    kind = _resolved(document, schema).get("type", "object")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a `$ref` names."""
    if reference := schema.get("$ref"):
        resolved: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
        return resolved
    return schema
