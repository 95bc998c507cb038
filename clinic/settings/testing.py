"""The tests: the real PostgreSQL and Redis, quick password hashes, files of their own."""

from __future__ import annotations

from clinic.settings.base import *  # noqa: F403
from clinic.settings.base import VAR

DEBUG = False
SECRET_KEY = "for-tests-only-and-never-anywhere-else-0123456789"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = VAR / "test-media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
