"""Which two results can be laid over each other, how, and what to mind when reading them."""

from __future__ import annotations

import numpy as np

from ml.difference import same_grid
from ml.geometry import ImageKind
from patients.models import Scan
from segmentation.errors import ComparisonError
from segmentation.models import Alignment, Segmentation, State
from segmentation.parts import marked_names


def have_one_grid(first: Scan, second: Scan) -> bool:
    """Whether both files place the same voxels in the same places."""
    if first.pk == second.pk:
        return True
    if first.affine is None or second.affine is None:
        return False
    return same_grid(
        tuple(first.shape), np.array(first.affine), tuple(second.shape), np.array(second.affine)
    )


def choose_alignment(earlier: Segmentation, later: Segmentation) -> Alignment:
    """As the files place them where that says enough, else a rigid registration.

    It says enough where both have one grid, as after preparation elsewhere, and within one visit,
    where the head lay still in the scanner's own world.
    """
    if have_one_grid(earlier.scan, later.scan) or earlier.study_id == later.study_id:
        return Alignment.AS_STORED
    return Alignment.RIGID


def why_not_compared(earlier: Segmentation, later: Segmentation) -> str:
    """Why the two have no map of differences, in a sentence; empty where they can have one."""
    if earlier.pk == later.pk:
        return "Both sides show the same result. Please choose another one to compare it with."
    if earlier.scan.study.patient_id != later.scan.study.patient_id:
        return "The two results belong to different patients and cannot be compared."
    if State.FAILED in (earlier.state, later.state) or not (earlier.mask and later.mask):
        return "Only scans with a finished result can be compared. Please wait for both, or retry."
    if earlier.scan.study.performed_on > later.scan.study.performed_on:
        return "The earlier result comes first. Please swap the two."
    if earlier.scan.pk == later.scan.pk and earlier.scan.kind == ImageKind.VOLUME:
        return ""
    if ImageKind.PICTURE in (earlier.scan.kind, later.scan.kind):
        return (
            "Pictures of single slices cannot be laid over each other, as nothing says where in "
            "the head they lie. They are shown side by side."
        )
    if earlier.scan.affine is None or later.scan.affine is None:
        return (
            "One of the files does not say where its voxels lie (it has no affine), so the two "
            "cannot be laid over each other. They are shown side by side."
        )
    return ""


def why_not_aligned(earlier: Segmentation, later: Segmentation) -> str:
    """Why the two cannot be registered rigidly, in a sentence; empty where they can be."""
    problem = why_not_compared(earlier, later)
    if problem:
        return problem
    if earlier.scan_id == later.scan_id:
        return "Both are results of one scan, so there is nothing to align."
    if not (earlier.scan.has_physical_size and later.scan.has_physical_size):
        return (
            "A scan whose voxel size is not reliable cannot be aligned, as its head has no true "
            "shape. Please compare the two as their files place them, or side by side."
        )
    return ""


def why_not_matched(earlier: Segmentation, later: Segmentation) -> str:
    """Why their lesions cannot be matched in the usual alignment; empty where they can be."""
    return _why_not(earlier, later, choose_alignment(earlier, later))


def check_alignment(earlier: Segmentation, later: Segmentation, alignment: Alignment) -> None:
    """Raises ComparisonError, in plain words, where the two cannot be compared in that way."""
    problem = _why_not(earlier, later, alignment)
    if problem:
        raise ComparisonError(problem)


def _why_not(earlier: Segmentation, later: Segmentation, alignment: Alignment) -> str:
    if alignment == Alignment.RIGID:
        return why_not_aligned(earlier, later)
    return why_not_compared(earlier, later)


def cautions(earlier: Segmentation, later: Segmentation) -> list[str]:
    """What a reader of the difference has to bear in mind, a sentence each."""
    notes = []
    if earlier.scan.sequence != later.scan.sequence:
        notes.append(
            f"The sequences differ ({earlier.scan.sequence} and {later.scan.sequence}), "
            "so part of the difference may be one of contrast and not of the tumour."
        )
    if _kind(earlier) != _kind(later):
        notes.append(
            f"The masks are of different kinds ({_kind(earlier)} and {_kind(later)}), "
            "so part of the difference may lie in how they were drawn."
        )
    if not (earlier.scan.has_physical_size and later.scan.has_physical_size):
        notes.append(
            "At least one scan has no reliable voxel size, so the difference is in voxels and "
            "not in millilitres."
        )
    return notes


def _kind(result: Segmentation) -> str:
    """What the mask marks, in words."""
    return ", ".join(marked_names(result.labels)) or "a person's mask"
