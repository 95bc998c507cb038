"""Everything needs a session or a token, unless a view says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponseBase]

API_PREFIX = "/api/"


class SignedInMiddleware:
    """Sends whoever is not signed in to the sign-in page: a new page is closed by default.

    The API is left to its own authentication, which also reads tokens.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.user.is_authenticated:
            # A patient's page must not come back from the browser's cache after signing out.
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if getattr(view, "open_to_all", False) or request.path.startswith(API_PREFIX):
            return None
        if request.user.is_authenticated:
            return None
        if getattr(request, "htmx", False):
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("clinic:sign_in")})
        return redirect_to_login(request.get_full_path())
