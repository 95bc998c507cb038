"""One segmentation's way through the worker: load, segment, measure, save."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError

from ml.atlas import TemplateFit, fit_scan
from ml.errors import InvalidVolumeError, NoModelError
from ml.geometry import ImageKind
from ml.inference import Progress
from ml.models import Model, cached_model
from ml.place import Convention
from ml.prediction import predict_mask
from ml.routing import choose_reading
from ml.volumes import MedicalImage, load_image
from patients.models import Scan
from segmentation.errors import PermanentFailureError
from segmentation.found import Finding, Found, Read
from segmentation.models import Segmentation, Step
from segmentation.naming import name_type
from segmentation.outcome import Words, settle
from segmentation.reading_together import read_together
from segmentation.services import queue
from segmentation.services.queue import Claim
from segmentation.services.results import save_result
from segmentation.unsure_voxels import with_unsure

TOOK_TOO_LONG = (
    "The processing took longer than the server allows. The volume may be too large; "
    "please resample it and upload it again."
)
FILE_MISSING = "The scan's file could not be read on the server. Please upload it again."
MODEL_MISSING = "The model's weights are missing or damaged on the server. Please tell support."
NOT_ONE_VISIT = (
    "The scans that were to be read together are not of one visit any more. Please try again."
)
OUT_OF_MEMORY = "The scan needs more memory than the server has. Please resample it."
UNEXPECTED = (
    "Something went wrong on the server while this scan was processed. Please try again, and "
    "give support the number of this result if it fails once more."
)
# How often at most the progress of a running segmentation is written down, in seconds.
REPORT_EVERY = 0.4


WORDS = Words(
    took_too_long=TOOK_TOO_LONG,
    file_missing=FILE_MISSING,
    out_of_memory=OUT_OF_MEMORY,
    unexpected=UNEXPECTED,
    said_as_it_is=(InvalidVolumeError, NoModelError),
)


def run(*, claim: Claim) -> None:
    """Executes the claim and records how it ended, whatever happens."""
    settle(claim=claim, work=lambda: execute(claim=claim), words=WORDS)


def execute(*, claim: Claim) -> Segmentation:
    """Load, segment, measure, save. Raises ClaimLostError if another worker took over."""
    queue.report_progress(claim=claim, step=Step.LOADING)
    segmentation = Segmentation.objects.select_related("scan__study").get(pk=claim.job_id)
    path = Path(segmentation.scan.file.path)
    image = load_image(path)
    model = _load_model(segmentation.model_name)
    fit = _fit(segmentation.scan, image)
    found = _find(claim, segmentation, model, image, fit)
    named = name_type(segmentation.scan, image)
    found = replace(found, additions=(*found.additions, *named))
    found = with_unsure(claim=claim, segmentation=segmentation, image=image, found=found)
    queue.report_progress(claim=claim, step=Step.SAVING)
    return save_result(claim=claim, segmentation=segmentation, image=image, found=found, fit=fit)


def _fit(scan: Scan, image: MedicalImage) -> TemplateFit:
    """How the scan lies on the template: as it was found before, else found now."""
    if scan.template_fit is not None:
        return TemplateFit.from_dict(scan.template_fit)
    return fit_scan(image, spacing_is_reliable=scan.spacing_is_reliable)


def _load_model(name: str) -> Model:
    """The shipped model; raises PermanentFailureError where the server does not have it whole."""
    try:
        return cached_model(name)
    except (OSError, ValueError, SafetensorError) as error:
        raise PermanentFailureError(MODEL_MISSING) from error


def _find(
    claim: Claim, segmentation: Segmentation, model: Model, image: MedicalImage, fit: TemplateFit
) -> Found:
    """With the other scans that were asked for, or alone where there are none or it cannot be."""
    scan = segmentation.scan
    others = list(segmentation.inputs.exclude(pk=scan.pk))
    if any(other.study_id != scan.study_id for other in others):
        raise PermanentFailureError(NOT_ONE_VISIT)
    if not others:
        return _find_alone(claim, scan, model, image, fit)
    together = read_together(
        model,
        scan,
        image,
        others=others,
        fit=fit,
        on_step=lambda: queue.report_progress(claim=claim, step=Step.LOADING),
        progress=progress_writer(claim),
    )
    if together.found is not None:
        return together.found
    alone = _load_model(_name_alone(scan, together.instead))
    found = _find_alone(claim, scan, alone, image, fit)
    return replace(found, additions=(*found.additions, together.gathered))


def _name_alone(scan: Scan, reason: str) -> str:
    """The model that reads the scan by itself; NoModelError says both why not, and why alone."""
    try:
        return choose_reading(scan.sequence, ImageKind(scan.kind)).card.name
    except NoModelError as error:
        raise NoModelError(f"{reason} {error}") from error


def _find_alone(
    claim: Claim, scan: Scan, model: Model, image: MedicalImage, fit: TemplateFit
) -> Found:
    prediction = predict_mask(
        model,
        image,
        sequence=scan.sequence,
        spacing_is_reliable=scan.spacing_is_reliable,
        convention=Convention(scan.convention),
        fit=fit,
        progress=progress_writer(claim),
    )
    finding = Finding(prediction.mask, prediction.image, prediction.measurement)
    read = Read(prediction.stack, prediction.probability)
    return Found(model, finding, (scan.sequence,), read=read)


def progress_writer(claim: Claim) -> Progress:
    """Writes the slices done into the row, not more often than a page can show them."""
    last = 0.0

    def write(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        finished = done == total
        if finished or now - last >= REPORT_EVERY:
            last = now
            step = Step.MEASURING if finished else Step.SEGMENTING
            queue.report_progress(claim=claim, step=step, done=done, total=total)

    return write
