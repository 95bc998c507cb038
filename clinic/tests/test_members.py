"""Inviting, changing and deactivating members; one-time links; one's own password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token

from clinic.models import AccessEvent, LinkPurpose, Membership, OneTimeLink, Role
from clinic.services.members import (
    MemberError,
    change_role,
    deactivate_member,
    invite_member,
    make_link,
    reset_member_password,
    use_link,
)
from clinic.tests.factories import PASSWORD, MembershipFactory

NEW = "seven green umbrellas"
SignIn = Callable[[Membership], Client]


def link_address(token: str) -> str:
    return reverse("clinic:one_time_link", args=[token])


def choose(client: Client, token: str, password: str = NEW, repeated: str | None = None) -> int:
    values = {"password": password, "repeated": password if repeated is None else repeated}
    return client.post(link_address(token), values).status_code


def test_an_invited_person_chooses_a_password_and_is_signed_in(
    client: Client, admin: Membership
) -> None:
    token = invite_member(by=admin, username="new", full_name="Nell New", role=Role.CLINICIAN)
    assert client.get(link_address(token)).status_code == 200
    assert choose(client, token) == 302
    member = Membership.objects.get(user__username="new")
    assert client.session["_auth_user_id"] == str(member.user.pk)
    assert member.display_name == "Nell New"
    assert (member.role, member.clinic) == (Role.CLINICIAN, admin.clinic)


def test_an_invited_person_cannot_sign_in_before_that(admin: Membership) -> None:
    invite_member(by=admin, username="new", full_name="Nell New", role=Role.VIEWER)
    assert not Membership.objects.get(user__username="new").user.has_usable_password()


def test_a_link_works_once(client: Client, admin: Membership) -> None:
    token = invite_member(by=admin, username="new", full_name="Nell New", role=Role.VIEWER)
    choose(client, token)
    assert Client().get(link_address(token)).status_code == 410
    assert choose(Client(), token, "another long password") == 410
    with pytest.raises(MemberError, match="used already"):
        use_link(token=token, password="another long password")


def test_a_link_expires(client: Client, admin: Membership) -> None:
    token = invite_member(by=admin, username="new", full_name="Nell New", role=Role.VIEWER)
    OneTimeLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link_address(token)).status_code == 410
    with pytest.raises(MemberError, match="expired"):
        use_link(token=token, password=NEW)


def test_a_newer_link_ends_the_older_one(admin: Membership, viewer: Membership) -> None:
    older = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    newer = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    with pytest.raises(MemberError):
        use_link(token=older, password=NEW)
    assert use_link(token=newer, password=NEW).check_password(NEW)


def test_a_deactivated_members_link_is_dead(
    client: Client, admin: Membership, viewer: Membership
) -> None:
    token = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    deactivate_member(by=admin, member=viewer)
    assert choose(client, token) == 410


def test_only_the_hash_of_a_link_is_stored(admin: Membership, viewer: Membership) -> None:
    token = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    stored = OneTimeLink.objects.values().get()
    assert token not in str(stored)


@pytest.mark.parametrize("password", ["short", "password123", "12345678901", "viewerview"])
def test_a_weak_password_is_refused_and_the_link_stays_usable(
    password: str, client: Client, admin: Membership, viewer: Membership
) -> None:
    token = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    assert choose(client, token, password) == 200
    viewer.user.refresh_from_db()
    assert viewer.user.check_password(PASSWORD)
    assert choose(client, token) == 302


def test_two_different_passwords_are_refused(
    client: Client, admin: Membership, viewer: Membership
) -> None:
    token = make_link(member=viewer, purpose=LinkPurpose.RESET, by=admin)
    assert choose(client, token, NEW, "something else entirely") == 200
    viewer.user.refresh_from_db()
    assert viewer.user.check_password(PASSWORD)


def test_a_reset_ends_sessions_tokens_and_the_old_password(
    sign_in: SignIn, admin: Membership, viewer: Membership
) -> None:
    browser = sign_in(viewer)
    assert browser.get(reverse("clinic:account")).status_code == 200
    Token.objects.create(user=viewer.user)
    token = reset_member_password(by=admin, member=viewer)
    assert browser.get(reverse("clinic:account")).status_code == 302
    assert not Token.objects.exists()
    viewer.user.refresh_from_db()
    assert not viewer.user.check_password(PASSWORD)
    assert choose(Client(), token) == 302


def test_the_page_shows_a_reset_link_once(
    sign_in: SignIn, admin: Membership, viewer: Membership
) -> None:
    browser = sign_in(admin)
    page = browser.post(reverse("clinic:reset_password", args=[viewer.pk]))
    link = page.context["link"]
    assert link in page.content.decode()
    assert Client().get(link).status_code == 200
    assert link not in browser.get(reverse("clinic:members")).content.decode()


def test_the_page_invites_and_refuses_a_taken_name(sign_in: SignIn, admin: Membership) -> None:
    browser = sign_in(admin)
    values = {"username": "new", "full_name": "Nell <b>New</b>", "role": "viewer"}
    page = browser.post(reverse("clinic:members"), values)
    assert Client().get(page.context["link"]).status_code == 200
    assert "<b>New</b>" not in page.content.decode()
    again = browser.post(reverse("clinic:members"), values)
    assert again.context["link"] is None
    assert "is taken" in again.content.decode()
    assert Membership.objects.filter(user__username="new").count() == 1


def test_members_of_other_clinics_are_not_listed(
    sign_in: SignIn, admin: Membership, stranger: Membership
) -> None:
    page = sign_in(admin).get(reverse("clinic:members"))
    assert list(page.context["members"]) == [admin]


def test_the_last_administrator_cannot_be_demoted(admin: Membership, viewer: Membership) -> None:
    with pytest.raises(MemberError, match="at least one administrator"):
        change_role(by=admin, member=admin, role=Role.CLINICIAN)
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN


def test_a_second_administrator_makes_it_possible(admin: Membership) -> None:
    other = MembershipFactory(clinic=admin.clinic, role=Role.ADMIN)
    change_role(by=other, member=admin, role=Role.VIEWER)
    with pytest.raises(MemberError, match="at least one administrator"):
        change_role(by=other, member=other, role=Role.VIEWER)


def test_a_deactivated_administrator_does_not_count(admin: Membership) -> None:
    MembershipFactory(clinic=admin.clinic, role=Role.ADMIN, is_active=False)
    with pytest.raises(MemberError, match="at least one administrator"):
        change_role(by=admin, member=admin, role=Role.VIEWER)


def test_the_last_administrator_cannot_be_deactivated(
    admin: Membership, clinician: Membership
) -> None:
    with pytest.raises(MemberError, match="at least one administrator"):
        deactivate_member(by=clinician, member=admin)
    admin.refresh_from_db()
    assert admin.is_active


def test_nobody_deactivates_themselves(sign_in: SignIn, admin: Membership) -> None:
    MembershipFactory(clinic=admin.clinic, role=Role.ADMIN)
    with pytest.raises(MemberError, match="yourself"):
        deactivate_member(by=admin, member=admin)
    response = sign_in(admin).post(reverse("clinic:set_active", args=[admin.pk]), follow=True)
    assert "cannot deactivate yourself" in response.content.decode()


def test_the_page_deactivates_and_reactivates(
    sign_in: SignIn, admin: Membership, viewer: Membership
) -> None:
    browser, address = sign_in(admin), reverse("clinic:set_active", args=[viewer.pk])
    browser.post(address)
    viewer.refresh_from_db()
    assert not viewer.is_active
    browser.post(address)
    viewer.refresh_from_db()
    assert viewer.is_active


def test_changes_of_members_are_logged(admin: Membership, viewer: Membership) -> None:
    change_role(by=admin, member=viewer, role=Role.CLINICIAN)
    deactivate_member(by=admin, member=viewer)
    lines = AccessEvent.objects.filter(member=admin).values_list("action", "subject_id")
    assert set(lines) == {("member.role", viewer.pk), ("member.deactivate", viewer.pk)}


def change_password(browser: Client, old: str, new: str = NEW) -> int:
    values = {"old_password": old, "new_password1": new, "new_password2": new}
    return browser.post(reverse("clinic:account"), values).status_code


def test_ones_own_password_is_changed_and_other_sessions_end(
    sign_in: SignIn, viewer: Membership
) -> None:
    here, elsewhere = sign_in(viewer), sign_in(viewer)
    Token.objects.create(user=viewer.user)
    assert change_password(here, PASSWORD) == 302
    viewer.user.refresh_from_db()
    assert viewer.user.check_password(NEW)
    assert here.get(reverse("clinic:account")).status_code == 200
    assert elsewhere.get(reverse("clinic:account")).status_code == 302
    assert not Token.objects.exists()


def test_changing_the_password_needs_the_old_one_and_a_strong_new_one(
    sign_in: SignIn, viewer: Membership
) -> None:
    browser = sign_in(viewer)
    assert change_password(browser, "not the old one") == 200
    assert change_password(browser, PASSWORD, "short") == 200
    viewer.user.refresh_from_db()
    assert viewer.user.check_password(PASSWORD)


def test_a_token_is_renewed_and_ended(sign_in: SignIn, viewer: Membership) -> None:
    browser, address = sign_in(viewer), reverse("clinic:renew_token")
    browser.post(address)
    first = Token.objects.get().key
    browser.post(address)
    assert Token.objects.get().key != first
    browser.post(address, {"end": "1"})
    assert not Token.objects.exists()
