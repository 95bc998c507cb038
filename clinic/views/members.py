"""Members: for administrators."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from clinic.access import admin_required, clinic_of, member_of
from clinic.forms import InviteForm, RoleForm
from clinic.models import LINK_LIFETIME, Role
from clinic.selectors import get_member, list_members
from clinic.services import members
from clinic.services.members import MemberError


@admin_required
@require_http_methods(["GET", "POST"])
def member_list(request: HttpRequest) -> HttpResponse:
    """The members; a valid POST invites one and shows the link, once."""
    form = InviteForm(request.POST or None)
    link = None
    if request.method == "POST" and form.is_valid():
        try:
            token = members.invite_member(
                by=member_of(request),
                username=form.cleaned_data["username"],
                full_name=form.cleaned_data["full_name"],
                role=Role(form.cleaned_data["role"]),
            )
        except MemberError as error:
            form.add_error("username", str(error))
        else:
            link = _absolute_link(request, token)
            form = InviteForm()
    return _render(request, form, link)


def _absolute_link(request: HttpRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("clinic:one_time_link", args=[token]))


def _render(request: HttpRequest, form: InviteForm, link: str | None) -> HttpResponse:
    context = {
        "form": form,
        "members": list_members(clinic=clinic_of(request)),
        "roles": Role.choices,
        "link": link,
        "link_days": LINK_LIFETIME.days,
    }
    return render(request, "clinic/members.html", context)


@admin_required
@require_POST
def change_role(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = RoleForm(request.POST)
    if form.is_valid():
        _try(
            request,
            lambda: members.change_role(
                by=member_of(request),
                member=get_member(clinic=clinic_of(request), pk=pk),
                role=Role(form.cleaned_data["role"]),
            ),
            "The role was changed.",
        )
    return redirect("clinic:members")


@admin_required
@require_POST
def set_active(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Deactivates a member, or lets them in again."""
    member = get_member(clinic=clinic_of(request), pk=pk)
    verb = members.deactivate_member if member.is_active else members.reactivate_member
    done = "deactivated" if member.is_active else "reactivated"
    _try(
        request,
        lambda: verb(by=member_of(request), member=member),
        f"{member.display_name} was {done}.",
    )
    return redirect("clinic:members")


@admin_required
@require_POST
def reset_password(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ends a member's password and shows the link that sets a new one, once."""
    member = get_member(clinic=clinic_of(request), pk=pk)
    token = members.reset_member_password(by=member_of(request), member=member)
    return _render(request, InviteForm(), _absolute_link(request, token))


def _try(request: HttpRequest, action: Callable[[], object], done: str) -> None:
    try:
        action()
    except MemberError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
