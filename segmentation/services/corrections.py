"""Correcting what was said about a scan; results that no longer fit are made again."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from clinic.models import Membership
from patients.errors import RecordError
from patients.models import Patient, PictureConvention, Scan, Sequence
from patients.services.studies import record_correction, remove_empty_study, study_on
from segmentation.errors import SegmentationError
from segmentation.models import Lesion, Segmentation
from segmentation.services.dependents import (
    discount_results,
    ids_concerned,
    read_dependents_again,
    rests_on_others,
    scans_resting_on,
)
from segmentation.services.hand_measures import work_out_again
from segmentation.services.lesion_links import match_on_commit
from segmentation.services.locks import held_visit, lock_found
from segmentation.services.visits import catch_up_among, read_among


@dataclass(frozen=True)
class ScanFacts:
    """What a person states of a scan."""

    patient: Patient
    performed_on: date
    sequence: Sequence
    spacing_is_reliable: bool
    convention: PictureConvention


def facts_of(scan: Scan) -> ScanFacts:
    return ScanFacts(
        patient=scan.study.patient,
        performed_on=scan.study.performed_on,
        sequence=Sequence(scan.sequence),
        spacing_is_reliable=scan.spacing_is_reliable,
        convention=PictureConvention(scan.convention),
    )


@transaction.atomic
def correct_scan(*, scan: Scan, by: Membership, facts: ScanFacts, reason: str) -> Scan:
    """Makes ``facts`` the scan's, keeping what they were, who changed them and why.

    Raises RecordError without a reason or for an impossible date, and ScanErasedError where the
    scan is gone. Where the reading itself
    changes (sequence, spacing, sides), the scan is segmented again and signatures on its results
    are withdrawn; so it goes with results of other scans that were read from this one too.
    """
    held = lock_found(lambda: ids_concerned(scan) | _ids_on(facts))
    dependents = scans_resting_on(scan)
    # Who else corrected or archived it meanwhile must not be written over.
    scan.refresh_from_db()
    before = facts_of(scan)
    _record_changes(scan, by, before, facts, reason)
    is_moved = (facts.patient, facts.performed_on) != (before.patient, before.performed_on)
    is_read_anew = _reading(facts) != _reading(before)
    if is_moved:
        _move(scan, facts)
    if is_read_anew or (is_moved and rests_on_others(scan)):
        _read_again(scan, by, facts, reason, held)
    if is_read_anew or is_moved:
        read_dependents_again(scans=dependents, held=held, by=by, reason=reason)
        catch_up_among(visit=held_visit(scan.study_id, held), by=by)
    for patient in {before.patient.pk, facts.patient.pk}:
        match_on_commit(patient)
    return scan


def _ids_on(facts: ScanFacts) -> set[uuid.UUID]:
    """The scans of the visit that the facts name, which may be another one than the scan's."""
    there = Scan.objects.filter(
        study__patient=facts.patient, study__performed_on=facts.performed_on
    )
    return set(there.values_list("pk", flat=True))


def _record_changes(
    scan: Scan, by: Membership, before: ScanFacts, after: ScanFacts, reason: str
) -> None:
    changes = {
        "patient": (before.patient.record_number, after.patient.record_number),
        "date": (str(before.performed_on), str(after.performed_on)),
        "sequence": (str(before.sequence), str(after.sequence)),
        "spacing": (_trust(before), _trust(after)),
        "sides": (before.convention.label, after.convention.label),
    }
    for name, (old, new) in changes.items():
        record_correction(scan=scan, by=by, field=name, before=old, after=new, reason=reason)


def _trust(facts: ScanFacts) -> str:
    return "reliable" if facts.spacing_is_reliable else "unreliable"


def _reading(facts: ScanFacts) -> tuple[str, bool, str]:
    return facts.sequence, facts.spacing_is_reliable, facts.convention


def _move(scan: Scan, facts: ScanFacts) -> None:
    former = scan.study
    same_file = Scan.objects.filter(study__patient=facts.patient, sha256=scan.sha256)
    if same_file.exclude(pk=scan.pk).exists():
        raise RecordError("That patient has this very file already, so it was not moved there.")
    scan.study = study_on(patient=facts.patient, day=facts.performed_on)
    scan.save(update_fields=["study"])
    scan.segmentations.update(study=scan.study)
    remove_empty_study(study=former)


def _read_again(
    scan: Scan, by: Membership, facts: ScanFacts, reason: str, held: Collection[uuid.UUID]
) -> None:
    if facts.spacing_is_reliable != scan.spacing_is_reliable:
        # Whether there are millimetres to lay the template on has changed: it is found anew.
        scan.template_fit = None
    scan.sequence = facts.sequence
    scan.spacing_is_reliable = facts.spacing_is_reliable
    scan.convention = facts.convention
    # Whoever corrects a scan has looked at it: the doubts about it are settled by that.
    if scan.doubts:
        scan.doubts_confirmed_by = by
    scan.save()
    discount_results(scan=scan, by=by, reason=reason)
    if not scan.spacing_is_reliable:
        forget_physical_sizes(scan)
    work_out_again(scan)
    try:
        read_among(visit=held_visit(scan.study_id, held), scan=scan, by=by)
    except SegmentationError:
        # No model reads the new sequence: the page says so, and there is nothing to queue.
        return


def forget_physical_sizes(scan: Scan) -> None:
    """Takes millimetres and millilitres out of every result of a scan, so none can be shown."""
    results = Segmentation.objects.filter(scan=scan)
    results.update(
        volume_ml=None,
        volume_interval=None,
        brain_volume_ml=None,
        surface_mm2=None,
        sum_of_products_mm2=None,
        satellites=None,
        distances_mm=None,
    )
    for result in results.filter(parts__isnull=False):
        # How many voxels are of which part stays true.
        result.parts = [{**part, "volume_ml": None} for part in result.parts or ()]
        result.save(update_fields=["parts"])
    Lesion.objects.filter(segmentation__in=results).update(
        volume_ml=None,
        longest_diameter_mm=None,
        perpendicular_diameter_mm=None,
        product_mm2=None,
        longest_3d_mm=None,
        surface_mm2=None,
        sphericity=None,
        is_measurable=None,
        depth_mm=None,
        ventricle_mm=None,
        # Which line is the longest was found with the size that is not to be relied on.
        diameter_lines={},
    )
