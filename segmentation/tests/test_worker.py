"""Real Celery workers in processes of their own, with a real broker between them and us.

They work on the database of the tests and on a Redis database of their own. Nothing here asserts
how long something takes; the patience is only there so that a hang ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery
from django.conf import settings
from django.db import connection

from ml.models import WEIGHTS, file_sha256, shipped_cards
from segmentation import bell
from segmentation.models import Segmentation, State
from segmentation.services import queue
from segmentation.tests.factories import ScanFactory, files_below, make_stale

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 180.0

# What `python -m celery` does, with a reader that never comes back, so that there is a half-way.
STUCK = """
import sys, time
import django
django.setup()
from celery.__main__ import main
from segmentation import pipeline
pipeline.load_image = lambda path: time.sleep(3600)
sys.argv[0] = "celery"
main()
"""


@dataclass(frozen=True)
class Place:
    """Where the workers of these tests find everything."""

    folder: Path
    broker: str

    @property
    def environment(self) -> dict[str, str]:
        database = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "clinic.settings.testing",
            "DATABASE_URL": database._replace(path=f"/{name}").geturl(),
            "REDIS_URL": self.broker,
            "SULCUS_VAR": str(self.folder),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *python: str) -> subprocess.Popen[bytes]:
        options = ("-A", "clinic", "worker", "--concurrency", "1", "--loglevel", "INFO")
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *python, *options],
                cwd=settings.ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self) -> str:
        return (self.folder / "worker.log").read_text(encoding="utf-8")[-3000:]


def end(worker: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Ends a worker with all its children and waits until they are gone."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, how)
    try:
        worker.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(timeout=30)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A folder and a Redis database that no other process of the tests uses."""
    number = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 15
    broker = urlsplit(settings.REDIS_URL)._replace(path=f"/{number}").geturl()
    with redis.from_url(broker) as server:
        server.flushdb()
    yield Place(tmp_path_factory.mktemp("worker"), broker)


@pytest.fixture(scope="module")
def worker(place: Place, django_db_setup: None) -> Iterator[Callable[[], Any]]:
    """Starts one worker, exactly as in production, for all tests that ask for it."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        if not started:
            started.append(place.start("-m", "celery"))

    yield start
    for process in started:
        end(process, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _real_bell(place: Place, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    card = next((card for card in shipped_cards() if "FLAIR" in card.sequences), None)
    weights = WEIGHTS / f"{card.name}.safetensors" if card else None
    if card is None or not weights or not weights.exists() or file_sha256(weights) != card.sha256:
        pytest.skip("no weights that match their card are here yet")
    settings.MEDIA_ROOT = place.folder / "test-media"
    app = Celery(set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = place.broker
    monkeypatch.setattr(bell, "current_app", app)
    monkeypatch.setattr(queue, "ring", bell.ring)


def wait_for(
    pk: uuid.UUID, place: Place, *states: State, by: subprocess.Popen[bytes] | None = None
) -> Segmentation:
    """The row once it is in one of the states; gives up early where the worker ``by`` has ended."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and (by is None or by.poll() is None):
        row = Segmentation.objects.get(pk=pk)
        if row.state in states:
            return row
        time.sleep(0.1)
    row = Segmentation.objects.get(pk=pk)
    pytest.fail(f"still {row.state}\n{place.log()}")


def assert_one_result(row: Segmentation, place: Place) -> None:
    assert row.state == State.SUCCEEDED, f"{row.reason}\n{place.log()}"
    assert row.is_current
    assert Segmentation.objects.filter(scan=row.scan).count() == 1
    assert Path(row.mask.path).exists()
    folder = place.folder / "test-media" / "segmentations" / str(row.pk)
    assert len([name for name in files_below(folder) if name.endswith("mask.nii.gz")]) == 1
    assert len(list(folder.iterdir())) == 1


def test_what_a_killed_worker_left_is_finished_by_the_next_one(
    place: Place, worker: Callable[[], None]
) -> None:
    first = place.start("-c", STUCK)
    try:
        row = queue.request_segmentation(scan=ScanFactory(), by=None)
        wait_for(row.pk, place, State.RUNNING, by=first)
    finally:
        end(first, signal.SIGKILL)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.RUNNING, 1)
    assert queue.resend_waiting() == 0
    make_stale(row)
    assert queue.resend_waiting() == 1
    worker()
    row = wait_for(row.pk, place, State.SUCCEEDED, State.FAILED)
    assert_one_result(row, place)
    assert row.attempts == 2


def test_a_segmentation_that_was_asked_for_is_done_by_a_worker(
    place: Place, worker: Callable[[], None]
) -> None:
    worker()
    row = queue.request_segmentation(scan=ScanFactory(), by=None)
    row = wait_for(row.pk, place, State.SUCCEEDED, State.FAILED)
    assert_one_result(row, place)
    assert row.attempts == 1
    assert row.preview["count"] == 20


def test_a_message_that_comes_twice_gives_one_result(
    place: Place, worker: Callable[[], None]
) -> None:
    worker()
    row = queue.request_segmentation(scan=ScanFactory(), by=None)
    bell.ring(row.pk)
    bell.ring(row.pk)
    last = queue.request_segmentation(scan=ScanFactory(), by=None)
    wait_for(last.pk, place, State.SUCCEEDED, State.FAILED)
    row.refresh_from_db()
    assert_one_result(row, place)
    assert row.attempts == 1
