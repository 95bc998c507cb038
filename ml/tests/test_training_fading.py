"""Fainter oedema: only between the border of a tumour and its core, and never in the air."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.tests.training_factories import labelled_case, tiny_config, tiny_network, tiny_source
from ml.training.config import Sampling
from ml.training.fading import LEAST_KEPT, fade_oedema
from ml.training.sampling import SliceSampler


def picture() -> tuple[np.ndarray, np.ndarray]:
    """A brain of 0.4 in air, an oedema of 0.8 in it, and a core of 1.0 in that."""
    image = np.zeros((2, 64, 64), dtype=np.float32)
    image[:, 6:58, 6:58] = 0.4
    mask = np.zeros((2, 64, 64), dtype=np.float32)
    mask[0, 16:48, 16:48] = mask[1, 26:38, 26:38] = 1.0
    image[:, mask[0] > 0] = 0.8
    image[:, mask[1] > 0] = 1.0
    return image, mask


def test_oedema_is_drawn_towards_the_tissue_and_core_and_rest_stay() -> None:
    image, mask = picture()
    kept = []
    for seed in range(40):
        found = fade_oedema(image, mask, np.random.default_rng(seed))
        kept.append((float(found[0, 21, 32]) - 0.4) / 0.4)
        assert found[0, 30:34, 30:34] == pytest.approx(1.0, abs=0.02)
        assert found[1, 8:10, 8:10] == pytest.approx(0.4)
        assert not found[image == 0].any()
    assert LEAST_KEPT - 0.02 <= min(kept) < 0.4
    assert 0.85 < max(kept) <= 1.0
    assert image[0, 21, 32] == np.float32(0.8), "the case itself stays as it is"


def test_where_nobody_drew_a_core_all_of_the_tumour_fades() -> None:
    image, mask = picture()
    found = fade_oedema(image, mask[:1], np.random.default_rng(1))
    assert found[0, 32, 32] < 0.99


def test_a_run_shows_fainter_oedema_in_the_share_of_samples_that_it_says(tmp_path: Path) -> None:
    samplers = [
        SliceSampler([[labelled_case(6)]], tiny_config(tmp_path, sampling=sampling))
        for sampling in (Sampling(tumour_share=1.0), Sampling(tumour_share=1.0, fade_share=1.0))
    ]
    one, two = (torch.stack([sampler[n][0] for n in range(8)]) for sampler in samplers)
    assert not torch.equal(one, two)
    assert one.max() > two.max()


def test_a_slice_without_oedema_is_left_alone() -> None:
    image, mask = picture()
    mask[0] = mask[1]
    assert np.array_equal(fade_oedema(image, mask, np.random.default_rng(0)), image)


def test_a_sequence_that_is_absent_stays_absent() -> None:
    image, mask = picture()
    image[1] = 0
    assert not fade_oedema(image, mask, np.random.default_rng(0))[1].any()


def test_where_only_a_core_is_drawn_nothing_fades(tmp_path: Path) -> None:
    source = tiny_source(tmp_path, teaches="core", validate_on=())
    shown = [
        SliceSampler(
            [[labelled_case(6)]],
            tiny_config(
                tmp_path,
                sources=(source,),
                regions=("whole", "core"),
                network=tiny_network(out_channels=2),
                sampling=Sampling(tumour_share=1.0, fade_share=share),
            ),
        )[0][0]
        for share in (0.0, 1.0)
    ]
    assert torch.equal(*shown)
