"""Several regions in one network: their references, samples, readings and folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.regions import REGIONS, region_masks
from ml.engines.torch_engine import TorchEngine
from ml.inference import segment_regions, segment_stack
from ml.networks.efficientnet_lite import EfficientNetLite0, load_imagenet_weights
from ml.preparation import Preparation
from ml.stacks import only_channels
from ml.tests.training_factories import labelled_case, tiny_config, tiny_network, tiny_source
from ml.training.config import Sampling, choose_fold
from ml.training.sampling import SliceSampler

SQUARE = Preparation(frame="square", side=32)


def case_with_labels() -> LabelledCase:
    """Nested squares of oedema, necrosis and enhancing tumour on one slice of four."""
    case = labelled_case(4, with_tumour=0)
    labels = np.zeros(case.mask.shape, dtype=np.uint8)
    labels[1, 8:24, 8:24], labels[1, 10:20, 10:20], labels[1, 12:16, 12:16] = 2, 1, 4
    return replace(case, mask=labels > 0, labels=labels)


def test_each_region_holds_the_next() -> None:
    whole, core, enhancing = region_masks(case_with_labels(), REGIONS)
    assert (whole.sum(), core.sum(), enhancing.sum()) == (256, 100, 16)
    assert not (core & ~whole).any() and not (enhancing & ~core).any()


def test_the_names_of_2023_are_read_too() -> None:
    case = case_with_labels()
    assert case.labels is not None
    renamed = replace(case, labels=np.where(case.labels == 4, 3, case.labels))
    assert np.array_equal(region_masks(renamed, REGIONS), region_masks(case, REGIONS))


def test_a_case_with_one_label_has_no_core() -> None:
    with pytest.raises(DatasetError, match="core"):
        region_masks(labelled_case(2), REGIONS)


def test_a_sample_has_a_mask_for_each_region() -> None:
    config = tiny_config(
        Path("unread"), regions=REGIONS, network=tiny_network(out_channels=3),
        sampling=Sampling(tumour_share=1.0),
    )  # fmt: skip
    image, masks = SliceSampler([[case_with_labels()]], config)[0]
    assert image.shape == (3, 32, 32)
    assert [int(mask.sum()) for mask in masks] == [256, 100, 16]


def test_a_network_has_an_output_for_each_region() -> None:
    with pytest.raises(ValueError, match="3 outputs are learnt"):
        tiny_config(Path("unread"), regions=REGIONS)


def test_a_subset_keeps_at_least_one_sequence_and_loses_at_least_one() -> None:
    case = labelled_case(4)
    config = tiny_config(Path("unread"), sampling=Sampling(subset_share=1.0))
    sampler = SliceSampler([[case]], config)
    kept = {tuple(bool(channel.any()) for channel in sampler[n][0]) for n in range(120)}
    assert kept == {
        (True, False, False), (False, True, False), (False, False, True),
        (True, True, False), (True, False, True), (False, True, True),
    }  # fmt: skip


def test_only_the_named_subsets_are_shown_each_as_often() -> None:
    subsets = (("FLAIR", "T1ce"), ("T1",))
    config = tiny_config(Path("unread"), sampling=Sampling(subset_share=1.0, subsets=subsets))
    sampler = SliceSampler([[labelled_case(4)]], config)
    shown = [tuple(bool(channel.any()) for channel in sampler[n][0]) for n in range(120)]
    assert set(shown) == {(False, True, True), (True, False, False)}
    assert 40 < shown.count((True, False, False)) < 80
    with pytest.raises(ValueError, match="no such channel to draw: T2"):
        tiny_config(Path("unread"), sampling=Sampling(subset_share=1.0, subsets=(("T2",),)))


def test_a_case_that_has_nothing_of_a_subset_shows_what_it_has() -> None:
    case = labelled_case(4)
    flair = replace(case, stack=only_channels(case.stack, ("FLAIR",)))
    sampling = Sampling(subset_share=1.0, subsets=(("T1",),))
    sampler = SliceSampler([[flair]], tiny_config(Path("unread"), sampling=sampling))
    assert [bool(channel.any()) for channel in sampler[0][0]] == [False, True, False]


class Levels(torch.nn.Module):
    """One output for each of three levels of the first channel."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([20 * (images[:, 1:2] - level) for level in (0.0, 1.0, 2.0)], dim=1)


def test_each_region_is_read_and_the_first_is_the_mask() -> None:
    stack = case_with_labels().stack
    engine = TorchEngine(Levels(), precision="f32")
    found = segment_regions(engine, stack, stride=1, regions=3, preparation=SQUARE)
    assert found.shape == (3, *stack.pixels.shape[1:])
    assert (found[0] >= found[1]).all() and (found[1] >= found[2]).all()
    assert found[0].sum() > found[2].sum()
    alone = segment_stack(engine, stack, stride=1, preparation=SQUARE)
    assert np.array_equal(alone, found[0])


def test_colour_weights_answer_to_any_number_of_channels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    colour = EfficientNetLite0().eval()
    path = tmp_path / "colour.pth"
    torch.save(colour.state_dict(), path)
    wide = EfficientNetLite0(12).eval()
    load_imagenet_weights(wide, path)
    grey = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        expected = colour(grey.expand(1, 3, -1, -1))[-1]
        found = wide(grey.expand(1, 12, -1, -1))[-1]
    assert torch.allclose(found, expected, atol=1e-5)


def test_folds_are_runs_of_their_own_and_fold_0_is_what_ships() -> None:
    config = tiny_config(Path("unread"))
    source = tiny_source(Path("unread"), split="some-{fold}.toml", train_on=("train", "validation"))
    folded = replace(config, sources=(source,))
    second, ships = choose_fold(folded, 2), choose_fold(folded, 0)
    assert (second.name, second.sources[0].split) == ("tiny-2", "some-2.toml")
    assert second.sources[0].train_on == ("train", "validation")
    assert (ships.name, ships.sources[0].split) == ("tiny", "some-0.toml")
    assert ships.sources[0].train_on == ("train", "validation")
    with pytest.raises(ValueError, match="no folds"):
        choose_fold(config, 1)
