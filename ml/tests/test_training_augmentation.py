"""How a sample is varied: each property by itself, image and mask together, slices apart."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from monai.transforms import Compose

from ml.training.augmentation import Augmentation, augment, build_augmentation

SIDE = 48
STRENGTHS = {
    "flip": 1.0,
    "flip_rows": 1.0,
    "right_angles": 1.0,
    "rotation": 30.0,
    "zoom": 0.3,
    "shear": 0.3,
    "shift": 8.0,
    "elastic": 6.0,
    "brightness": 0.4,
    "contrast": 0.4,
    "gamma": 0.5,
    "bias": 0.5,
    "blur": 1.0,
    "noise": 0.1,
}
PLACEMENT = tuple(STRENGTHS)[:8]
RENDERING = tuple(STRENGTHS)[8:]


def sample(*deep: int) -> tuple[np.ndarray, np.ndarray]:
    """An L-shaped object on a dimmer ground, (1, [Z,] H, W), and where it is."""
    image = np.zeros((1, *deep, SIDE, SIDE), dtype=np.float32)
    image[..., 10:38, 10:38] = 0.3
    mask = np.zeros(image.shape[1:], dtype=np.float32)
    mask[..., 12:34, 12:20] = 1
    mask[..., 26:34, 20:30] = 1
    image[0][mask > 0] = 0.9
    return image, mask


def varied(
    strength: Augmentation, *deep: int, seed: int = 0, patch: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    transform = build_augmentation(patch or (*deep, SIDE, SIDE), strength)
    transform.set_random_state(seed=seed)
    return together(transform, *sample(*deep))


def together(
    transform: Compose, image: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A sample with one region, whose mask comes without the axis of the regions."""
    moved, masks = augment(transform, image, mask[None])
    return moved, masks[0]


def test_every_property_is_tried_here() -> None:
    assert (*STRENGTHS, "by_sequence") == tuple(item.name for item in fields(Augmentation))


@pytest.mark.parametrize("deep", [(), (4,)])
def test_nothing_moves_where_everything_is_zero(deep: tuple[int, ...]) -> None:
    image, mask = sample(*deep)

    still, still_mask = varied(Augmentation(), *deep)

    np.testing.assert_array_equal(still, image)
    np.testing.assert_array_equal(still_mask, mask)
    assert still.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "deep"),
    # Volumes are not sheared.
    [(name, deep) for name in STRENGTHS for deep in ((), (4,)) if not (name == "shear" and deep)],
)
def test_each_property_changes_the_image_by_itself(name: str, deep: tuple[int, ...]) -> None:
    image, mask = sample(*deep)
    moved, kept = 0, 0
    for seed in range(16):
        changed, changed_mask = varied(Augmentation(**{name: STRENGTHS[name]}), *deep, seed=seed)
        assert changed.shape == image.shape
        assert np.isfinite(changed).all()
        moved += not np.array_equal(changed, image)
        kept += np.array_equal(changed_mask, mask)

    assert moved >= 1
    if name in RENDERING:
        assert kept == 16, "how the scanner rendered it does not move the tumour"
    else:
        assert kept < 16


@pytest.mark.parametrize("deep", [(), (4,)])
@pytest.mark.parametrize("name", PLACEMENT)
def test_image_and_mask_move_together(name: str, deep: tuple[int, ...]) -> None:
    for seed in range(12):
        image, mask = varied(Augmentation(**{name: STRENGTHS[name]}), *deep, seed=seed)
        inside, outside = image[0][mask > 0.5], image[0][mask <= 0.5]
        assert inside.size > 0
        assert inside.mean() > 0.8
        assert outside.mean() < 0.3


def test_flips_go_the_way_they_are_named() -> None:
    image, mask = sample()

    columns, columns_mask = varied(Augmentation(flip=1.0))
    rows, _ = varied(Augmentation(flip_rows=1.0))

    np.testing.assert_array_equal(columns, image[:, :, ::-1])
    np.testing.assert_array_equal(columns_mask, mask[:, ::-1])
    np.testing.assert_array_equal(rows, image[:, ::-1])


