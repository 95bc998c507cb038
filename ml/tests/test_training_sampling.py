"""Which slices are shown and what is left of them: by share, in turn, and the same again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.datasets.cases import LabelledCase
from ml.preparation import Preparation, make_frame, measure_scales, prepare_slices
from ml.stacks import flair_only, stack_of_channels
from ml.tests.training_factories import labelled_case, tiny_config, tiny_network, tiny_source
from ml.training.augmentation import Augmentation
from ml.training.config import Sampling, TrainingConfig
from ml.training.sampling import SliceSampler

STILL = Path("unread")
IN_TURN = Sampling(order="pass")


def sampler(cases: list[LabelledCase], **changes: Any) -> SliceSampler:
    return SliceSampler([cases], tiny_config(STILL, **changes))


def bright_case(levels: list[int], with_tumour: int = 0) -> LabelledCase:
    """A case whose slices are told apart by their level of grey."""
    case = labelled_case(len(levels), with_tumour=with_tumour)
    pixels = np.zeros_like(case.stack.pixels)
    pixels[:, :, 4:-4, 4:-4] = np.array(levels, dtype=np.uint8)[:, None, None]
    return replace(case, stack=replace(case.stack, pixels=pixels))


RANGE = {"preparation": Preparation(frame="square", side=32, scale="range")}


def levels_of(found: SliceSampler, positions: range) -> list[int]:
    """The level of grey of each sample, as in its file where the brightest is 200."""
    return [round(float(found[n][0][0].max()) * 200) for n in positions]


# Which slices


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_slices_with_tumour_are_drawn_as_often_as_the_config_says(share: float) -> None:
    found = sampler([labelled_case(8, with_tumour=2)], sampling=Sampling(tumour_share=share))
    drawn = np.mean([bool(found[n][1].any()) for n in range(200)])

    # Four standard deviations of a binomial share.
    assert drawn == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200))


@pytest.mark.parametrize(("slices", "with_tumour"), [("tumour", 2), ("all", 0)])
def test_where_there_is_only_one_kind_of_slice_it_is_drawn(slices: str, with_tumour: int) -> None:
    case = labelled_case(4, with_tumour=with_tumour)
    found = sampler([case], sampling=Sampling(slices=slices, tumour_share=0.5))
    assert {bool(found[n][1].any()) for n in range(8)} == {with_tumour > 0}


def test_only_slices_with_tumour_are_shown_where_the_config_says_so() -> None:
    every = sampler([labelled_case(8, with_tumour=3)], sampling=IN_TURN)
    chosen = sampler([labelled_case(8, with_tumour=3)], sampling=replace(IN_TURN, slices="tumour"))

    assert (len(every.every), len(chosen.every)) == (8, 3)
    assert all(chosen[n][1].any() for n in range(9))


def test_a_pass_shows_each_slice_once_an_epoch_in_another_order_each_time() -> None:
    levels = [50, 75, 100, 125, 150, 175, 190, 200]
    found = sampler([bright_case(levels)], sampling=IN_TURN, batch_size=2, **RANGE)

    epochs = [levels_of(found, range(start, start + 8)) for start in (0, 8, 16)]

    assert found.steps_per_epoch == 4
    assert [sorted(epoch) for epoch in epochs] == [levels] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_pass_leaves_out_what_does_not_fill_a_batch_and_not_always_the_same() -> None:
    levels = [80, 110, 140, 170, 200]
    found = sampler([bright_case(levels)], sampling=IN_TURN, batch_size=2, **RANGE)
    assert found.steps_per_epoch == 2

    left_out = set()
    for epoch in range(8):
        shown = levels_of(found, range(4 * epoch, 4 * epoch + 4))
        assert len(set(shown)) == 4
        left_out |= set(levels) - set(shown)
    assert len(left_out) > 1


def test_a_pass_over_fewer_slices_than_a_batch_is_one_step() -> None:
    found = sampler([labelled_case(3)], sampling=IN_TURN, batch_size=8)
    assert found.steps_per_epoch == 1
    assert found[7][0].shape == (3, 32, 32)


def test_sources_are_drawn_by_their_share_whatever_their_size() -> None:
    sources = tuple(tiny_source(STILL, share=share) for share in (3.0, 1.0, 1.0))
    config = tiny_config(STILL, sources=sources, **RANGE)
    dim, bright = bright_case([90, 90, 200]), bright_case([200] * 12)
    # The third has nothing to show, and its share falls to the others.
    found = SliceSampler([[dim], [bright], []], config)

    counts = Counter(level == 200 for level in levels_of(found, range(200)))

    assert found.shares.tolist() == [0.75, 0.25, 0.0]
    # A quarter from the second source, and a third of the first's slices are as bright.
    assert counts[True] / 200 == pytest.approx(0.25 + 0.75 / 3, abs=0.15)


def test_a_run_without_any_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="tiny has no slice to train on"):
        sampler([])
    with pytest.raises(ValueError, match="no slice"):
        sampler([labelled_case(3, with_tumour=0)], sampling=Sampling(slices="tumour"))


def test_a_source_to_be_stripped_is_there_with_and_without_its_skull() -> None:
    source = tiny_source(STILL, strip=True)
    plain, stripped = sampler([labelled_case(4)], sources=(source,)).cases

    assert stripped.masks.sum() == plain.masks.sum()
    assert (stripped.pixels > 0).sum() <= (plain.pixels > 0).sum()


# The same again


def test_an_item_is_the_same_whenever_it_is_asked_for() -> None:
    strong = Augmentation(flip=0.5, rotation=20, elastic=4, gamma=0.3, bias=0.3, noise=0.1)
    sampling = Sampling(channel_dropout=0.3, flair_only_share=0.3, slice_scale_share=0.5)
    one, two = (
        sampler([labelled_case(6)], augmentation=strong, sampling=sampling) for _ in range(2)
    )
    two[5], two[0]

    for position in (0, 3, 1):
        for mine, other in zip(one[position], two[position], strict=True):
            assert torch.equal(mine, other)
    assert not torch.equal(one[0][0], one[1][0])


def test_another_seed_draws_otherwise() -> None:
    strong = Augmentation(noise=0.1, rotation=10)
    one, two = (sampler([labelled_case(6)], augmentation=strong, seed=seed) for seed in (1, 2))
    assert not all(torch.equal(one[n][0], two[n][0]) for n in range(4))


def test_the_run_has_as_many_items_as_it_takes_samples() -> None:
    assert len(sampler([labelled_case(6)], epochs=3, steps_per_epoch=5, batch_size=4)) == 60


# Their form


@pytest.mark.parametrize("frame", ["head", "square"])
def test_a_sample_has_the_form_that_the_network_takes(frame: str) -> None:
    preparation = Preparation(frame=frame, side=32)
    strong = Augmentation(rotation=20, noise=0.05, gamma=0.3)
    sampling = Sampling(patch=(24, 40))
    found = sampler(
        [labelled_case(5)], preparation=preparation, sampling=sampling, augmentation=strong
    )
    for position in range(12):
        image, mask = found[position]
        assert (image.shape, mask.shape) == ((3, 24, 40), (1, 24, 40))
        assert image.dtype == mask.dtype == torch.float32
        assert torch.isfinite(image).all()
        assert set(mask.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("scale", ["standard", "range"])
@pytest.mark.parametrize("context", [0, 1])
def test_a_sample_that_is_not_varied_is_what_the_network_is_fed_in_use(
    scale: str, context: int
) -> None:
    case = labelled_case(5)
    preparation = Preparation(frame="square", side=32, scale=scale, context=context)
    network = tiny_network(in_channels=preparation.input_channels)
    found = sampler([case], preparation=preparation, network=network, sampling=IN_TURN)
    fed = torch.from_numpy(
        prepare_slices(
            case.stack,
            np.arange(5),
            scales=measure_scales(case.stack, scale),
            frame=make_frame(case.stack, preparation),
            context=context,
        )
    )

    for position in range(4):
        image, mask = found[position]
        distance = [float((image - one).abs().max()) for one in fed]
        assert min(distance) < 1e-4
        drawn = torch.from_numpy(case.mask[int(np.argmin(distance))])
        assert torch.equal(mask[0] > 0, drawn)


# Channels


def seen_channels(found: SliceSampler, count: int) -> list[set[int]]:
    images = (found[n][0] for n in range(count))
    return [{c for c in range(3) if image[c].any()} for image in images]


def test_flair_stays_when_every_other_channel_is_dropped() -> None:
    for sampling in (Sampling(flair_only_share=1.0), Sampling(channel_dropout=1.0)):
        assert seen_channels(sampler([labelled_case(4)], sampling=sampling), 6) == [{1}] * 6


def test_all_channels_are_shown_where_none_is_to_be_dropped() -> None:
    assert seen_channels(sampler([labelled_case(4)]), 6) == [{0, 1, 2}] * 6


def test_channels_are_dropped_as_often_as_the_config_says_and_flair_never() -> None:
    found = sampler([labelled_case(4)], sampling=Sampling(channel_dropout=0.3))
    seen = seen_channels(found, 160)

    assert all(1 in channels for channels in seen)
    for other in (0, 2):
        share = np.mean([other not in channels for channels in seen])
        assert share == pytest.approx(0.3, abs=0.15)


def test_flair_alone_is_shown_as_often_as_the_config_says() -> None:
    found = sampler([labelled_case(4)], sampling=Sampling(flair_only_share=0.5))
    alone = np.mean([channels == {1} for channels in seen_channels(found, 160)])
    assert alone == pytest.approx(0.5, abs=0.16)


def test_a_case_without_flair_keeps_what_it_has() -> None:
    case = labelled_case(4)
    t1ce = replace(case, stack=stack_of_channels({"T1ce": case.stack.pixels[2]}))
    found = sampler([t1ce], sampling=Sampling(flair_only_share=1.0, channel_dropout=1.0))
    assert seen_channels(found, 4) == [{2}] * 4


def test_a_channel_that_a_case_lacks_is_never_shown() -> None:
    case = labelled_case(4)
    found = sampler([replace(case, stack=flair_only(case.stack))])
    assert seen_channels(found, 4) == [{1}] * 4


def test_a_sample_is_scaled_by_its_own_grey_values_where_the_config_says_so() -> None:
    case = bright_case([100, 200])
    own = sampler([case], sampling=Sampling(slice_scale_share=1.0), **RANGE)
    whole = sampler([case], **RANGE)

    assert set(levels_of(own, range(12))) == {200}
    assert set(levels_of(whole, range(12))) == {100, 200}


# Windows of volumes


def windows(case: LabelledCase, **sampling: Any) -> SliceSampler:
    config: TrainingConfig = tiny_config(
        STILL,
        network=tiny_network(dimensions=3),
        sampling=Sampling(patch=(4, 16, 16), **sampling),
    )
    return SliceSampler([[case]], config)


def test_a_window_holds_tumour_when_it_is_asked_for() -> None:
    found = windows(labelled_case(12, with_tumour=3), tumour_share=1.0)
    for position in range(30):
        image, mask = found[position]
        assert (image.shape, mask.shape) == ((3, 4, 16, 16), (1, 4, 16, 16))
        assert torch.isfinite(image).all()
        assert mask.any()


def test_windows_lie_at_many_places() -> None:
    found = windows(labelled_case(12, with_tumour=0), tumour_share=0.0)
    assert len({found[n][0].numpy().tobytes() for n in range(12)}) > 8


def test_a_volume_smaller_than_the_window_is_filled_up() -> None:
    found = windows(labelled_case(2, side=12), tumour_share=0.5)
    image, mask = found[0]
    assert (image.shape, mask.shape) == ((3, 4, 16, 16), (1, 4, 16, 16))
    assert torch.isfinite(image).all()
