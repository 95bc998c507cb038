"""The first clinic of a new install, and the link by which its administrator comes in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.urls import reverse

from clinic.models import Clinic, LinkPurpose, Role
from clinic.services.members import MemberError, add_member, make_link


class Command(BaseCommand):
    help = "Creates a clinic and its first administrator; prints a one-time link for them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the clinic's name")
        parser.add_argument("username", help="the administrator's user name")
        parser.add_argument("--full-name", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                clinic = Clinic.objects.create(name=options["name"])
                admin = add_member(
                    clinic=clinic,
                    username=options["username"],
                    role=Role.ADMIN,
                    full_name=options["full_name"],
                )
                token = make_link(member=admin, purpose=LinkPurpose.INVITE, by=None)
        except MemberError as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError(f"There is a clinic named {options['name']} already.") from error
        path = reverse("clinic:one_time_link", args=[token])
        self.stdout.write(f"Open this path on the site, once, within three days: {path}")
