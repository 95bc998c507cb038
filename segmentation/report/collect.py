"""Gathering what a report says about one study."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import date_format

from clinic.models import Clinic, Membership
from patients.models import ClinicalChange, Patient, Scan, Study
from segmentation.models import Lesion, Segmentation
from segmentation.report.course import describe_course
from segmentation.report.pictures import key_slices
from segmentation.report.record import Facts, LesionLine, ScanPart, StudyReport
from segmentation.selectors.course import Entry, patient_course
from segmentation.selectors.lesion_names import LesionName
from segmentation.selectors.place import vasari_features
from segmentation.selectors.timeline import ScanRow, patient_timeline
from segmentation.selectors.tumour_type import in_a_sentence, show_type
from segmentation.stage import listed_lesions
from segmentation.templatetags.results import (
    by_sequence,
    diameters,
    interval_words,
    millilitres,
    place_details,
    share_of,
    times,
)

NO_SIZE = (
    "The scan gives no reliable voxel size, so there are no millimetres and no millilitres here."
)
SIDE_NOT_KNOWN = "The file does not say which side is the patient's left."


def get_study(*, clinic: Clinic, pk: uuid.UUID) -> Study:
    """The clinic's study with its patient; Http404 for anybody else's."""
    studies = Study.objects.select_related("patient__clinic", "patient__attending__user")
    return get_object_or_404(studies, patient__clinic=clinic, pk=pk)


def collect_report(*, study: Study, by: Membership) -> StudyReport:
    """The study's scans with their current results, as they are now."""
    rows = patient_timeline(patient=study.patient)
    course = patient_course(patient=study.patient, rows=rows)
    scans = sorted(
        (row.scan for row in rows if row.scan.study_id == study.pk),
        key=lambda scan: (scan.sequence, scan.uploaded_at),
    )
    found = [entry for scan in scans if (entry := course.of(scan.pk)) is not None]
    without = [row for row in rows if row.scan in scans and course.of(row.scan.pk) is None]
    made = date_format(timezone.localtime(), "j M Y, H:i")
    return StudyReport(
        title=f"MRI of {date_format(study.performed_on)}: tumour measures",
        clinic=study.patient.clinic.name,
        patient=_patient(study.patient),
        examination=_examination(study),
        is_demo=study.patient.is_demo,
        scans=tuple(_part(entry) for entry in found),
        missing=tuple(_missing(row) for row in without),
        course=describe_course(course, found),
        made=f"Made {made} by {by.display_name}.",
    )


def _missing(row: ScanRow) -> str:
    """Why a scan has no result of its own here."""
    if row.elsewhere is not None and row.elsewhere.is_current:
        return f"{row.scan.sequence}: read together with the {row.elsewhere.scan.sequence}."
    return f"{row.scan.sequence}: no result yet."


def _patient(patient: Patient) -> Facts:
    attending = patient.attending.display_name if patient.attending else "–"
    return (
        ("Name", patient.full_name),
        ("Record no.", patient.record_number),
        ("Born", f"{date_format(patient.birth_date)} ({patient.sex})"),
        ("Attending", attending),
    )


def _examination(study: Study) -> Facts:
    """What the clinician recorded of the day; nothing where nobody did."""
    facts = []
    if study.steroid_mg is not None:
        facts.append(("Steroids", f"{study.steroid_mg:g} mg dexamethasone a day"))
    if study.karnofsky is not None:
        facts.append(("Karnofsky", f"{study.karnofsky} %"))
    if study.clinical_change != ClinicalChange.UNKNOWN:
        facts.append(("Clinically", study.get_clinical_change_display()))
    return tuple(facts)


def _part(entry: Entry) -> ScanPart:
    scan, result = entry.scan, entry.result
    lesions = list(result.lesions.all())
    listed = listed_lesions(lesions)
    return ScanPart(
        result=result,
        names=entry.names.lesions,
        title=scan.get_sequence_display(),
        facts=(*_facts(scan, result), *_vasari(listed)),
        status=_status(result),
        is_signed=result.is_signed,
        totals=_totals(result, lesions),
        lesions=tuple(_lesion(one, entry.names.lesions[one.number]) for one in listed),
        notes=tuple(_notes(scan, result, len(lesions) - len(listed))),
        slices=tuple(key_slices(result)),
        has_size=scan.has_physical_size,
        naming=_naming(scan, result),
    )


