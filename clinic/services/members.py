"""Members: inviting them, changing what they may do, and their passwords."""

from __future__ import annotations

import hashlib

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from clinic.models import (
    LINK_LIFETIME,
    Clinic,
    LinkPurpose,
    Membership,
    OneTimeLink,
    Role,
    make_link_token,
)
from clinic.services.log import record_access


class MemberError(ValueError):
    """A change to the members that cannot be made; the message says why."""


def hash_token(token: str) -> str:
    """Tokens are random and long, so a plain SHA-256 is enough to store them by."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def add_member(
    *, clinic: Clinic, username: str, role: Role, full_name: str = "", password: str | None = None
) -> Membership:
    """A new person in the clinic. Without a password they need a one-time link to sign in.

    Raises MemberError where the user name is taken.
    """
    user = get_user_model()(username=username.strip())
    user.first_name, _, user.last_name = full_name.strip().partition(" ")
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise MemberError(f"The user name {username} is taken. Please choose another.") from error
    return Membership.objects.create(user=user, clinic=clinic, role=role)


@transaction.atomic
def invite_member(*, by: Membership, username: str, full_name: str, role: Role) -> str:
    """Adds a person without a password and returns the secret of their one-time link."""
    member = add_member(clinic=by.clinic, username=username, role=role, full_name=full_name)
    record_access(member=by, action="member.invite", subject=member, detail=f"{username} ({role})")
    return make_link(member=member, purpose=LinkPurpose.INVITE, by=by)


@transaction.atomic
def reset_member_password(*, by: Membership, member: Membership) -> str:
    """Ends the member's sessions and tokens and returns the secret of a one-time link."""
    member.user.set_unusable_password()
    member.user.save(update_fields=["password"])
    Token.objects.filter(user=member.user).delete()
    record_access(member=by, action="member.reset", subject=member)
    return make_link(member=member, purpose=LinkPurpose.RESET, by=by)


def make_link(*, member: Membership, purpose: LinkPurpose, by: Membership | None) -> str:
    """A fresh one-time link; earlier unused ones of the member stop working."""
    member.links.filter(used_at=None).delete()
    token = make_link_token()
    OneTimeLink.objects.create(
        membership=member,
        purpose=purpose,
        token_hash=hash_token(token),
        created_by=by,
        expires_at=timezone.now() + LINK_LIFETIME,
    )
    return token


def find_link(*, token: str) -> OneTimeLink | None:
    """The link with this secret, if it can still be used."""
    link = (
        OneTimeLink.objects.select_related("membership__user", "membership__clinic")
        .filter(token_hash=hash_token(token), membership__is_active=True)
        .first()
    )
    return link if link is not None and link.is_usable else None


@transaction.atomic
def use_link(*, token: str, password: str) -> User:
    """Sets the password that the link was made for, once.

    Raises MemberError where the link is used up or the password is too weak.
    """
    link = (
        OneTimeLink.objects.select_for_update(of=("self",))
        .select_related("membership__user", "membership__clinic")
        .filter(token_hash=hash_token(token), membership__is_active=True)
        .first()
    )
    if link is None or not link.is_usable:
        raise MemberError("This link was used already or has expired. Please ask for a new one.")
    user = link.membership.user
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])
    record_access(member=link.membership, action=f"member.{link.purpose}.used")
    return user


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise MemberError(" ".join(error.messages)) from error


@transaction.atomic
def change_role(*, by: Membership, member: Membership, role: Role) -> Membership:
    """Raises MemberError where the clinic would be left without an administrator."""
    if member.role == Role.ADMIN and role != Role.ADMIN:
        _keep_an_administrator(member)
    member.role = role
    member.save(update_fields=["role"])
    record_access(member=by, action="member.role", subject=member, detail=str(role))
    return member


@transaction.atomic
def deactivate_member(*, by: Membership, member: Membership) -> Membership:
    """Ends a person's access at once: sessions, tokens and links.

    Raises MemberError for oneself and for the last administrator.
    """
    if member.pk == by.pk:
        raise MemberError("You cannot deactivate yourself. Please ask another administrator.")
    _keep_an_administrator(member)
    member.is_active = False
    member.save(update_fields=["is_active"])
    Token.objects.filter(user=member.user).delete()
    member.links.filter(used_at=None).delete()
    record_access(member=by, action="member.deactivate", subject=member)
    return member


@transaction.atomic
def reactivate_member(*, by: Membership, member: Membership) -> Membership:
    member.is_active = True
    member.save(update_fields=["is_active"])
    record_access(member=by, action="member.reactivate", subject=member)
    return member


def _keep_an_administrator(leaving: Membership) -> None:
    others = Membership.objects.select_for_update().filter(
        clinic=leaving.clinic, role=Role.ADMIN, is_active=True
    )
    if not [member for member in others if member.pk != leaving.pk] and leaving.can_administer:
        raise MemberError("The clinic needs at least one administrator.")
