"""Asking a member who is signed in for the password once more, before a step that binds."""

from __future__ import annotations

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from clinic.models import Membership


class PasswordError(ValueError):
    """The password was not confirmed; the message says so."""


class WrongPasswordError(PasswordError):
    """Another password than the member's. It counts towards the lock-out."""


class LockedOutError(PasswordError):
    """Too many wrong passwords; even the right one is not looked at for a while."""


@sensitive_variables("password")
def confirm_password(*, member: Membership, password: str, request: HttpRequest) -> None:
    """Checks the password as sign-in does: by the backends, with slips counted together.

    Raises WrongPasswordError or LockedOutError. Call it outside a transaction: a count that is
    rolled back would let somebody guess for ever. ``request`` is Django's own, which the lock-out
    knows the client's address from.
    """
    user = authenticate(
        request=request, username=member.user.get_username(), password=password[:4096]
    )
    if user is not None and user.pk == member.user_id:
        AxesProxyHandler.reset_attempts(
            username=member.user.get_username(),
            ip_address=getattr(request, "axes_ip_address", None),
        )
        return
    if getattr(request, "axes_locked_out", False):
        raise LockedOutError("Too many wrong passwords. Please wait 15 minutes and try again.")
    raise WrongPasswordError("The password is wrong, so nothing was changed. Please try again.")
