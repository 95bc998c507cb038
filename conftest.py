"""What every test of the web application starts from: its own folders, a bell that only listens."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from django.test import Client

from clinic.models import Clinic, Membership, Role
from clinic.tests.factories import BACKEND, ClinicFactory, MembershipFactory
from segmentation.services import queue

SignIn = Callable[[Membership], Client]


def pytest_configure(config: pytest.Config) -> None:
    # WhiteNoise misses the folder that only `collectstatic` makes.
    config.addinivalue_line("filterwarnings", "ignore:No directory at:UserWarning")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """The test's own folder for patients' files; uploads on their way have another one."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.INCOMING_ROOT = tmp_path / "incoming"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """What the bell was rung for, in place of a broker."""
    heard: list[uuid.UUID] = []
    monkeypatch.setattr(queue, "ring", heard.append)
    monkeypatch.setattr(queue, "ring_comparison", heard.append)
    return heard


@pytest.fixture
def clinic(db: None) -> Clinic:
    return ClinicFactory(name="North")


@pytest.fixture
def viewer(clinic: Clinic) -> Membership:
    return MembershipFactory(clinic=clinic, role=Role.VIEWER, user__username="viewer")


@pytest.fixture
def clinician(clinic: Clinic) -> Membership:
    return MembershipFactory(clinic=clinic, role=Role.CLINICIAN, user__username="clinician")


@pytest.fixture
def admin(clinic: Clinic) -> Membership:
    return MembershipFactory(clinic=clinic, role=Role.ADMIN, user__username="admin")


@pytest.fixture
def stranger(db: None) -> Membership:
    """An administrator of another clinic."""
    other = ClinicFactory(name="South")
    return MembershipFactory(clinic=other, role=Role.ADMIN, user__username="stranger")


@pytest.fixture
def sign_in() -> SignIn:
    """A browser in which the member is signed in."""

    def signed_in(member: Membership) -> Client:
        client = Client()
        client.force_login(member.user, BACKEND)
        return client

    return signed_in