def _facts(scan: Scan, result: Segmentation) -> Facts:
    drawn = result.source
    if result.is_by_a_person and result.parent is not None:
        drawn += f", from version {result.parent.version} by {result.parent.source}"
    voxels = f"{times(scan.spacing_mm)} mm" if scan.has_physical_size else "size not known"
    return (
        ("Version", f"{result.version}, by {drawn}"),
        ("Voxels", f"{times(list(scan.shape))}, {voxels}"),
        *_read_from(result),
    )


def _status(result: Segmentation) -> str:
    if not result.is_signed or result.reviewed_at is None:
        return "DRAFT: nobody has signed it"
    when = date_format(timezone.localtime(result.reviewed_at), "j M Y, H:i")
    return f"Signed by {result.reviewer_name}, {when}"


def _totals(result: Segmentation, lesions: list[Lesion]) -> Facts:
    if result.found_nothing:
        return (("Found", "no tumour; this is not proof that there is none"),)
    size = millilitres(result.volume_ml) or f"{result.voxels:,} voxels"
    facts = [("All together", size), *_parts(result), ("Lesions", _count(result, lesions))]
    if result.volume_interval is not None:
        facts.insert(1, ("Reader's volume", interval_words(result.volume_interval)))
    if result.brain_percent is not None:
        facts.append((f"Share of the {result.share_of}", f"{result.brain_percent:.1f} %"))
    if result.sum_of_products_mm2 is not None:
        facts.append(("Sum of products", f"{result.sum_of_products_mm2:,.0f} mm² (measurable)"))
    return (*facts, ("Slices", str(result.tumour_slices)))


def _parts(result: Segmentation) -> Iterable[tuple[str, str]]:
    """The parts of a mask that has some, with their share of the whole."""
    for part in result.parts or ():
        size = millilitres(part["volume_ml"]) or f"{part['voxels']:,} voxels"
        share = f"{size} ({share_of(part['voxels'], result.voxels)} %)"
        yield str(part["name"]).capitalize(), share if part["voxels"] else "none"


def _read_from(result: Segmentation) -> Facts:
    """What a result of several scans was read from; nothing for one of a single scan."""
    gathered = result.gathered
    if not gathered:
        return ()
    if gathered["instead"]:
        return (("Read from", f"{result.scan.sequence} alone. {gathered['instead']}"),)
    read = ", ".join(name for name, _ in by_sequence(gathered["placed"]))
    left_out = "".join(f"; {name} left out" for name, _ in by_sequence(gathered["left_out"]))
    return (("Read from", read + left_out),)


def _naming(scan: Scan, result: Segmentation) -> Facts:
    """The type with its limits in a few lines; nothing for a scan that no type is named of."""
    found = show_type(scan, result) if result.tumour_type else None
    if found is None:
        return ()
    facts = [("Tumour type", found.in_short)]
    if found.without:
        return tuple(facts)
    answers = "; ".join(f"{in_a_sentence(row.label)} {row.percent}" for row in found.rows)
    facts.append(("Probabilities", f"{answers} (certain from {found.limit_percent})"))
    if found.contradiction:
        facts.append(("But", found.contradiction))
    named = f"By {found.source} from this picture alone; it knows no other types and no grade."
    return (*facts, ("How far it goes", f"{named} {found.confounded}".strip()))


def _vasari(listed: list[Lesion]) -> Facts:
    """Location features of the whole mask; nothing where it is not placed on the template."""
    words = "; ".join(f"{one.code} {one.name}: {one.value}" for one in vasari_features(listed))
    return (("VASARI", f"{words} (whole mask)"),) if words else ()


def _count(result: Segmentation, lesions: list[Lesion]) -> str:
    """Such as "3, multifocal, 1 tiny"."""
    words = [str(len(lesions))]
    if result.is_multifocal:
        words.append("multifocal")
    tiny = sum(bool(one.is_tiny) for one in lesions)
    if tiny:
        words.append(f"{tiny} tiny")
    return ", ".join(words)


def _lesion(lesion: Lesion, name: LesionName) -> LesionLine:
    return LesionLine(
        name=f"{name.label} (new)" if name.is_new else name.label,
        colour=name.colour,
        volume=_number(lesion.volume_ml, 2),
        diameters=diameters(lesion) or "–",
        product=_number(lesion.product_mm2, 0),
        longest_3d=_number(lesion.longest_3d_mm, 1),
        place=lesion.place,
        place_details=place_details(lesion),
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _notes(scan: Scan, result: Segmentation, hidden: int) -> Iterable[str]:
    if hidden:
        yield f"{hidden} smaller pieces are counted in the total and not listed."
    if not scan.has_physical_size:
        yield NO_SIZE
    if result.remark:
        yield f"Remark: {result.remark}"
