"""The description of the API."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema
from rest_framework.utils import json

from segmentation.tests.api_helpers import House

pytest_plugins = ("segmentation.tests.api_fixtures",)


def test_the_schema_is_served_and_valid(house: House) -> None:
    client = house.client("viewer")
    answer = client.get("/api/v1/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    schema = json.loads(answer.content)
    validate_schema(schema)
    assert "/api/v1/segmentations/{id}/mask/" in schema["paths"]


def test_the_schema_is_made_without_a_warning() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


@pytest.fixture
def page(house: House) -> tuple[str, str]:
    answer = house.client("viewer").get("/api/v1/docs/")
    assert answer.status_code == 200
    return answer.content.decode(), answer["Content-Security-Policy"]


def test_the_page_has_no_inline_script_and_keeps_the_policy_on_scripts(
    page: tuple[str, str],
) -> None:
    body, policy = page
    scripts = body.split("<script")[1:]
    assert len(scripts) == 3
    assert all(script.startswith(' src="/') for script in scripts)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self' 'unsafe-inline'"


def test_the_script_of_the_page_is_a_file_of_its_own(house: House) -> None:
    answer = house.client("viewer").get("/api/v1/docs/?script=")
    assert answer["Content-Type"] == "application/javascript"
    assert b"SwaggerUIBundle" in answer.content
