"""Whether this container's process works: ``python deploy/healthcheck.py web`` or ``beat``.

The worker needs no script: ``celery inspect ping`` asks it by way of the broker.
"""

from __future__ import annotations

import glob
import http.client
import os
import sys
import time

# Beat writes its schedule down every three minutes, and when it starts.
BEAT_PATIENCE = 10 * 60


def web() -> bool:
    """/health/ answers 200, asked for by a name that the site accepts."""
    name = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().lstrip(".")
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    connection.request("GET", "/health/", headers={"Host": name})
    return connection.getresponse().status == 200


def beat() -> bool:
    """The schedule was written not long ago. Some kinds of dbm add an ending to its name."""
    written = [os.path.getmtime(path) for path in glob.glob("/tmp/celerybeat-schedule*")]  # noqa: PTH204, PTH207, S108
    return bool(written) and time.time() - max(written) < BEAT_PATIENCE


if __name__ == "__main__":
    try:
        healthy = {"web": web, "beat": beat}[sys.argv[1]]()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.exit(0 if healthy else 1)
