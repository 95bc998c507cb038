"""One's own account: password and API token; and the one-time links that lead to a password."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.authtoken.models import Token

from clinic.access import member_of, open_to_all, viewer_required
from clinic.forms import NewPasswordForm
from clinic.services.log import record_access
from clinic.services.members import MemberError, find_link, use_link

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@viewer_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The own account; a valid POST changes the password and keeps the session."""
    member = member_of(request)
    form = PasswordChangeForm(member.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, form.user)
        Token.objects.filter(user=member.user).delete()
        record_access(member=member, action="password.change")
        messages.success(request, "Your password was changed. Your API token was ended.")
        return redirect("clinic:account")
    token = Token.objects.filter(user=member.user).first()
    return render(request, "clinic/account.html", {"form": form, "token": token})


@viewer_required
@require_POST
def renew_token(request: HttpRequest) -> HttpResponse:
    """Ends the API token and, unless only asked to end it, makes a new one."""
    member = member_of(request)
    Token.objects.filter(user=member.user).delete()
    if "end" not in request.POST:
        Token.objects.create(user=member.user)
    record_access(member=member, action="token.renew")
    return redirect("clinic:account")


@open_to_all
@never_cache
@require_http_methods(["GET", "POST"])
def use_one_time_link(request: HttpRequest, token: str) -> HttpResponse:
    """Lets an invited person, or one whose password was reset, choose a password once."""
    link = find_link(token=token)
    if link is None:
        return render(request, "clinic/link_expired.html", status=410)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = use_link(token=token, password=form.cleaned_data["password"])
        except MemberError as error:
            form.add_error("password", str(error))
        else:
            login(request, user, backend=MODEL_BACKEND)
            return redirect("home")
    return render(request, "clinic/one_time_link.html", {"form": form, "link": link})
