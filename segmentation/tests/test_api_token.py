"""Signing in to the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.test import APIClient

from segmentation.tests.api_helpers import PASSWORD, House

pytest_plugins = ("segmentation.tests.api_fixtures",)


def sign_in(password: str, username: str = "clinician") -> Any:
    return APIClient().post("/api/v1/token/", {"username": username, "password": password})


def test_the_right_password_gives_a_token_that_opens_the_api(house: House) -> None:
    answer = sign_in(PASSWORD)
    assert answer.status_code == 200
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert client.get("/api/v1/patients/").status_code == 200


def test_a_wrong_password_is_refused_in_a_sentence(house: House) -> None:
    answer = sign_in("not the password")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "The user name or the password is wrong."}


def test_a_wrong_token_is_refused(house: House) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Token nonsense")
    assert client.get("/api/v1/patients/").status_code == 401


def test_a_deactivated_member_gets_no_token(house: House) -> None:
    house.clinician.is_active = False
    house.clinician.save()
    assert sign_in(PASSWORD).status_code == 401


def test_too_many_wrong_passwords_lock_the_account(house: House) -> None:
    codes = [sign_in("wrong").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert codes == [401] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    locked = sign_in(PASSWORD)
    assert locked.status_code == 429
    assert "wait" in locked.json()["detail"]
    assert sign_in(PASSWORD, "viewer").status_code == 200
