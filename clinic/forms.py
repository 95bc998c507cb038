"""Forms of the organisation's own pages."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AbstractBaseUser

from clinic.access import find_membership
from clinic.models import Role


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "The user name or the password is wrong. Please try again.",
        "inactive": "This account does not belong to a clinic, or was deactivated.",
    }

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Lets in active members only, and says so to whoever knows the password."""
        if find_membership(user) is None:
            raise forms.ValidationError(self.error_messages["inactive"], code="inactive")


class InviteForm(forms.Form):
    username = forms.CharField(max_length=150, label="User name")
    full_name = forms.CharField(max_length=150, label="Full name")
    role = forms.ChoiceField(choices=Role)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role)


class NewPasswordForm(forms.Form):
    """A first or reset password, typed twice. Its strength is judged by the service."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), label="New password"
    )
    repeated = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), label="Once more"
    )

    def clean_repeated(self) -> str:
        repeated: str = self.cleaned_data["repeated"]
        if repeated != self.cleaned_data.get("password"):
            raise forms.ValidationError("The two passwords differ.")
        return repeated
