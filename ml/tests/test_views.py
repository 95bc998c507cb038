"""A volume seen from three sides: the same voxels, and the mean of what is read from each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.inference import segment_regions
from ml.intensity import FloatArray
from ml.preparation import Preparation
from ml.stacks import AxialStack
from ml.tests.factories import flair_stack, head_with_blob, threshold_model
from ml.tests.training_factories import labelled_case, tiny_config, tiny_network
from ml.training.sampling import SliceSampler
from ml.uncertainty.voxels import read_unsure
from ml.views import ORDERS, seen_from, turn, views_of

ALL = ("axial", "coronal", "sagittal")
FLAIR = Preparation(channels=("FLAIR",), context=1, views=ALL)


def cube(sizes: tuple[float, float, float] | None = (1.0, 1.0, 1.0)) -> AxialStack:
    """A head that is dark and bright by turns from foot to crown, and even in its axial slices."""
    slices = np.zeros((40, 48, 44), dtype=np.float32)
    slices[4:36, 6:42, 6:38] = 100
    slices[4:36:2, 6:42, 6:38] = 300
    if sizes is None:
        return flair_stack(slices)
    return replace(flair_stack(slices, sizes[1:]), slice_mm=sizes[0])


class Neighbours:
    """Says tumour where a slice differs from the one before it."""

    name, dimensions = "neighbours", 2

    def __init__(self) -> None:
        self.read_slices = 0

    def read(self, images: FloatArray) -> FloatArray:
        self.read_slices += len(images)
        return (np.abs(images[:, 1:2] - images[:, :1]) > 0.5).astype(np.float32)


def read(stack: AxialStack, **options: object) -> FloatArray:
    how = {"stride": 4, "preparation": FLAIR, "mirror": False, **options}
    return segment_regions(Neighbours(), stack, **how)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("view", ALL)
def test_turning_twice_is_as_before(view: str) -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    assert np.array_equal(turn(turn(values, view), view), values)


def test_coronal_slices_run_from_front_to_back_and_sagittal_ones_from_side_to_side() -> None:
    stack = cube((3.0, 2.0, 1.0))
    stack.pixels[1, 5, 7, 9] = 999
    coronal, sagittal = seen_from(stack, "coronal"), seen_from(stack, "sagittal")
    assert coronal.pixels[1, 7, 5, 9] == sagittal.pixels[1, 9, 7, 5] == 999
    assert (coronal.slice_mm, coronal.pixel_mm) == (2.0, (3.0, 1.0))
    assert (sagittal.slice_mm, sagittal.pixel_mm) == (1.0, (2.0, 3.0))
    assert np.array_equal(turn(sagittal.head, "sagittal"), stack.head)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((1.0, 1.0, 1.0), ALL), ((1.5, 1.0, 1.0), ALL), ((5.0, 1.0, 1.0), ALL[:1]), (None, ALL[:1])],
)
def test_thick_slices_and_unknown_sizes_have_one_side(
    sizes: tuple[float, float, float] | None, expected: tuple[str, ...]
) -> None:
    assert views_of(cube(sizes), ALL) == expected


def test_a_stack_of_unknown_size_is_not_turned() -> None:
    with pytest.raises(ValueError, match="one side only"):
        seen_from(cube(None), "coronal")


def test_what_is_read_from_all_sides_is_averaged_in_its_place() -> None:
    found = read(cube())
    # From above each slice differs from the last; from the other sides nothing does, but the rim.
    assert found[10:30, 12:36, 12:32] == pytest.approx(1 / 3)
    assert read(cube((5.0, 1.0, 1.0)))[10:30, 12:36, 12:32] == pytest.approx(1.0)
    assert found[:, 6, 12:32].max() == pytest.approx(2 / 3), "the first coronal slice"


def test_one_that_asks_each_voxel_alone_says_the_same_from_any_side() -> None:
    volume, _ = head_with_blob()
    stack = replace(flair_stack(volume.transpose(2, 1, 0), (1.0, 1.0)), slice_mm=1.0)
    engine = threshold_model().engine
    once = segment_regions(engine, stack, stride=1, mirror=False)
    thrice = segment_regions(
        engine, stack, stride=1, mirror=False, preparation=Preparation(views=ALL)
    )
    assert (once > 0.5).any()
    assert thrice == pytest.approx(once, abs=1e-4)


def test_progress_counts_the_slices_of_all_sides() -> None:
    told: list[tuple[int, int]] = []
    read(cube(), progress=lambda *n: told.append(n))
    assert told[-1] == (32 + 36 + 32, 32 + 36 + 32)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_where_it_is_unsure_is_asked_of_axial_slices_alone() -> None:
    stub = threshold_model()
    model = replace(
        stub, engine=Neighbours(), card=replace(stub.card, preparation=FLAIR, mirror=False)
    )
    probability = np.zeros((40, 48, 44), dtype=np.float32)
    probability[12:16] = 0.5
    read_unsure(model, cube(), probability)
    assert isinstance(model.engine, Neighbours)
    assert model.engine.read_slices == 5 * 8, "five readings of one batch"


def test_a_network_of_three_sides_is_taught_from_all_of_them(tmp_path: Path) -> None:
    case = labelled_case(count=12, side=16)
    solid = replace(case, stack=replace(case.stack, pixel_mm=(1.0, 1.0), slice_mm=1.0))
    preparation = Preparation(frame="square", side=16, views=ALL)
    config = tiny_config(tmp_path, network=tiny_network(), preparation=preparation)
    assert len(SliceSampler([[case]], config).every) == 12
    sampler = SliceSampler([[solid]], config)
    assert len(sampler.every) == 12 + 16 + 16
    shown = {tuple(one.masks.shape) for one in sampler.cases}
    assert shown == {(1, 12, 16, 16), (1, 16, 16, 16)}, "each stretched to the square"
    tumour = case.mask.any(axis=(1, 2)), case.mask.any(axis=(0, 2)), case.mask.any(axis=(0, 1))
    assert len(sampler.pools[0].with_tumour) == sum(int(one.sum()) for one in tumour)


def test_views_begin_with_the_axial_one() -> None:
    for views in ((), ("coronal",), ("axial", "oblique")):
        with pytest.raises(ValueError, match="views are axial"):
            Preparation(views=views)
    assert set(ORDERS) == set(ALL)
