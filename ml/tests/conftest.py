"""One thread for each test, so that a suite leaves the machine to others, and stand-in weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ml import models
from ml.commands import train
from ml.tests import factories


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _memory_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The train command changes it for good, and this process has other tests to run."""
    monkeypatch.setattr(train, "keep_freed_memory", lambda: True)


@pytest.fixture
def stub_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of what ships, holding the threshold network under the name of the real one."""
    folder = tmp_path / "weights"
    factories.write_weights(folder)
    monkeypatch.setattr(models, "WEIGHTS", folder)
    models.shipped_cards.cache_clear()
    models.cached_model.cache_clear()
    yield folder
    models.shipped_cards.cache_clear()
    models.cached_model.cache_clear()
