"""Draws training slices: balanced, varied, and the same again for the same seed and step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from monai.transforms import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ml.brain import brain_sections
from ml.datasets.cases import LabelledCase
from ml.intensity import FloatArray, IntensityScale, measure_scale
from ml.preparation import measure_scales, standardise
from ml.stacks import CHANNELS, head_box
from ml.training.augmentation import augment, build_augmentation
from ml.training.config import TrainingConfig

FLAIR = CHANNELS.index("FLAIR")


@dataclass(frozen=True)
class _PreparedCase:
    """A case cut to its head: ``pixels`` (C, Z, H, W) as read and ``mask`` (Z, H, W)."""

    pixels: NDArray[np.generic]
    mask: NDArray[np.bool_]
    present: tuple[bool, ...]
    scales: tuple[IntensityScale | None, ...]


@dataclass(frozen=True)
class _Pools:
    """The slices of one source as (index of the case, z)."""

    with_tumour: list[tuple[int, int]]
    without_tumour: list[tuple[int, int]]

    def draw(self, draw: np.random.Generator, tumour_share: float) -> tuple[int, int]:
        pool = self.with_tumour
        if not pool or (self.without_tumour and draw.random() >= tumour_share):
            pool = self.without_tumour
        return pool[int(draw.integers(len(pool)))]


def _strip_skull(case: LabelledCase) -> LabelledCase:
    """The case as if it came skull-stripped: everything outside a rough brain outline is air."""
    brain = brain_sections(case.stack.reference) | case.mask
    return replace(case, stack=replace(case.stack, pixels=case.stack.pixels * brain))


def _prepare(case: LabelledCase) -> _PreparedCase:
    rows, columns = head_box(case.stack.reference)
    return _PreparedCase(
        pixels=np.ascontiguousarray(case.stack.pixels[:, :, rows, columns]),
        mask=np.ascontiguousarray(case.mask[:, rows, columns]),
        present=case.stack.present,
        scales=measure_scales(case.stack),
    )


class SliceSampler(Dataset[tuple[Tensor, Tensor]]):
    """An endless data set: item ``n`` is the n-th drawn slice of the whole run.

    Each item seeds its own generator from the run's seed and ``n``, so a resumed run draws
    exactly what an uninterrupted one would have drawn.
    """

    def __init__(self, cases: dict[str, list[LabelledCase]], config: TrainingConfig) -> None:
        """``cases`` are the training cases by the name of their data set."""
        self.config = config
        self.transform: Compose = build_augmentation(config.patch, config.augmentation)
        self.cases: list[_PreparedCase] = []
        self.pools: list[_Pools] = []
        shares = [source.share for source in config.sources]
        self.shares = np.array(shares) / sum(shares)
        for source in config.sources:
            chosen = cases[source.dataset]
            if source.strip:
                chosen = chosen + [_strip_skull(case) for case in chosen]
            self.pools.append(self._add(chosen))

    def _add(self, cases: list[LabelledCase]) -> _Pools:
        pools = _Pools([], [])
        for case in cases:
            index = len(self.cases)
            self.cases.append(_prepare(case))
            for z, plane in enumerate(self.cases[index].mask):
                (pools.with_tumour if plane.any() else pools.without_tumour).append((index, z))
        return pools

    def __len__(self) -> int:
        return self.config.total_steps * self.config.batch_size

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng((self.config.seed, position))
        pools = self.pools[int(draw.choice(len(self.pools), p=self.shares))]
        index, z = pools.draw(draw, self.config.tumour_slice_share)
        case = self.cases[index]
        self.transform.set_random_state(seed=int(draw.integers(2**31)))
        image, mask = augment(self.transform, *self._raw_slice(case, z))
        scaled = self._standardise(image, case, draw)
        return torch.from_numpy(scaled), torch.from_numpy(mask > 0.5)[None].float()

    def _raw_slice(self, case: _PreparedCase, z: int) -> tuple[FloatArray, NDArray[np.float32]]:
        """The slice with each channel on 0 to 1 of its case's range, air being 0."""
        pixels = case.pixels[:, z].astype(np.float32)
        for channel, scale in enumerate(case.scales):
            if scale is not None and scale.high > 0:
                pixels[channel] = np.clip(pixels[channel], 0, scale.high) / scale.high
        return pixels, case.mask[z].astype(np.float32)

    def _standardise(
        self, image: FloatArray, case: _PreparedCase, draw: np.random.Generator
    ) -> FloatArray:
        """Some slices on their own scale, as when a single picture is uploaded."""
        present = self._drop_channels(case.present, draw)
        by_slice = draw.random() < self.config.slice_scale_share
        scales: list[IntensityScale | None] = []
        for channel, scale in enumerate(case.scales):
            if scale is None or not present[channel]:
                scales.append(None)
            elif by_slice or scale.high <= 0:
                scales.append(measure_scale(image[channel]))
            else:
                scales.append(
                    IntensityScale(
                        scale.low / scale.high,
                        1.0,
                        scale.mean / scale.high,
                        scale.deviation / scale.high,
                    )
                )
        return standardise(image, tuple(scales))

    def _drop_channels(
        self, present: tuple[bool, ...], draw: np.random.Generator
    ) -> tuple[bool, ...]:
        """Which channels the network gets to see; FLAIR, where the tumour shows, always stays."""
        flair_only = draw.random() < self.config.flair_only_share
        kept = []
        for channel, there in enumerate(present):
            dropped = flair_only or draw.random() < self.config.channel_dropout
            kept.append(there and (channel == FLAIR or not dropped))
        return tuple(kept)
