"""Signing in: by page and by token, and what keeps a stranger from guessing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token

from clinic.access import find_membership
from clinic.models import AccessEvent, Membership
from clinic.services.members import deactivate_member, reactivate_member
from clinic.tests.factories import PASSWORD, UserFactory

WRONG = "The user name or the password is wrong."


def post_sign_in(client: Client, username: str, password: str = PASSWORD) -> Any:
    return client.post(reverse("clinic:sign_in"), {"username": username, "password": password})


def post_token(client: Client, username: str, password: str = PASSWORD) -> Any:
    return client.post(reverse("api:token"), {"username": username, "password": password})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_right_password_leads_to_the_worklist(client: Client, viewer: Membership) -> None:
    response = post_sign_in(client, "viewer")
    assert response.status_code == 302
    assert response["Location"] == reverse("home")
    assert AccessEvent.objects.filter(member=viewer, action="sign-in").count() == 1


def test_a_wrong_password_is_refused_in_words(client: Client, viewer: Membership) -> None:
    response = post_sign_in(client, "viewer", "not the password")
    assert response.status_code == 200
    assert WRONG in response.content.decode()
    assert not is_signed_in(client)


def test_an_unknown_name_reads_like_a_wrong_password(client: Client, viewer: Membership) -> None:
    response = post_sign_in(client, "nobody-of-this-name")
    assert WRONG in response.content.decode()


def test_the_password_never_comes_back_in_the_page(client: Client, viewer: Membership) -> None:
    response = post_sign_in(client, "viewer", "a secret that was mistyped")
    assert "a secret that was mistyped" not in response.content.decode()


def test_sign_in_does_not_lead_to_another_site(client: Client, viewer: Membership) -> None:
    address = f"{reverse('clinic:sign_in')}?next=https://elsewhere.example/"
    response = client.post(address, {"username": "viewer", "password": PASSWORD})
    assert response["Location"] == reverse("home")


def test_too_many_wrong_passwords_lock_the_page_even_for_the_right_one(
    client: Client, viewer: Membership, clinician: Membership
) -> None:
    statuses = [
        post_sign_in(client, "viewer", "wrong").status_code
        for _ in range(settings.AXES_FAILURE_LIMIT)
    ]
    assert statuses[:-1] == [200] * (settings.AXES_FAILURE_LIMIT - 1)
    assert statuses[-1] == 429
    assert post_sign_in(client, "viewer").status_code == 429
    assert not is_signed_in(client)
    assert post_sign_in(client, "clinician").status_code == 302


def test_too_many_wrong_passwords_lock_the_token_endpoint(
    client: Client, viewer: Membership
) -> None:
    statuses = [
        post_token(client, "viewer", "wrong").status_code
        for _ in range(settings.AXES_FAILURE_LIMIT)
    ]
    assert statuses[:-1] == [401] * (settings.AXES_FAILURE_LIMIT - 1)
    assert statuses[-1] == 429
    locked = post_token(client, "viewer")
    assert locked.status_code == 429
    assert locked["Content-Type"] == "application/json"
    assert "wait" in locked.json()["detail"]
    assert not Token.objects.exists()


def test_page_and_token_endpoint_count_wrong_passwords_together(
    client: Client, viewer: Membership
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        post_token(client, "viewer", "wrong")
    assert post_sign_in(client, "viewer", "wrong").status_code == 429


def test_the_lock_opens_after_a_while(client: Client, viewer: Membership) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        post_sign_in(client, "viewer", "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert post_sign_in(client, "viewer").status_code == 302


def test_signing_in_forgets_earlier_slips(client: Client, viewer: Membership) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        post_sign_in(client, "viewer", "wrong")
    assert post_sign_in(client, "viewer").status_code == 302
    client.logout()
    assert post_sign_in(client, "viewer", "wrong").status_code == 200


def test_a_token_opens_the_api_and_a_wrong_one_does_not(client: Client, viewer: Membership) -> None:
    key = post_token(client, "viewer").json()["token"]
    address = reverse("api:patients")
    assert client.get(address, headers={"Authorization": f"Token {key}"}).status_code == 200
    assert client.get(address, headers={"Authorization": f"Token {key[:-1]}x"}).status_code == 401
    assert client.get(reverse("patients:list"), headers={"Authorization": f"Token {key}"}).url


def test_a_deactivated_member_cannot_sign_in(
    client: Client, viewer: Membership, admin: Membership
) -> None:
    deactivate_member(by=admin, member=viewer)
    assert post_sign_in(client, "viewer").status_code == 200
    assert not is_signed_in(client)
    assert post_token(client, "viewer").status_code == 401


def test_a_deactivated_member_loses_session_and_token_at_once(
    client: Client, viewer: Membership, admin: Membership
) -> None:
    key = post_token(client, "viewer").json()["token"]
    post_sign_in(client, "viewer")
    deactivate_member(by=admin, member=viewer)
    assert client.get(reverse("patients:list")).status_code == 403
    bearer = {"Authorization": f"Token {key}"}
    assert Client().get(reverse("api:patients"), headers=bearer).status_code == 401


def test_a_reactivated_member_signs_in_again(
    client: Client, viewer: Membership, admin: Membership
) -> None:
    deactivate_member(by=admin, member=viewer)
    reactivate_member(by=admin, member=viewer)
    assert post_sign_in(client, "viewer").status_code == 302


def test_a_user_without_a_clinic_cannot_sign_in(client: Client, db: None) -> None:
    UserFactory(username="loner")
    assert post_sign_in(client, "loner").status_code == 200
    assert not is_signed_in(client)
    assert post_token(client, "loner").status_code == 401
    assert find_membership(AnonymousUser()) is None


def test_signing_out_ends_the_session_and_nothing_is_kept_by_the_browser(
    client: Client, viewer: Membership
) -> None:
    post_sign_in(client, "viewer")
    page = client.get(reverse("patients:list"))
    assert page["Cache-Control"] == "no-store, private"
    client.post(reverse("clinic:sign_out"))
    assert not is_signed_in(client)
    assert client.get(reverse("patients:list")).status_code == 302


@pytest.mark.parametrize("name", ["clinic:sign_in", "clinic:sign_out"])
def test_forms_need_the_csrf_token(name: str, viewer: Membership) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse(name), {"username": "viewer", "password": PASSWORD})
    assert response.status_code == 403


def test_pages_load_no_script_but_our_own(client: Client, db: None) -> None:
    policy = client.get(reverse("clinic:sign_in"))["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_health_answers_anybody_and_says_nothing_else(client: Client, db: None) -> None:
    response = client.get(reverse("clinic:health"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
