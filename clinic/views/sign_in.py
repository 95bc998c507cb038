"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.access import find_membership, open_to_all
from clinic.forms import SignInForm
from clinic.services.log import record_access


class SignInView(LoginView):
    template_name = "clinic/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        member = find_membership(self.request.user)
        if member is not None:
            record_access(member=member, action="sign-in")
        return response


sign_in = open_to_all(SignInView.as_view())
sign_out = open_to_all(LogoutView.as_view())


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """What django-axes answers after too many wrong passwords."""
    if request.path.startswith("/api/"):
        return HttpResponse(
            '{"detail": "Too many wrong passwords. Please wait 15 minutes."}',
            status=429,
            content_type="application/json",
        )
    return render(request, "clinic/locked_out.html", status=429)
