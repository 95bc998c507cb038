"""One comparison's way through the worker: load, align, compare, save."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.course import Link, match_lesions
from ml.course.matching import NEAR_MM
from ml.difference import compare_masks, resample, resample_labels, resample_mask, same_grid
from ml.errors import InvalidVolumeError, RegistrationError
from ml.nifti import read_voxels, write_mask, write_values
from ml.registration import register_heads
from ml.volumes import MedicalImage, load_image
from segmentation.files import attempt_folder, kept_only_if_saved, remove_other_attempts
from segmentation.lesion_maps import lesion_map
from segmentation.models import Alignment, Comparison, ComparisonStep, Segmentation, State
from segmentation.outcome import Words, settle
from segmentation.services import queue
from segmentation.services.comparisons import Compared, save_comparison
from segmentation.services.lesion_links import ask_for_links
from segmentation.services.queue import Claim

WORDS = Words(
    took_too_long=(
        "The comparison took longer than the server allows. "
        "Please look at the two scans side by side."
    ),
    file_missing="A file of one of the two results could not be read. Please make it again.",
    out_of_memory="The two scans need more memory than the server has. Please resample them.",
    unexpected=(
        "Something went wrong on the server while the two were compared. Please try again, and "
        "give support the number of this comparison if it fails once more."
    ),
    said_as_it_is=(InvalidVolumeError, RegistrationError),
)
ADVICE = "Please compare them side by side."
# Grey values of a scan laid onto another grid are kept as whole numbers up to this one.
BRIGHTEST = 4000.0


@dataclass(frozen=True)
class Read:
    """A scan with its mask and its lesions' numbers (X, Y, Z), all on the file's own grid."""

    image: MedicalImage
    mask: NDArray[np.float32]
    lesions: NDArray[np.uint8]


def run(*, claim: Claim) -> None:
    """Executes the claim, records how it ended, and asks for what that leaves open."""
    settle(claim=claim, work=lambda: execute(claim=claim), words=WORDS)
    row = Comparison.objects.select_related("later__study").filter(pk=claim.job_id).first()
    if row is not None:
        ask_for_links(patient_id=row.later.study.patient_id)


def execute(*, claim: Claim) -> Comparison:
    """Load, align, compare, save. Raises ClaimLostError if another worker took over."""
    queue.report_progress(claim=claim, step=ComparisonStep.LOADING)
    row = Comparison.objects.select_related("earlier__scan", "later__scan").get(pk=claim.job_id)
    earlier, later = _read(row.earlier), _read(row.later)
    matrix: NDArray[np.float64] = np.eye(4)
    quality: dict[str, float] = {}
    if row.alignment == Alignment.RIGID:
        matrix, quality = _known_alignment(row) or _align(claim, earlier.image, later.image)
    queue.report_progress(claim=claim, step=ComparisonStep.SAVING)
    folder = attempt_folder(claim.job_id, claim.token, of="comparisons")
    with kept_only_if_saved(folder):
        found = _compare(folder, row, earlier, later, matrix, quality)
        saved = save_comparison(claim=claim, folder=folder, found=found)
    remove_other_attempts(folder)
    return saved


def _read(result: Segmentation) -> Read:
    scan, mask = Path(result.scan.file.path), Path(result.mask.path)
    # One that is gone is told apart from one that is damaged.
    mask.stat()
    lesions = read_voxels(lesion_map(result))[0].astype(np.uint8)
    return Read(load_image(scan), read_voxels(mask)[0], lesions)


def _known_alignment(row: Comparison) -> tuple[NDArray[np.float64], dict[str, float]] | None:
    """How other results of the same two scans were aligned: that depends on the scans alone."""
    known = (
        Comparison.objects.filter(
            earlier__scan=row.earlier.scan_id,
            later__scan=row.later.scan_id,
            alignment=Alignment.RIGID,
            state=State.SUCCEEDED,
            matrix__isnull=False,
        )
        .exclude(pk=row.pk)
        .first()
    )
    return None if known is None else (np.asarray(known.matrix, dtype=np.float64), known.quality)


def _align(
    claim: Claim, earlier: MedicalImage, later: MedicalImage
) -> tuple[NDArray[np.float64], dict[str, float]]:
    def alive() -> None:
        queue.report_progress(claim=claim, step=ComparisonStep.REGISTERING)

    alive()
    try:
        found = register_heads(
            earlier.values, earlier.affine, later.values, later.affine, on_step=alive
        )
    except RegistrationError as error:
        raise RegistrationError(f"{error} {ADVICE}") from error
    return found.matrix, found.as_dict()


def _compare(
    folder: Path,
    row: Comparison,
    earlier: Read,
    later: Read,
    matrix: NDArray[np.float64],
    quality: dict[str, float],
) -> Compared:
    """Writes the map of differences and, where it has moved, the later scan with its mask."""
    like = Path(row.earlier.scan.file.path)
    shape, onto = earlier.image.values.shape, earlier.image.affine
    after = later.mask > 0
    if not _stays(row, earlier, later):
        after = resample_mask(later.mask, later.image.affine, shape=shape, onto=onto, matrix=matrix)
        moved = resample(
            _whole_numbers(later.image.values),
            later.image.affine,
            shape=shape,
            onto=onto,
            matrix=matrix,
        )
        write_values(folder / "later.nii.gz", moved, like=like)
        write_mask(folder / "later_mask.nii.gz", after, like=like)
    difference = compare_masks(earlier.mask, after)
    write_mask(folder / "difference.nii.gz", difference.labels, like=like)
    physical = row.earlier.scan.has_physical_size and row.later.scan.has_physical_size
    voxel_ml = float(abs(np.linalg.det(onto[:3, :3]))) / 1000 if physical else None
    links = _match(row, earlier, later, matrix, near_mm=NEAR_MM if physical else 0.0)
    return Compared(difference, matrix.tolist(), voxel_ml, links, quality)


def _match(
    row: Comparison, earlier: Read, later: Read, matrix: NDArray[np.float64], *, near_mm: float
) -> list[Link]:
    """Which lesion of the later result is which of the earlier one."""
    shape, onto = earlier.image.values.shape, earlier.image.affine
    after: NDArray[np.integer] = later.lesions
    if not _stays(row, earlier, later):
        after = resample_labels(
            later.lesions, later.image.affine, shape=shape, onto=onto, matrix=matrix
        )
    return match_lesions(earlier.lesions, after, onto[:3, :3], near_mm=near_mm)


def _stays(row: Comparison, earlier: Read, later: Read) -> bool:
    """Whether the later scan lies on the earlier one's grid as it is."""
    if row.alignment != Alignment.AS_STORED:
        return False
    first, second = earlier.image, later.image
    return same_grid(first.values.shape, first.affine, second.values.shape, second.affine)


def _whole_numbers(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The grey values, spread where whole numbers would lose them; MRI has no unit to keep."""
    top = float(np.abs(values).max())
    return values if 255 <= top <= 32767 else values * np.float32(BRIGHTEST / top)
