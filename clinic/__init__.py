"""The Django project and the organisation: settings, sign-in, members and who did what."""

from clinic.celery import app as celery_app

__all__ = ("celery_app",)
