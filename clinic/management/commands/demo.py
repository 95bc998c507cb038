"""The demo clinic of `make run`: made once, by code, and marked as demo wherever it shows."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.models import Clinic, Membership, Role
from clinic.services.members import add_member
from segmentation.demo import add_demo_patients

CLINIC = "Demo clinic"
PEOPLE = (
    ("admin", "Demo Administrator", Role.ADMIN),
    ("clinician", "Demo Clinician", Role.CLINICIAN),
    ("viewer", "Demo Viewer", Role.VIEWER),
)


class Command(BaseCommand):
    help = "Adds the demo clinic, its three members and its patients, if they are not there yet."

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD", "")
        if not password:
            raise CommandError("Please set DEMO_PASSWORD.")
        clinic, is_new = Clinic.objects.get_or_create(name=CLINIC)
        members = {
            username: self._member(clinic, username, full_name, role, password)
            for username, full_name, role in PEOPLE
        }
        if is_new:
            self.stdout.write("Making the demo data ...")
            add_demo_patients(by=members["clinician"])

    def _member(
        self, clinic: Clinic, username: str, full_name: str, role: Role, password: str
    ) -> Membership:
        """The demo member, with the password that `make run` prints."""
        found = Membership.objects.filter(clinic=clinic, user__username=username).first()
        if found is None:
            return add_member(
                clinic=clinic, username=username, role=role, full_name=full_name, password=password
            )
        if not found.user.check_password(password):
            found.user.set_password(password)
            found.user.save(update_fields=["password"])
        return found
