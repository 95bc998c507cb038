"""`make run`: one machine, demo data, plain HTTP on the loopback address."""

from __future__ import annotations

from clinic.local.secrets import kept_secret
from clinic.settings.base import *  # noqa: F403
from clinic.settings.base import VAR, env

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(VAR / "secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
