# SPDX-License-Identifier: MIT
"""
The part of JSON Schema and OpenAPI 3.1 that our own description uses. A keyword that is not
known here is an error, so that nothing in the description goes unchecked.
"""
import json
import re

SILENT = {"description", "title", "example", "examples", "default", "format", "deprecated",
          "contentEncoding", "contentMediaType", "$comment", "readOnly", "writeOnly", "summary"}


class Mismatch(AssertionError):
    pass


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[name])


class Description:
    """An OpenAPI document, and the answers that are to agree with it."""

    def __init__(self, document):
        self.document = document
        self.templates = []
        for path, item in document["paths"].items():
            pattern = re.escape(path).replace(r"\{path\}", ".+")
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
            self.templates.append((re.compile(pattern + r"\Z"), path, item))
        # literal paths before those with parameters
        self.templates.sort(key=lambda t: t[1].count("{"))
        self.seen = set()

    def operation(self, method, target):
        path = target.split("?", 1)[0]
        for pattern, name, item in self.templates:
            if pattern.match(path):
                if method.lower() not in item:
                    raise Mismatch(f"{method} {name} is not described")
                return name, item[method.lower()]
        raise Mismatch(f"{method} {path} is not described")

    def check(self, method, target, reply):
        """Raises Mismatch where the reply is not one that the description promises."""
        name, operation = self.operation(method, target)
        responses = operation["responses"]
        response = responses.get(str(reply.status), responses.get(f"{reply.status // 100}XX",
                                                                  responses.get("default")))
        if response is None:
            raise Mismatch(f"{method} {name}: status {reply.status} is not described")
        response = self.resolve(response)
        self.seen.add((method, name, reply.status))
        content = response.get("content")
        if not content:
            if reply.body:
                raise Mismatch(f"{method} {name} {reply.status}: a body that is not described")
            return
        kind = reply.type
        names = [n for n in (kind, kind.split("/")[0] + "/*", "*/*") if n in content]
        if not names:
            raise Mismatch(f"{method} {name} {reply.status}: type {kind} is not described")
        media = content[names[0]]
        if kind.endswith("json"):
            self.validate(json.loads(reply.body), media.get("schema", True),
                          f"{method} {name} {reply.status}")

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            where = node["$ref"]
            if not where.startswith("#/"):
                raise Mismatch(f"{where}: only references within the document are known")
            node = self.document
            for part in where[2:].split("/"):
                node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def validate(self, value, schema, at):
        if schema is True:
            return
        if schema is False:
            raise Mismatch(f"{at}: nothing may be here")
        if "$ref" in schema:
            self.validate(value, self.resolve({"$ref": schema["$ref"]}), at)
        for keyword, wanted in schema.items():
            if keyword in SILENT or keyword == "$ref":
                continue
            check = getattr(self, "on_" + keyword, None)
            if check is None:
                raise Mismatch(f"{at}: the schema's keyword {keyword} is not known to this test")
            check(value, wanted, schema, at)

    def on_type(self, value, wanted, schema, at):
        names = [wanted] if isinstance(wanted, str) else wanted
        if not any(is_type(value, name) for name in names):
            raise Mismatch(f"{at}: {value!r:.80} is not of type {wanted}")

    def on_properties(self, value, wanted, schema, at):
        if isinstance(value, dict):
            for name, sub in wanted.items():
                if name in value:
                    self.validate(value[name], sub, f"{at}.{name}")

    def on_required(self, value, wanted, schema, at):
        missing = [n for n in wanted if isinstance(value, dict) and n not in value]
        if missing:
            raise Mismatch(f"{at}: {missing} missing")

    def on_additionalProperties(self, value, wanted, schema, at):
        if isinstance(value, dict):
            for name in value.keys() - schema.get("properties", {}).keys():
                self.validate(value[name], wanted, f"{at}.{name}")

    def on_items(self, value, wanted, schema, at):
        if isinstance(value, list):
            for i, item in enumerate(value):
                self.validate(item, wanted, f"{at}[{i}]")

    def on_enum(self, value, wanted, schema, at):
        if value not in wanted:
            raise Mismatch(f"{at}: {value!r} is none of {wanted}")

    def on_const(self, value, wanted, schema, at):
        if value != wanted:
            raise Mismatch(f"{at}: {value!r} is not {wanted!r}")

    def matches(self, value, schema, at):
        try:
            self.validate(value, schema, at)
            return True
        except Mismatch:
            return False

    def on_oneOf(self, value, wanted, schema, at):
        if sum(self.matches(value, sub, at) for sub in wanted) != 1:
            raise Mismatch(f"{at}: {value!r:.200} is not exactly one of oneOf")

    def on_anyOf(self, value, wanted, schema, at):
        if not any(self.matches(value, sub, at) for sub in wanted):
            raise Mismatch(f"{at}: {value!r:.200} is none of anyOf")

    def on_allOf(self, value, wanted, schema, at):
        for sub in wanted:
            self.validate(value, sub, at)

    def on_minimum(self, value, wanted, schema, at):
        if is_type(value, "number") and value < wanted:
            raise Mismatch(f"{at}: {value} is below {wanted}")

    def on_exclusiveMinimum(self, value, wanted, schema, at):
        if is_type(value, "number") and value <= wanted:
            raise Mismatch(f"{at}: {value} is not above {wanted}")

    def on_maximum(self, value, wanted, schema, at):
        if is_type(value, "number") and value > wanted:
            raise Mismatch(f"{at}: {value} is above {wanted}")

    def on_minLength(self, value, wanted, schema, at):
        if isinstance(value, str) and len(value) < wanted:
            raise Mismatch(f"{at}: {value!r} is too short")

    def on_maxLength(self, value, wanted, schema, at):
        if isinstance(value, str) and len(value) > wanted:
            raise Mismatch(f"{at}: {value!r:.80} is too long")

    def on_pattern(self, value, wanted, schema, at):
        if isinstance(value, str) and not re.search(wanted, value):
            raise Mismatch(f"{at}: {value!r:.80} does not match {wanted}")

    def on_minItems(self, value, wanted, schema, at):
        if isinstance(value, list) and len(value) < wanted:
            raise Mismatch(f"{at}: fewer than {wanted} items")

    def on_maxItems(self, value, wanted, schema, at):
        if isinstance(value, list) and len(value) > wanted:
            raise Mismatch(f"{at}: more than {wanted} items")

    def on_minProperties(self, value, wanted, schema, at):
        if isinstance(value, dict) and len(value) < wanted:
            raise Mismatch(f"{at}: fewer than {wanted} members")

    def on_maxProperties(self, value, wanted, schema, at):
        if isinstance(value, dict) and len(value) > wanted:
            raise Mismatch(f"{at}: more than {wanted} members")

    def on_propertyNames(self, value, wanted, schema, at):
        if isinstance(value, dict):
            for name in value:
                self.validate(name, wanted, f"{at}.{name}")
