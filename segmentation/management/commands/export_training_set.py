"""Signed masks of patients who have consented, de-identified, as a folder to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.models import Clinic
from segmentation.errors import TrainingSetError
from segmentation.services.training_set import export_training_set


class Command(BaseCommand):
    help = "Writes a clinic's signed masks into a new folder that `python -m ml train` reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, help="a folder that is not there yet or empty")
        parser.add_argument("--clinic", help="its name; needed where there are several")
        parser.add_argument(
            "--pictures-looked-at",
            action="store_true",
            help="include pictures: somebody has looked at each for burnt-in names",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            exported = export_training_set(
                clinic=self._clinic(options["clinic"]),
                root=options["directory"],
                by=None,
                pictures_looked_at=options["pictures_looked_at"],
            )
        except TrainingSetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{options['directory']}: {exported.count} masks of {len(exported.names)} patients"
        )
        for reason, count in sorted(exported.left_out.items()):
            self.stdout.write(f"left out: {count}, because {reason}")
        self.stdout.write("Please read its README.md, and look at the images before passing it on.")

    def _clinic(self, name: str | None) -> Clinic:
        clinics = Clinic.objects.all() if name is None else Clinic.objects.filter(name=name)
        found = list(clinics[:2])
        if len(found) == 1:
            return found[0]
        names = ", ".join(Clinic.objects.values_list("name", flat=True))
        raise CommandError(f"Please name one of these clinics with --clinic: {names or 'none yet'}")
