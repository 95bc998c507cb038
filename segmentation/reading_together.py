"""Several scans of a visit read as one, on the grid of the scan that was named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.atlas import TemplateFit
from ml.errors import InvalidVolumeError
from ml.glioma import GliomaFinding, predict_glioma
from ml.inference import Progress
from ml.models import Model
from ml.routing import suffices
from ml.study import SkullRemainsError
from ml.volumes import MedicalImage, load_image
from patients.models import Scan
from segmentation.found import Addition, Finding, Found, Read
from segmentation.parts import describe_parts

log = logging.getLogger(__name__)
NOT_READABLE = "Its file could not be read."
NOT_LAID = "The other sequences of the visit could not be laid on this scan."


@dataclass(frozen=True)
class Together:
    """What came of reading a visit: ``found``, or ``instead``, a sentence on why there is none.

    ``gathered`` is for the row in both cases.
    """

    found: Found | None
    gathered: Addition
    instead: str = ""


def read_together(
    model: Model,
    scan: Scan,
    image: MedicalImage,
    *,
    others: Sequence[Scan],
    fit: TemplateFit,
    on_step: Callable[[], None],
    progress: Progress,
) -> Together:
    """The parts of a tumour from ``scan``, whose ``image`` is there, and ``others`` of its visit.

    A volume that cannot be read or laid on the scan is left out, and said to be. Where the skull
    remains, or nothing else is left, there is no finding and the scan is to be read alone.
    """
    images, unreadable = {scan.sequence: image}, {}
    for other in others:
        on_step()
        try:
            images[other.sequence] = load_image(Path(other.file.path))
        except (InvalidVolumeError, OSError):
            log.exception("scan %s cannot be read with scan %s", other.pk, scan.pk)
            unreadable[other.sequence] = NOT_READABLE
    try:
        finding = predict_glioma(
            model,
            images,
            onto=scan.sequence,
            spacing_is_reliable=scan.spacing_is_reliable,
            fit=fit,
            on_step=on_step,
            progress=progress,
        )
    except SkullRemainsError as error:
        return _alone(model, {}, unreadable, "", str(error))
    study = finding.study
    left_out = {**unreadable, **study.left_out}
    if not _suffices(model, study.sequences):
        return _alone(model, study.placed, left_out, study.brain, NOT_LAID)
    gathered = _gathered(model, study.placed, left_out, study.brain, "")
    return Together(_found(model, scan, image, finding, gathered), gathered)


def _alone(
    model: Model, placed: dict[str, str], left_out: dict[str, str], brain: str, why: str
) -> Together:
    return Together(None, _gathered(model, placed, left_out, brain, why), why)


def _suffices(model: Model, sequences: tuple[str, ...]) -> bool:
    return len(sequences) > 1 and suffices(model.card.needs, sequences)


def _found(
    model: Model, scan: Scan, image: MedicalImage, finding: GliomaFinding, gathered: Addition
) -> Found:
    parts = describe_parts(
        finding.mask, finding.labels, image=image, spacing_is_reliable=scan.spacing_is_reliable
    )
    return Found(
        model,
        Finding(finding.mask, finding.image, finding.measurement.union),
        sequences=finding.study.sequences,
        labels=finding.labels,
        additions=(gathered, parts),
        read=Read(finding.study.stack, finding.probability[0]),
    )


def _gathered(
    model: Model, placed: dict[str, str], left_out: dict[str, str], brain: str, instead: str
) -> Addition:
    asked = {"model": model.card.name, "version": model.card.version}
    facts = {"placed": placed, "left_out": left_out, "brain": brain, "instead": instead}
    return Addition("gathered", {**facts, "asked": asked})