def test_sequences_are_rendered_apart_and_the_slices_of_one_alike() -> None:
    image, mask = sample()
    # Two sequences, three slices each: (slice, sequence) along the first axis.
    stacked = np.concatenate([image] * 6)
    strength = {name: STRENGTHS[name] for name in ("brightness", "contrast", "gamma")}
    apart = build_augmentation(
        (SIDE, SIDE), Augmentation(**strength, by_sequence=True), sequences=2
    )
    together_ = build_augmentation((SIDE, SIDE), Augmentation(**strength), sequences=2)
    differ = 0
    for seed in range(12):
        for transform in (apart, together_):
            transform.set_random_state(seed=seed)
        changed, _ = augment(apart, stacked, mask[None])
        for sequence in range(2):
            np.testing.assert_array_equal(changed[sequence], changed[sequence + 2])
            np.testing.assert_array_equal(changed[sequence], changed[sequence + 4])
        differ += not np.array_equal(changed[0], changed[1])
        alike, _ = augment(together_, stacked, mask[None])
        np.testing.assert_array_equal(alike[0], alike[1])
    assert differ > 6

    apart.set_random_state(seed=3)
    first = augment(apart, stacked, mask[None])[0]
    apart.set_random_state(seed=3)
    np.testing.assert_array_equal(augment(apart, stacked, mask[None])[0], first)


def numbered(deep: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A volume whose slices have each their own level of grey, and one of them the tumour."""
    levels = np.linspace(0.2, 1.0, deep, dtype=np.float32)
    image = np.broadcast_to(levels[:, None, None], (deep, SIDE, SIDE)).copy()[None]
    mask = np.zeros(image.shape[1:], dtype=np.float32)
    mask[2, 12:34, 12:20] = 1
    return image, mask


@pytest.mark.parametrize("name", [*PLACEMENT, "blur"])
def test_in_3d_no_slice_is_mixed_with_its_neighbours(name: str) -> None:
    image, mask = numbered()
    transform = build_augmentation(mask.shape, Augmentation(**{name: STRENGTHS[name]}))
    for seed in range(8):
        transform.set_random_state(seed=seed)
        moved, moved_mask = together(transform, image, mask)

        assert np.flatnonzero(moved_mask.any(axis=(1, 2))).tolist() == [2]
        for level, plane in zip(image[0, :, 0, 0], moved[0], strict=True):
            # Air may come in from the side; a neighbour's level may not.
            assert plane.max() <= level + 1e-4
            assert plane[20:28, 20:28] == pytest.approx(level, abs=1e-3)


def test_in_3d_all_slices_are_deformed_alike() -> None:
    for seed in range(12):
        image, _ = varied(Augmentation(elastic=6.0, rotation=20.0), 4, seed=seed)
        for plane in image[0, 1:]:
            np.testing.assert_allclose(plane, image[0, 0], atol=1e-4)


@pytest.mark.parametrize(("side", "patch"), [(48, (32, 64)), (48, (64, 64)), (48, (16, 16))])
def test_the_sample_is_cut_or_filled_up_with_air_round_its_middle(
    side: int, patch: tuple[int, int]
) -> None:
    image, mask = varied(Augmentation(), patch=patch)

    assert image.shape == (1, *patch)
    assert mask.shape == patch
    rows, columns = ((side - size) // 2 for size in patch)
    original = sample()[0][0]
    for row, column in ((4, 5), (patch[0] // 2, patch[1] // 2)):
        source = (row + rows, column + columns)
        inside = all(0 <= place < side for place in source)
        assert image[0, row, column] == (original[source] if inside else 0)


def test_the_same_seed_varies_alike_and_another_one_otherwise() -> None:
    every = Augmentation(**STRENGTHS)
    one, two, other = (varied(every, seed=seed) for seed in (3, 3, 4))

    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], other[0])


def test_noise_has_about_the_deviation_asked_for() -> None:
    image = np.full((1, SIDE, SIDE), 0.5, dtype=np.float32)
    transform = build_augmentation((SIDE, SIDE), Augmentation(noise=0.1))
    deviations = []
    for seed in range(20):
        transform.set_random_state(seed=seed)
        deviations.append(float(together(transform, image, image[0])[0].std()))

    assert 0 < max(deviations) < 0.12
    assert deviations.count(0.0) > 5, "noise is not always there"
