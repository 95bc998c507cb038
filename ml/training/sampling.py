"""Draws training samples: balanced, varied, and the same again for the same seed and step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ml.datasets.cases import LabelledCase
from ml.intensity import FloatArray
from ml.preparation import SCALES
from ml.training.augmentation import augment, build_augmentation
from ml.training.cases import TrainingCase, prepare_case, scale_sample, strip_skull, turn_case
from ml.training.config import TrainingConfig
from ml.training.fading import fade_oedema
from ml.training.open_regions import open_target
from ml.views import AXIAL, views_of

Place = tuple[int, int]
"""The index of a case and of a slice in it."""


@dataclass(frozen=True)
class _Pools:
    """The slices of one source."""

    with_tumour: list[Place]
    without_tumour: list[Place]

    def draw(self, draw: np.random.Generator, tumour_share: float) -> Place:
        pool = self.with_tumour
        if not pool or (self.without_tumour and draw.random() >= tumour_share):
            pool = self.without_tumour
        return pool[int(draw.integers(len(pool)))]


class SliceSampler(Dataset[tuple[Tensor, Tensor]]):
    """An endless data set: item ``n`` is the n-th sample of the whole run.

    Each item seeds its own generator from the run's seed and ``n``, so a resumed run draws
    exactly what an uninterrupted one would have drawn. An item is an image (C, H, W) and a mask
    for each region (R, H, W), ``OPEN`` where nobody drew; for a 3D network (C, Z, H, W) and
    (R, Z, H, W).
    """

    def __init__(self, cases: list[list[LabelledCase]], config: TrainingConfig) -> None:
        """``cases`` are the training cases of each of the configuration's sources.

        Raises ValueError where no source has a slice to show.
        """
        self.config = config
        self.transform: Compose = build_augmentation(
            config.patch, config.augmentation, sequences=len(config.preparation.channels)
        )
        self.cases: list[TrainingCase] = []
        self.pools: list[_Pools] = []
        for source, labelled in zip(config.sources, cases, strict=True):
            stripped = [strip_skull(case) for case in labelled] if source.strip else []
            turned = [
                turn_case(case, view)
                for case in labelled
                for view in views_of(case.stack, config.preparation.views)
                if view != AXIAL
            ]
            self.pools.append(self._add([*labelled, *stripped, *turned], source.teaches))
        self.every = [
            place for pools in self.pools for place in (*pools.with_tumour, *pools.without_tumour)
        ]
        if not self.every:
            raise ValueError(f"{config.name} has no slice to train on")
        shares = np.array(
            [
                source.share if pools.with_tumour or pools.without_tumour else 0.0
                for source, pools in zip(config.sources, self.pools, strict=True)
            ]
        )
        self.shares = shares / shares.sum()

    def _add(self, cases: list[LabelledCase], taught: str) -> _Pools:
        pools = _Pools([], [])
        for labelled in cases:
            index = len(self.cases)
            self.cases.append(
                prepare_case(labelled, self.config.preparation, self.config.regions, taught=taught)
            )
            for z, plane in enumerate(self.cases[index].masks[0]):
                if plane.any():
                    pools.with_tumour.append((index, z))
                elif self.config.sampling.slices == "all":
                    pools.without_tumour.append((index, z))
        return pools

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch; a pass leaves out what does not fill a batch."""
        if self.config.sampling.order == "pass":
            return max(1, len(self.every) // self.config.batch_size)
        return self.config.steps_per_epoch

    def __len__(self) -> int:
        return self.config.epochs * self.steps_per_epoch * self.config.batch_size

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng((self.config.seed, position))
        index, z = self._place(position, draw)
        case = self.cases[index]
        self.transform.set_random_state(seed=int(draw.integers(2**31)))
        image, mask = self._cut(case, z, draw)
        # Oedema lies round the core: where only an inner region is drawn, nobody knows of any.
        has_oedema = case.taught in ("", *self.config.regions[:1])
        fade_share = self.config.sampling.fade_share if has_oedema else 0.0
        if fade_share and draw.random() < fade_share:
            image = fade_oedema(image, mask, draw)
        image, mask = augment(self.transform, image, mask)
        scaled = self._scale(image, case, draw)
        return torch.from_numpy(scaled), self._target(case, torch.from_numpy(mask > 0.5).float())

    def _target(self, case: TrainingCase, drawn: Tensor) -> Tensor:
        regions = self.config.regions
        if not case.taught:
            return drawn
        return open_target(drawn, taught=regions.index(case.taught), regions=len(regions))

    def _place(self, position: int, draw: np.random.Generator) -> Place:
        sampling = self.config.sampling
        if sampling.order == "pass":
            shown = self.steps_per_epoch * self.config.batch_size
            return self.every[
                place_in_pass(position, shown=shown, count=len(self.every), seed=self.config.seed)
            ]
        pools = self.pools[int(draw.choice(len(self.pools), p=self.shares))]
        return pools.draw(draw, sampling.tumour_share)

    def _cut(
        self, case: TrainingCase, z: int, draw: np.random.Generator
    ) -> tuple[FloatArray, NDArray[np.float32]]:
        """The sample round slice ``z`` before it is varied, with the mask."""
        if len(self.config.patch) == 3:
            return self._cut_window(case, z, draw)
        context = self.config.preparation.context
        around = case.brightness(z - context, z + context + 1)
        # (C, n, H, W) to (n x C, H, W): the channels of each slice stay together.
        channels = around.swapaxes(0, 1).reshape(-1, *around.shape[2:])
        return channels, case.masks[:, z].astype(np.float32)

    def _cut_window(
        self, case: TrainingCase, z: int, draw: np.random.Generator
    ) -> tuple[FloatArray, NDArray[np.float32]]:
        """A window (Z, H, W) that holds slice ``z``, and a tumour voxel of it if it has any."""
        deep, *plane = self.config.patch
        start = z - int(draw.integers(deep))
        inside = np.argwhere(case.masks[0, z])
        place = (
            inside[int(draw.integers(len(inside)))]
            if len(inside)
            else draw.integers(case.masks.shape[2:])
        )
        spans = []
        for middle, size, length in zip(place, plane, case.masks.shape[2:], strict=True):
            first = int(np.clip(middle - draw.integers(size), 0, max(0, length - size)))
            spans.append(slice(first, first + size))
        rows, columns = spans
        chosen = np.clip(np.arange(start, start + deep), 0, case.masks.shape[1] - 1)
        image = case.brightness(start, start + deep)[:, :, rows, columns]
        return image, case.masks[:, chosen, rows, columns].astype(np.float32)

    def _scale(
        self, image: FloatArray, case: TrainingCase, draw: np.random.Generator
    ) -> FloatArray:
        seen = self._seen_channels(case.present, draw)
        by_itself = draw.random() < self.config.sampling.slice_scale_share
        own_scale = SCALES[self.config.preparation.scale] if by_itself else None
        if len(self.config.patch) == 3:
            return scale_sample(image, case, seen=seen, own_scale=own_scale)
        slices = np.split(image, 2 * self.config.preparation.context + 1)
        return np.concatenate(
            [scale_sample(one, case, seen=seen, own_scale=own_scale) for one in slices]
        )

    def _seen_channels(
        self, present: tuple[bool, ...], draw: np.random.Generator
    ) -> tuple[bool, ...]:
        """Which channels the network gets to see; FLAIR, where the tumour shows, always stays.

        Of a case without FLAIR, whatever it has stays. Where subsets are drawn, any may be lost.
        """
        sampling, channels = self.config.sampling, self.config.preparation.channels
        # Nothing is drawn without need, so that runs from before subsets stay as they were.
        if sampling.subset_share and draw.random() < sampling.subset_share:
            if sampling.subsets:
                return _one_of(sampling.subsets, channels, present, draw)
            return _subset(present, draw)
        has_flair = "FLAIR" in channels and present[channels.index("FLAIR")]
        flair_only = draw.random() < sampling.flair_only_share
        seen = []
        for name, there in zip(channels, present, strict=True):
            dropped = flair_only or draw.random() < sampling.channel_dropout
            seen.append(there and (name == "FLAIR" or not (dropped and has_flair)))
        return tuple(seen)


def place_in_pass(position: int, *, shown: int, count: int, seed: int) -> int:
    """Which of ``count`` things sample ``position`` shows, where each comes once an epoch.

    ``shown`` are the samples of an epoch; each epoch has an order of its own.
    """
    epoch, number = divmod(position, shown)
    return int(np.random.default_rng((seed, epoch, 0)).permutation(count)[number % count])


def _one_of(
    subsets: tuple[tuple[str, ...], ...],
    channels: tuple[str, ...],
    present: tuple[bool, ...],
    draw: np.random.Generator,
) -> tuple[bool, ...]:
    """What the case has of one of ``subsets``; all that it has where that is nothing."""
    chosen = subsets[int(draw.integers(len(subsets)))]
    seen = tuple(there and name in chosen for name, there in zip(channels, present, strict=True))
    return seen if any(seen) else present


def _subset(present: tuple[bool, ...], draw: np.random.Generator) -> tuple[bool, ...]:
    """A part of the channels that are there: first how many, then which."""
    there = np.flatnonzero(present)
    kept = draw.permutation(there)[: int(draw.integers(1, max(2, len(there))))]
    return tuple(bool(n in kept) for n in range(len(present)))
