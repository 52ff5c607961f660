"""A REST client whose every answer is checked against the OpenAPI document that the server itself serves."""
import json
import re
import urllib.parse

import jsonschema
import requests

from support import signed


def course_path(course, tail=""):
    return "/api/v1/courses/" + urllib.parse.quote(course, safe="") + tail


class Contract:
    """An OpenAPI 3.1 document as a judge of answers."""

    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.rows = []
        self.seen = set()
        for path, item in document["paths"].items():
            pattern = re.compile("^" + re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(path)) + "$")
            self.rows.append((pattern, path, item))

    def operation(self, method, path):
        for exact in (True, False):
            for pattern, template, item in self.rows:
                if ("{" not in template) == exact and pattern.match(path) and method.lower() in item:
                    return template, item[method.lower()]
        return None, None

    def check(self, answer):
        """Fails when the answer of a documented operation is not a documented one; unknown paths must be problems."""
        path = urllib.parse.urlsplit(answer.url).path
        method = answer.request.method
        template, operation = self.operation("get" if method == "HEAD" else method, path)
        kind = answer.headers.get("Content-Type", "").split(";")[0]
        if operation is None:
            if path.startswith("/api/") and method != "HEAD":
                assert kind == "application/problem+json", (method, path, answer.status_code, kind)
                self.validate(answer.json(), {"$ref": "#/components/schemas/Problem"})
            return
        self.seen.add((method, template, answer.status_code))
        responses = operation["responses"]
        response = responses.get(str(answer.status_code), responses.get("default"))
        assert response is not None, f"{method} {template} answered {answer.status_code}, which is not documented"
        response = self.follow(response)
        for name, header in response.get("headers", {}).items():
            if self.follow(header).get("required"):
                assert name in answer.headers, f"{method} {template} {answer.status_code} lacks {name}"
        if method == "HEAD" or answer.status_code in (204, 304):
            return
        content = response.get("content", {})
        if not content:
            assert not answer.content, f"{method} {template} {answer.status_code} should have no body"
            return
        media = content.get(kind) or content.get("*/*") or content.get("application/octet-stream")
        assert media is not None, f"{method} {template} {answer.status_code} is {kind}"
        if kind == "application/x-ndjson" and "schema" in media:
            self.validate(answer.text, media["schema"])
            assert all(isinstance(json.loads(line), dict) for line in answer.text.splitlines())
        elif kind.endswith("json") and "schema" in media:
            self.validate(answer.json(), media["schema"])

    def follow(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def validate(self, value, schema):
        jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(value)


class Api(requests.Session):
    """requests.Session with a base URL; `contract` judges each answer. Signed in as that cluster's admin, or with `token`; "" is nobody."""

    def __init__(self, url, contract=None, token=None):
        super().__init__()
        self.trust_env = False
        self.headers.update(signed.headers(url) if token is None else {"Authorization": f"Bearer {token}"} if token else {})
        self.url = url
        if contract is None:
            contract = Contract(requests.Session().get(url + "/api/v1/openapi.json", timeout=10).json())
        self.contract = contract

    def request(self, method, url, *args, **kwargs):
        kwargs.setdefault("timeout", 30)
        if url.startswith("/"):
            url = self.url + url
        answer = super().request(method, url, *args, **kwargs)
        if not kwargs.get("stream"):
            self.contract.check(answer)
        return answer

    def upload(self, course, data, filename="syllabus.pdf", headers=None, **fields):
        return self.put(course_path(course, "/syllabus"), params={"filename": filename, **fields}, data=data, headers=headers or {})

    def course(self, course):
        return self.get(course_path(course))

    def bytes(self, course, headers=None, **params):
        return self.get(course_path(course, "/syllabus"), params=params, headers=headers or {})

    def delete_course(self, course, headers=None, **params):
        return self.delete(course_path(course, "/syllabus"), params=params, headers=headers or {})

    def restore(self, course, **params):
        return self.post(course_path(course, "/restore"), params=params)

    def change_settings(self, **what):
        """Some of the settings; the answer."""
        return self.put("/api/v1/settings", json={**self.get("/api/v1/settings").json(), **what})
