"""The Celery application. The database, not the broker, is the truth about what is to be done."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings.local")

app = Celery("sulcus")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
