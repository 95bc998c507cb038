"""Teaching a network to name what a single picture shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.figshare import TypedSlice, iterate_types
from ml.datasets.splits import patients_in
from ml.hardware import autocast
from ml.training.augmentation import augment, build_augmentation
from ml.training.cases import TrainingCase, prepare_case, scale_sample
from ml.training.config import TrainingConfig
from ml.training.sampling import place_in_pass
from ml.training.validation import Validation
from ml.tumour_type.pictures import fit_picture

BATCH = 32
SMOOTHING = 0.05


class PictureSampler(Dataset[tuple[Tensor, Tensor]]):
    """Each picture once an epoch, shuffled and varied; or, balanced, each class as often.

    An item is a picture (C, side, side) and the number of its class. As with slices, item ``n`` of
    a run depends on the seed and ``n`` alone.
    """

    def __init__(self, slices: list[TypedSlice], config: TrainingConfig) -> None:
        """Raises ValueError where a class has no picture."""
        self.config = config
        self.labels = np.array([config.classes.index(one.label) for one in slices], dtype=np.int64)
        counts = np.bincount(self.labels, minlength=len(config.classes))
        if not counts.all():
            raise ValueError(f"{config.name} has no picture of {config.classes[counts.argmin()]}")
        self.places = [np.flatnonzero(self.labels == n) for n in range(len(config.classes))]
        self.cases = [_prepare(one, config) for one in slices]
        side = config.preparation.side
        self.transform = build_augmentation((side, side), config.augmentation)

    @property
    def steps_per_epoch(self) -> int:
        if self.config.sampling.order == "pass":
            return max(1, len(self.cases) // self.config.batch_size)
        return self.config.steps_per_epoch

    def __len__(self) -> int:
        return self.config.epochs * self.steps_per_epoch * self.config.batch_size

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng((self.config.seed, position))
        index = self._place(position, draw)
        case = self.cases[index]
        self.transform.set_random_state(seed=int(draw.integers(2**31)))
        picture, _ = augment(
            self.transform, case.brightness(0, 1)[:, 0], case.masks[:, 0].astype(np.float32)
        )
        scaled = scale_sample(picture, case, seen=case.present)
        return torch.from_numpy(scaled), torch.tensor(self.labels[index])

    def _place(self, position: int, draw: np.random.Generator) -> int:
        if self.config.sampling.order == "pass":
            shown = self.steps_per_epoch * self.config.batch_size
            return place_in_pass(
                position, shown=shown, count=len(self.cases), seed=self.config.seed
            )
        chosen = self.places[int(draw.integers(len(self.places)))]
        return int(chosen[int(draw.integers(len(chosen)))])


def _prepare(one: TypedSlice, config: TrainingConfig) -> TrainingCase:
    nothing = np.zeros(one.stack.pixels.shape[1:], dtype=np.bool_)
    case = LabelledCase(case=one.file, patient=one.fold, stack=one.stack, mask=nothing)
    return prepare_case(case, config.preparation)


class NamingTask:
    """One of ``config.classes`` for each picture."""

    def __init__(self, config: TrainingConfig, data_root: Path) -> None:
        self.config = config
        self.sampler = PictureSampler(_read(config, data_root, "train_on"), config)
        self.loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
        self.judged = _read(config, data_root, "validate_on")

    def validate(self, network: nn.Module) -> Validation:
        """The share of validation pictures that are named rightly; nothing without any."""
        if not self.judged:
            return Validation({})
        logits = read_logits(network, self.judged, self.config)
        named = logits.argmax(axis=1)
        right = [self.config.classes[n] == s.label for n, s in zip(named, self.judged, strict=True)]
        return Validation({"accuracy": float(np.mean(right))})


def read_logits(
    network: nn.Module, slices: list[TypedSlice], config: TrainingConfig
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The network's logits (N, classes) on ``slices``, each as it comes."""
    device = next(network.parameters()).device
    network.eval()
    found = []
    for start in range(0, len(slices), BATCH):
        batch = [fit_picture(s.stack, config.preparation) for s in slices[start : start + BATCH]]
        with torch.inference_mode(), autocast(device.type):
            logits = network(torch.from_numpy(np.stack(batch)).to(device))
        found.append(logits.float().cpu().numpy())
    return np.concatenate(found)


def _read(config: TrainingConfig, root: Path, parts: str) -> list[TypedSlice]:
    """The pictures of those folds that a source's split names for ``parts``.

    Raises DatasetError where a fold has none, or a picture shows none of the classes.
    """
    slices: list[TypedSlice] = []
    for source in config.sources:
        folds = patients_in(source.split, root, getattr(source, parts))
        own = [s for s in iterate_types(root / source.folder, folds) if s.label in config.classes]
        missing = folds - {one.fold for one in own}
        if missing:
            raise DatasetError(f"{root / source.folder} lacks {', '.join(sorted(missing))}")
        slices += own
    return slices
