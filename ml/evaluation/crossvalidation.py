"""A cross-validation as one result: each patient judged once, by the run that never saw them.

Every region is judged with every set of sequences that is asked for. Where a reference is empty
(a tumour that does not enhance) there is no Dice; what counts is whether the model kept silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from ml.datasets.cases import LabelledCase
from ml.datasets.regions import WHOLE, region_masks
from ml.datasets.registry import READERS
from ml.datasets.splits import patients_in
from ml.evaluation.bootstrap import LEVEL, RESAMPLES
from ml.evaluation.scoring import CaseScore, score_case
from ml.evaluation.summary import summarise
from ml.evaluation.thresholds import Chosen, Suited, choose_thresholds, suit_thresholds
from ml.glioma import CONTRAST
from ml.models import Model, load_model_from
from ml.prediction import read_regions
from ml.stacks import only_channels
from ml.training.config import FOLD, TrainingConfig, choose_fold

Job = TypeVar("Job")
Found = TypeVar("Found")
Kept = dict[tuple[str, str], list[CaseScore]]
"""Scores by set of sequences and region."""


@dataclass(frozen=True)
class Fold:
    """One run of the cross-validation: its weights, and whom they never saw."""

    model: Model
    cases: list[LabelledCase]


@dataclass(frozen=True)
class Runs:
    """The runs of a cross-validation: ``<folder>/<name>-<fold>/<name>-<fold>.safetensors``.

    ``thresholds`` are those of the folds, where they are not the configuration's.
    """

    config: TrainingConfig
    folder: Path
    data_root: Path
    engine: str = "auto"
    thresholds: Mapping[int, float] | None = None

    def read_fold(self, number: int) -> Fold:
        """One run, with the patients that it never saw; drawn with its own threshold, if given.

        It reads as the configuration says now, which may have been written after the training.
        """
        run = choose_fold(self.config, number)
        source = run.sources[judged_source(self.config)]
        patients = patients_in(source.split, self.data_root, ("test",))
        folder = self.data_root / source.folder
        cases = list(READERS[source.dataset](folder, patients, run.preparation.channels))
        weights = self.folder / run.name / f"{run.name}.safetensors"
        model = load_model_from(weights, engine=self.engine)
        card = replace(model.card, mirror=run.reading.mirror)
        if self.thresholds is not None:
            card = replace(card, threshold=self.thresholds[number])
        return Fold(replace(model, card=card), cases)


def judged_source(config: TrainingConfig) -> int:
    """Which of the sources is cut into folds; the others only teach.

    Raises ValueError where it is not exactly one.
    """
    cut = [n for n, source in enumerate(config.sources) if FOLD in source.split]
    if len(cut) != 1:
        raise ValueError(f"{config.name}: {len(cut)} sources have folds, where one is judged")
    return cut[0]


def judge_runs(
    runs: Runs, *, folds: Sequence[int], shown: Sequence[tuple[str, ...]], processes: int = 1
) -> Kept:
    """The scores of all patients, in the order of ``folds``; see :func:`judge_fold`.

    Several ``processes`` share the sets of sequences among them, and each reads a fold anew.
    """
    sets = [tuple(shown)] if processes == 1 else [(names,) for names in shown]
    jobs = [(runs, number, names) for names in sets for number in folds]
    return join_scores(_map(_judge, jobs, processes))


def find_thresholds(
    runs: Runs, *, folds: Sequence[int], thresholds: Sequence[float], processes: int = 1
) -> Chosen:
    """Which of ``thresholds`` each fold is drawn with, by the patients of the others, who are
    shown with all sequences.
    """
    jobs = [(runs, number, thresholds) for number in folds]
    suited = _map(_suit, jobs, processes)
    return choose_thresholds(dict(zip(folds, suited, strict=True)), thresholds)


def _map(work: Callable[[Job], Found], jobs: Sequence[Job], processes: int) -> list[Found]:
    """What ``work`` makes of each of ``jobs``, in order."""
    if processes == 1:
        return [work(job) for job in jobs]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, jobs))


def _suit(job: tuple[Runs, int, Sequence[float]]) -> list[Suited]:
    runs, number, thresholds = job
    fold, regions = runs.read_fold(number), runs.config.regions or (WHOLE,)
    return [suit_thresholds(fold.model, case, regions, thresholds) for case in fold.cases]


def _judge(job: tuple[Runs, int, Sequence[tuple[str, ...]]]) -> Kept:
    runs, number, shown = job
    return judge_fold(runs.read_fold(number), shown=shown, regions=runs.config.regions or (WHOLE,))


def join_scores(parts: Iterable[Kept]) -> Kept:
    """The scores of several folds or sets as one result."""
    joined: Kept = {}
    for part in parts:
        for key, scores in part.items():
            joined.setdefault(key, []).extend(scores)
    return joined


def judge_fold(fold: Fold, *, shown: Sequence[tuple[str, ...]], regions: tuple[str, ...]) -> Kept:
    """The scores of a fold's patients; without a contrast-enhanced T1 only the first region's."""
    kept: Kept = {}
    for case in tqdm(fold.cases, desc=fold.model.card.name, unit="case", mininterval=5):
        references = region_masks(case, regions)
        for names in shown:
            _, masks = read_regions(fold.model, only_channels(case.stack, names))
            count = len(regions) if CONTRAST in names else 1
            for region, mask, reference in zip(
                regions[:count], masks[:count], references[:count], strict=True
            ):
                score = score_case(replace(case, mask=reference), mask)
                if score is not None:
                    kept.setdefault(("+".join(names), region), []).append(score)
    return kept


def report_folds(kept: Mapping[tuple[str, str], list[CaseScore]], *, seed: int) -> dict[str, Any]:
    """Figures for each set of sequences and region, with the cases that they come from."""
    sets: dict[str, dict[str, Any]] = {}
    for (names, region), scores in kept.items():
        sets.setdefault(names, {})[region] = _figures(scores, seed=seed)
    return {
        "bootstrap": {"resamples": RESAMPLES, "level": LEVEL, "seed": seed},
        "sets": sets,
    }


def _figures(scores: list[CaseScore], *, seed: int) -> dict[str, Any]:
    with_any = [score for score in scores if score.tumour_slices.any()]
    silent = [score for score in scores if not score.tumour_slices.any()]
    figures: dict[str, Any] = {
        "patients": len({score.patient for score in scores}),
        "without": len(silent),
        "without_and_none_drawn": sum(score.both_empty for score in silent),
        "missed": sum(score.dice == 0 for score in with_any),
        "cases": [_case(score) for score in scores],
    }
    if with_any:
        by_patient = summarise(with_any, seed=seed)["by_patient"]
        for name in ("dice", "precision", "recall", "hd95"):
            figures[name] = {key: by_patient[name][key] for key in ("mean", "median", "interval")}
    return figures


def _case(score: CaseScore) -> dict[str, Any]:
    counts = score.counts.sum(axis=0)
    true_positives, false_positives, _, false_negatives = (int(n) for n in counts)
    voxel = score.scale.voxel
    return {
        "case": score.case,
        "patient": score.patient,
        "dice": None if not score.tumour_slices.any() else round(score.dice, 4),
        "volume_reference": round((true_positives + false_negatives) * voxel, 3),
        "volume_model": round((true_positives + false_positives) * voxel, 3),
    }


def as_table(report: Mapping[str, Any]) -> str:
    """Markdown: Dice of each region with each set of sequences."""
    lines = ["| shown | region | patients | Dice mean (95 %) | median | none there, none drawn |"]
    lines.append("| --- | --- | ---: | --- | ---: | ---: |")
    for names, regions in report["sets"].items():
        for region, found in regions.items():
            lines.append(f"| {names} | {region} | {_cells(found)} |")
    return "\n".join(lines)


def _cells(found: Mapping[str, Any]) -> str:
    silent = f"{found['without_and_none_drawn']} of {found['without']}" if found["without"] else "-"
    dice = found.get("dice")
    if dice is None:
        return f"{found['patients']} | - | - | {silent}"
    low, high = dice["interval"] or (np.nan, np.nan)
    mean = f"{dice['mean']:.3f} ({low:.3f} to {high:.3f})"
    return f"{found['patients']} | {mean} | {dice['median']:.3f} | {silent}"
