"""What a result contributes to the course: what its mask marks, on what, drawn by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ml.course import Clinical, Observation
from patients.models import Scan
from patients.models import Sequence as SequenceName
from segmentation.models import Lesion, Segmentation
from segmentation.parts import marked_names
from segmentation.services.drafts import draft_among

BY_HAND = "by hand"
MEASURABLE_MM = 10.0


def component_of(result: Segmentation) -> str:
    """What the mask marks, in the words of its labels."""
    return " and ".join(marked_names(result.labels)) or "a person's mask"


def is_enhancing(component: str) -> bool:
    """Whether the mask marks enhancing tumour and nothing else."""
    words = component.lower()
    return "enhancing" in words and "non-enhancing" not in words and " and " not in words


def family_of(scan: Scan, component: str) -> str:
    """The family of sequence that the mask was drawn on.

    That is the scan's own, but for a composite of T1, FLAIR and T1ce, on which the FLAIR
    abnormality is drawn on the FLAIR channel and enhancing tumour on the T1ce channel: the masks
    of a FLAIR and of a composite's FLAIR may be compared.
    """
    if scan.sequence != SequenceName.COMPOSITE:
        return str(scan.sequence)
    return str(SequenceName.T1CE if is_enhancing(component) else SequenceName.FLAIR)


def method_of(result: Segmentation, versions: Sequence[Segmentation]) -> str:
    """The model that the mask goes back to, whether a person corrected it or not, else by hand.

    ``versions`` are the results of the same scan.
    """
    draft = draft_among(result, versions)
    return BY_HAND if draft is None else f"{draft.model_name} {draft.model_version}".strip()


def product_of(lesion: Lesion) -> float | None:
    """The longest diameter times its perpendicular, mm²; None where either is not known.

    It is worked out here where the result is from before it was stored.
    """
    if lesion.product_mm2 is not None:
        return lesion.product_mm2
    longest, across = lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm
    return None if longest is None or across is None else longest * across


def is_measurable(lesion: Lesion) -> bool:
    """Whether it is large enough for the response rule; by its diameters if nothing is stored."""
    if lesion.is_measurable is not None:
        return lesion.is_measurable
    longest, across = lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm
    return min(longest or 0.0, across or 0.0) >= MEASURABLE_MM


def sum_of_products(lesions: Iterable[Lesion]) -> float | None:
    """Over the measurable lesions, mm²; None where none is."""
    products = [product_of(lesion) for lesion in lesions if is_measurable(lesion)]
    known = [product for product in products if product is not None]
    return sum(known) if known else None


def observe(
    result: Segmentation,
    versions: Sequence[Segmentation],
    *,
    new: Sequence[Lesion] | None,
) -> Observation:
    """The examination as the response rule sees it; ``new`` are its new lesions where known."""
    scan, study = result.scan, result.scan.study
    component = component_of(result)
    measurable = None if new is None else sum(is_measurable(lesion) for lesion in new)
    physical = scan.has_physical_size
    return Observation(
        key=str(result.pk),
        day=study.performed_on,
        component=component,
        family=family_of(scan, component),
        method=method_of(result, versions),
        is_enhancing=is_enhancing(component),
        is_signed=result.is_signed,
        found_nothing=result.found_nothing,
        volume_ml=result.volume_ml if physical else None,
        product_mm2=sum_of_products(result.lesions.all()) if physical else None,
        new_lesions=measurable,
        small_new_lesions=None if new is None else len(new) - (measurable or 0),
        steroid_mg=study.steroid_mg,
        karnofsky=study.karnofsky,
        clinical=Clinical(study.clinical_change),
        is_baseline=study.is_baseline,
    )
