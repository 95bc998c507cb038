"""Measures by hand: what is kept, what is refused, and who may do it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from clinic.models import AccessEvent, Membership
from conftest import SignIn
from ml.tests.factories import head, ras_affine, reorient, tilt
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation.errors import MeasureError, SegmentationError
from segmentation.models import HandMeasure, MeasureKind, Plane
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.hand_measures import (
    Drawn,
    add_hand_measure,
    grid_shape,
    remove_hand_measure,
)
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import HandMeasureFactory

pytestmark = pytest.mark.usefixtures("model")
# The scan's spacing is 2 x 2 x 5 mm and its axes run to R, A and S.
DISTANCE = Drawn(MeasureKind.DISTANCE, Plane.AXIAL, [[10, 20, 5], [13, 24, 5]])
ANGLE = Drawn(MeasureKind.ANGLE, Plane.CORONAL, [[20, 20, 5], [10, 20, 5], [20, 20, 9]])
SQUARE = Drawn(
    MeasureKind.DIAMETERS, Plane.AXIAL, [[10, 20, 5], [20, 20, 5], [14, 17, 5], [14, 23, 5]]
)


@pytest.fixture
def scan(patient: Patient) -> Scan:
    return ScanFactory(study=StudyFactory(patient=patient))


@pytest.fixture
def picture(patient: Patient) -> Scan:
    """40 rows and 60 columns."""
    return ScanFactory(
        study=StudyFactory(patient=patient),
        kind="picture",
        shape=[40, 60],
        spacing_mm=None,
        affine=None,
        orientation="",
        slice_count=1,
    )


def add(scan: Scan, by: Membership, drawn: Drawn, **changes: Any) -> HandMeasure:
    return add_hand_measure(scan=scan, by=by, drawn=replace(drawn, **changes))


def refusal(scan: Scan, by: Membership, drawn: Drawn, **changes: Any) -> str:
    with pytest.raises(MeasureError) as caught:
        add(scan, by, drawn, **changes)
    assert not HandMeasure.objects.exists()
    return str(caught.value)


# What is worked out


def test_a_distance_is_kept_in_millimetres_with_its_author(
    scan: Scan, clinician: Membership
) -> None:
    measure = add(scan, clinician, DISTANCE, note=" largest ")
    measure.refresh_from_db()
    assert (measure.longest_mm, measure.longest_pixels) == (10.0, None)
    assert (measure.perpendicular_mm, measure.angle_degrees) == (None, None)
    assert (measure.author, measure.author_name) == (clinician, clinician.display_name)
    assert measure.points == [[10, 20, 5], [13, 24, 5]]
    assert measure.note == "largest"


def test_an_angle_is_that_in_the_world(scan: Scan, clinician: Membership) -> None:
    measure = add(scan, clinician, ANGLE)
    assert measure.angle_degrees == 45.0
    assert (measure.longest_mm, measure.longest_pixels) == (None, None)


def test_two_diameters_are_kept_the_longer_one_first(scan: Scan, clinician: Membership) -> None:
    turned = SQUARE.points[2:] + SQUARE.points[:2]
    for points in (SQUARE.points, turned):
        measure = add(scan, clinician, SQUARE, points=points)
        assert (measure.longest_mm, measure.perpendicular_mm) == (20.0, 12.0)
        assert measure.points == SQUARE.points


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PIR"])
def test_lengths_follow_an_oblique_affine(
    codes: str, patient: Patient, clinician: Membership
) -> None:
    volume, affine = reorient(head(), ras_affine((0.7, 1.6, 4.0)), codes)
    affine = tilt(affine)
    scan = ScanFactory(
        study=StudyFactory(patient=patient), shape=list(volume.shape), affine=affine.tolist(),
        spacing_mm=[1.0, 1.0, 1.0], orientation=codes,
    )  # fmt: skip
    axis = next(n for n, letter in enumerate(codes) if letter in "SI")
    ends = np.array([[3.0, 4.0, 5.0], [9.5, 11.25, 12.0]])
    ends[:, axis] = 6
    measure = add(scan, clinician, DISTANCE, points=ends.tolist())
    placed = [(affine @ [*end, 1])[:3] for end in ends]
    assert measure.longest_mm == pytest.approx(np.linalg.norm(placed[1] - placed[0]), abs=0.006)


def test_without_an_affine_the_files_spacing_counts(
    patient: Patient, clinician: Membership
) -> None:
    scan = ScanFactory(study=StudyFactory(patient=patient), affine=None, orientation="")
    assert add(scan, clinician, DISTANCE).longest_mm == 10.0


def test_without_a_reliable_size_lengths_are_pixels(scan: Scan, clinician: Membership) -> None:
    Scan.objects.update(spacing_is_reliable=False)
    distance, lines = add(scan, clinician, DISTANCE), add(scan, clinician, SQUARE)
    assert (distance.longest_mm, distance.longest_pixels) == (None, 5.0)
    assert (lines.longest_mm, lines.perpendicular_mm) == (None, None)
    assert (lines.longest_pixels, lines.perpendicular_pixels) == (10.0, 6.0)


def test_a_picture_is_measured_by_column_and_row(picture: Scan, clinician: Membership) -> None:
    assert grid_shape(picture) == (60, 40, 1)
    measure = add(picture, clinician, DISTANCE, points=[[59, 39, 0], [0, 39, 0]])
    assert (measure.longest_mm, measure.longest_pixels) == (None, 59.0)
    corner = add(picture, clinician, ANGLE, plane=Plane.AXIAL,
                 points=[[9, 0, 0], [0, 0, 0], [9, 9, 0]])  # fmt: skip
    assert corner.angle_degrees == 45.0


def test_points_may_lie_between_voxels_and_up_to_the_edge(
    scan: Scan, clinician: Membership
) -> None:
    measure = add(scan, clinician, DISTANCE, points=[[-0.5, 20.123456, 5], [43.5, 20.123456, 5]])
    assert measure.longest_mm == 88.0
    assert measure.points[0] == [-0.5, 20.1235, 5.0]


# What is refused


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([[10, 20, 5]], "needs 2 points"),
        ([[10, 20, 5], [13, 24, 5], [1, 1, 5]], "needs 2 points"),
        ([[10, 20], [13, 24]], "three indices"),
        ([[10, 20, 5], [44, 24, 5]], "outside the scan"),
        ([[10, 20, 5], [13, -1, 5]], "outside the scan"),
        ([[10, 20, float("nan")], [13, 24, 5]], "outside the scan"),
        ([[10, 20, 5], [13, float("inf"), 5]], "outside the scan"),
        ([[10, 20, 5], [13, 24, 6]], "different axial slices"),
        ([[10, 20, 5], [10, 20, 5]], "the same point"),
    ],
)
def test_points_that_are_no_distance_are_refused(
    points: list[list[float]], words: str, scan: Scan, clinician: Membership
) -> None:
    assert words in refusal(scan, clinician, DISTANCE, points=points)


def test_an_angle_without_a_corner_is_refused(scan: Scan, clinician: Membership) -> None:
    points = [[20, 20, 5], [20, 20, 5], [20, 20, 9]]
    assert "three different points" in refusal(scan, clinician, ANGLE, points=points)


def test_an_angle_in_a_volume_of_unknown_voxels_is_refused(
    scan: Scan, clinician: Membership
) -> None:
    Scan.objects.update(spacing_is_reliable=False)
    assert "cannot be measured" in refusal(scan, clinician, ANGLE)


def test_diameters_must_be_square_in_millimetres(patient: Patient, clinician: Membership) -> None:
    study = StudyFactory(patient=patient)
    affine = ras_affine((1.0, 2.0, 5.0))
    scan = ScanFactory(study=study, affine=affine.tolist(), spacing_mm=[1.0, 2.0, 5.0])
    square_in_voxels = [[10, 10, 5], [20, 20, 5], [10, 20, 5], [20, 10, 5]]
    words = refusal(scan, clinician, SQUARE, points=square_in_voxels)
    assert "right angle" in words
    square = [[10, 10, 5], [20, 15, 5], [12, 15, 5], [18, 12, 5]]
    assert add(scan, clinician, SQUARE, points=square).longest_mm == pytest.approx(14.14)


def test_an_archived_scan_is_not_measured(scan: Scan, clinician: Membership) -> None:
    measure = HandMeasureFactory(scan=scan)
    Scan.objects.update(archived_at="2024-01-01T00:00Z")
    with pytest.raises(SegmentationError, match="archived"):
        add(scan, clinician, DISTANCE)
    measure.refresh_from_db()
    with pytest.raises(SegmentationError, match="archived"):
        remove_hand_measure(measure=measure, by=clinician)
    assert HandMeasure.objects.get().removed_at is None


# Automatic lines, changes and removal


def test_an_edited_automatic_line_names_its_lesion(scan: Scan, clinician: Membership) -> None:
    lesion = LesionFactory(segmentation=SegmentationFactory(scan=scan, succeeded=True))
    lines = {"longest": SQUARE.points[:2], "perpendicular": SQUARE.points[2:]}
    lesion.diameter_lines = lines
    lesion.save()
    measure = add(
        scan, clinician, SQUARE, segmentation=lesion.segmentation_id, lesion_number=lesion.number
    )
    assert (measure.segmentation, measure.lesion_number) == (lesion.segmentation, 1)
    lesion.refresh_from_db()
    assert (lesion.diameter_lines, lesion.longest_diameter_mm) == (lines, 14.5)


def test_a_lesion_of_elsewhere_cannot_be_named(scan: Scan, clinician: Membership) -> None:
    lesion = LesionFactory()
    own = LesionFactory(segmentation=SegmentationFactory(scan=scan, succeeded=True))
    for result, number, drawn in (
        (lesion.segmentation_id, 1, SQUARE),
        (own.segmentation_id, 2, SQUARE),
        (own.segmentation_id, None, SQUARE),
        (None, 1, SQUARE),
        (own.segmentation_id, 1, DISTANCE),
    ):
        words = refusal(scan, clinician, drawn, segmentation=result, lesion_number=number)
        assert "not the diameters of a lesion" in words


def test_a_changed_measure_takes_the_place_of_the_former_which_is_kept(
    scan: Scan, clinician: Membership, admin: Membership
) -> None:
    former = add(scan, clinician, DISTANCE)
    longer = [[10, 20, 5], [16, 28, 5]]
    changed = add(scan, admin, DISTANCE, points=longer, replaces=former.pk)
    former.refresh_from_db()
    assert (former.removed_by, former.longest_mm) == (admin, 10.0)
    assert (changed.author, changed.longest_mm) == (admin, 20.0)
    with pytest.raises(MeasureError, match="has been removed"):
        add(scan, clinician, DISTANCE, replaces=former.pk)
    with pytest.raises(MeasureError, match="same kind"):
        add(scan, clinician, SQUARE, replaces=changed.pk)
    assert HandMeasure.objects.get(removed_at=None) == changed


def test_another_scans_measure_cannot_be_replaced(scan: Scan, clinician: Membership) -> None:
    other = HandMeasureFactory()
    with pytest.raises(MeasureError):
        add(scan, clinician, DISTANCE, replaces=other.pk)
    other.refresh_from_db()
    assert other.removed_at is None


def test_removal_keeps_the_row_with_who_and_when(
    scan: Scan, clinician: Membership, admin: Membership
) -> None:
    measure = add(scan, clinician, DISTANCE)
    remove_hand_measure(measure=measure, by=admin)
    measure.refresh_from_db()
    assert measure.removed_by == admin
    assert measure.removed_at is not None
    with pytest.raises(MeasureError, match="already"):
        remove_hand_measure(measure=measure, by=clinician)
    measure.refresh_from_db()
    assert measure.removed_by == admin


# Corrections of the scan


def test_a_spacing_corrected_to_unreliable_takes_millimetres_out_and_brings_them_back(
    scan: Scan, clinician: Membership
) -> None:
    made = [add(scan, clinician, drawn) for drawn in (DISTANCE, ANGLE, SQUARE)]
    correct_scan(
        scan=scan, by=clinician, facts=replace(facts_of(scan), spacing_is_reliable=False),
        reason="Exported with a wrong header",
    )  # fmt: skip

    def values() -> list[tuple[float | None, ...]]:
        rows = [HandMeasure.objects.get(pk=measure.pk) for measure in made]
        return [(r.longest_mm, r.perpendicular_mm, r.angle_degrees, r.longest_pixels) for r in rows]

    assert values() == [(None, None, None, 5.0), (None,) * 4, (None, None, None, 10.0)]
    correct_scan(
        scan=scan, by=clinician, facts=replace(facts_of(scan), spacing_is_reliable=True),
        reason="It was right after all",
    )  # fmt: skip
    assert values() == [
        (10.0, None, None, None),
        (None, None, 45.0, None),
        (20.0, 12.0, None, None),
    ]


# The API


def body(drawn: Drawn, **changes: Any) -> dict[str, Any]:
    return {"kind": drawn.kind, "plane": drawn.plane, "points": drawn.points, **changes}


def test_a_measure_is_posted_listed_and_removed(
    scan: Scan, clinician: Membership, viewer: Membership, sign_in: SignIn
) -> None:
    address = reverse("api:measures", args=[scan.pk])
    writer, reader = sign_in(clinician), sign_in(viewer)
    answer = writer.post(address, body(SQUARE, note="by eye"), content_type="application/json")
    assert answer.status_code == 201
    (listed,) = reader.get(address).json()
    assert listed == answer.json()
    assert (listed["longest_mm"], listed["perpendicular_mm"]) == (20.0, 12.0)
    assert listed["author_name"] == clinician.display_name
    assert listed["points"] == SQUARE.points
    one = reverse("api:measure", args=[listed["id"]])
    assert reader.delete(one).status_code == 403
    assert writer.delete(one).status_code == 204
    assert reader.get(address).json() == []
    assert writer.delete(one).status_code == 404
    actions = AccessEvent.objects.filter(action__startswith="measure.").order_by("pk")
    assert [event.action for event in actions] == ["measure.add", "measure.remove"]
    assert {event.patient_id for event in actions} == {scan.study.patient_id}


def test_a_viewer_does_not_measure_and_another_clinic_finds_nothing(
    scan: Scan, viewer: Membership, stranger: Membership, sign_in: SignIn
) -> None:
    address = reverse("api:measures", args=[scan.pk])
    one = reverse("api:measure", args=[HandMeasureFactory(scan=scan).pk])
    posted = {"data": body(DISTANCE), "content_type": "application/json"}
    assert sign_in(viewer).post(address, **posted).status_code == 403
    other = sign_in(stranger)
    assert other.get(address).status_code == 404
    assert other.post(address, **posted).status_code == 404
    assert other.delete(one).status_code == 404
    assert HandMeasure.objects.filter(removed_at=None).count() == 1


def test_the_api_says_in_a_sentence_what_is_wrong(
    scan: Scan, clinician: Membership, sign_in: SignIn
) -> None:
    address = reverse("api:measures", args=[scan.pk])
    browser = sign_in(clinician)
    outside = body(DISTANCE, points=[[10, 20, 5], [99, 20, 5]])
    answer = browser.post(address, outside, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("A point lies outside the scan.")
    wrongs: list[dict[str, Any]] = [
        {"kind": "area"},
        {"plane": "oblique"},
        {"points": [["a", 2, 3], [1, 2, 3]]},
        {"points": [[1, 2], [3, 4]]},
        {"lesion_number": 0},
        {"segmentation": "x"},
    ]
    for wrong in wrongs:
        answer = browser.post(address, body(DISTANCE, **wrong), content_type="application/json")
        assert (answer.status_code, set(answer.json())) == (400, set(wrong))
    assert not HandMeasure.objects.exists()
