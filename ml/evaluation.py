"""How good a model is on a labelled data set, patient by patient."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from tqdm import tqdm

from ml.datasets import brats, lgg
from ml.datasets.cases import LabelledCase
from ml.inference import segment_stack
from ml.metrics import METRICS, Agreement, measure_agreement
from ml.models import Model
from ml.prediction import draw_mask
from ml.stacks import flair_only

CaseReader = Callable[[Path, set[str] | None], Iterator[LabelledCase]]

DATASETS: dict[str, CaseReader] = {"lgg": lgg.iterate_cases, "brats": brats.iterate_cases}


def evaluate_cases(
    model: Model, cases: Iterable[LabelledCase], *, use_flair_only: bool = False
) -> dict[str, list[Agreement]]:
    """The agreement of each case with its reference mask, by patient, over all its voxels.

    A case is segmented exactly as a scan of the clinic is: whole, with the card's threshold and
    least component size.
    """
    scores: dict[str, list[Agreement]] = defaultdict(list)
    for case in tqdm(cases, desc="evaluating", unit="case", mininterval=5):
        stack = flair_only(case.stack) if use_flair_only else case.stack
        probability = segment_stack(model.network, stack, stride=model.card.network.stride)
        mask = draw_mask(
            probability, threshold=model.card.threshold, least_voxels=model.card.least_voxels
        )
        scores[case.patient].append(measure_agreement(mask, case.mask))
    return dict(scores)


def summarise(scores: dict[str, list[Agreement]]) -> dict[str, Any]:
    """``{metric: {mean, median, deviation, patients: {patient: value}}}``.

    Every patient counts once: one with several cases with their mean. Raises ValueError where
    nobody was evaluated.
    """
    if not scores:
        raise ValueError("no patient of this data set was evaluated")
    summary: dict[str, Any] = {}
    for metric in METRICS:
        values = {
            patient: fmean(agreement.as_dict()[metric] for agreement in agreements)
            for patient, agreements in sorted(scores.items())
        }
        numbers = list(values.values())
        summary[metric] = {
            "mean": fmean(numbers),
            "median": median(numbers),
            "deviation": stdev(numbers) if len(numbers) > 1 else 0.0,
            "patients": values,
        }
    return summary


def evaluate_dataset(
    model: Model,
    *,
    dataset: str,
    root: Path,
    patients: set[str] | None = None,
    use_flair_only: bool = False,
) -> dict[str, Any]:
    """The report that ``python -m ml evaluate`` writes as JSON."""
    cases = DATASETS[dataset](root, patients)
    scores = evaluate_cases(model, cases, use_flair_only=use_flair_only)
    if patients is not None and set(scores) != patients:
        missing = ", ".join(sorted(patients - set(scores)))
        raise ValueError(f"{root} does not hold these patients: {missing}")
    return {
        "dataset": dataset,
        "channels": "flair" if use_flair_only or dataset == "brats" else "all",
        "model": {"name": model.card.name, "version": model.card.version},
        "patients": len(scores),
        "by_patient": summarise(scores),
    }


def read_patients(path: Path) -> set[str]:
    """The patients named in a text file, one a line; ``#`` begins a comment."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def write_report(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def as_table(report: dict[str, Any]) -> str:
    """The means and medians as text for a terminal."""
    lines = [f"{'metric':<12}{'mean':>8}{'median':>8}"]
    for metric, values in report["by_patient"].items():
        lines.append(f"{metric:<12}{values['mean']:>8.3f}{values['median']:>8.3f}")
    return "\n".join([f"{report['dataset']}, {report['patients']} patients", *lines])
