"""Who may open what: every route of the site and of the API, each with every role.

A route that is not in ``TABLE`` fails the test, so nobody can add one without saying whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clinic.models import Membership, Role
from clinic.tests.factories import BACKEND, PASSWORD, MembershipFactory
from patients.tests.factories import (
    DiagnosisFactory,
    PatientFactory,
    StudyFactory,
    TreatmentFactory,
)
from segmentation.tests.factories import (
    UNSURE_FACTS,
    ScanFactory,
    SegmentationFactory,
    write_result_files,
)
from segmentation.tests.reading_factories import ComparisonFactory, HandMeasureFactory
from segmentation.thumbnails import thumbnail_path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANYONE = None
VIEWER, CLINICIAN, ADMIN = Role.VIEWER, Role.CLINICIAN, Role.ADMIN
RANK = (VIEWER, CLINICIAN, ADMIN)


@dataclass(frozen=True)
class Route:
    """The least role for each method; ``needs`` is what the address names, ``data`` is sent.

    ``generic`` views of Django's answer more methods than they are made for.
    """

    least: dict[str, Role | None]
    needs: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    generic: bool = False


def reads(needs: str = "", role: Role | None = VIEWER) -> Route:
    return Route({"GET": role}, needs)


def acts(needs: str = "", least: Role = CLINICIAN, **data: Any) -> Route:
    return Route({"POST": least}, needs, data)


def form(needs: str = "", role: Role = CLINICIAN) -> Route:
    return Route({"GET": role, "POST": role}, needs)


def record(needs: str) -> Route:
    """An object of the API: members read it, clinicians change and archive it."""
    return Route({"GET": VIEWER, "PATCH": CLINICIAN, "DELETE": CLINICIAN}, needs)


def listing(needs: str = "") -> Route:
    return Route({"GET": VIEWER, "POST": CLINICIAN}, needs)


TABLE: dict[str, Route] = {
    "home": reads(),
    "clinic:health": reads(role=ANYONE),
    "clinic:sign_in": Route({"GET": ANYONE, "POST": ANYONE}, generic=True),
    "clinic:sign_out": Route({"POST": ANYONE}),
    "clinic:one_time_link": Route({"GET": ANYONE, "POST": ANYONE}, needs="token"),
    "clinic:account": form(role=VIEWER),
    "clinic:renew_token": acts(least=VIEWER),
    "clinic:members": form(role=ADMIN),
    "clinic:change_role": acts("member", ADMIN, role="viewer"),
    "clinic:set_active": acts("member", ADMIN),
    "clinic:reset_password": acts("member", ADMIN),
    "patients:list": reads(),
    "patients:new": form(),
    "patients:edit": form("patient"),
    "patients:archive": acts("patient"),
    "patients:restore": acts("patient"),
    "patients:consent": acts("patient", consent="given"),
    "patients:photo": reads("patient"),
    "patients:new_diagnosis": form("patient"),
    "patients:new_treatment": form("patient"),
    "patients:condition": acts("study"),
    "patients:edit_diagnosis": form("diagnosis"),
    "patients:archive_diagnosis": acts("diagnosis"),
    "patients:edit_treatment": form("treatment"),
    "patients:archive_treatment": acts("treatment"),
    "segmentation:patient": reads("patient"),
    "segmentation:patient_scans": reads("patient"),
    "segmentation:course": reads("patient"),
    "segmentation:match_lesions": acts("patient"),
    "segmentation:decide": acts("scan"),
    "segmentation:compare": reads("patient"),
    "segmentation:request_difference": acts("patient"),
    "segmentation:comparison_status": reads("comparison"),
    "segmentation:comparison_layer": reads("layer"),
    "segmentation:upload": acts("patient"),
    "segmentation:erase_patient": form("patient", ADMIN),
    "segmentation:scan": reads("scan"),
    "segmentation:read": reads("scan"),
    "segmentation:volume": reads("volume"),
    "segmentation:scan_status": reads("scan"),
    "segmentation:segment": acts("scan"),
    "segmentation:confirm": acts("scan"),
    "segmentation:correct": form("scan"),
    "segmentation:archive_scan": acts("scan"),
    "segmentation:erase_scan": acts("scan", ADMIN, confirmation="erase"),
    "segmentation:scan_file": reads("scan"),
    "segmentation:scan_thumbnail": reads("scan"),
    "segmentation:mask": reads("segmentation"),
    "segmentation:lesions": reads("segmentation"),
    "segmentation:parts": reads("segmentation"),
    "segmentation:unsure": reads("segmentation"),
    "segmentation:result_json": reads("segmentation"),
    "segmentation:worklist": reads(),
    "segmentation:worklist_count": reads(),
    "segmentation:review": reads("segmentation"),
    "segmentation:review_step": acts("review_step"),
    "segmentation:preview": reads("preview"),
    "segmentation:report": reads("study"),
    "segmentation:report_pdf": reads("study"),
    "segmentation:key_slice": reads("slice"),
    "segmentation:measures": reads("table"),
    "segmentation:all_measures": reads("format", ADMIN),
    "segmentation:models": reads(role=ADMIN),
    "segmentation:export_training_set": acts(least=ADMIN),
    "api:token": Route({"POST": ANYONE}),
    "api:schema": reads(),
    "api:docs": reads(),
    "api:patients": listing(),
    "api:patient": Route(
        {"GET": VIEWER, "PUT": CLINICIAN, "PATCH": CLINICIAN, "DELETE": CLINICIAN}, "patient"
    ),
    "api:restore_patient": acts("patient"),
    "api:erase_patient": acts("patient", ADMIN),
    "api:diagnoses": listing("patient"),
    "api:treatments": listing("patient"),
    "api:studies": reads("patient"),
    "api:scans": listing("patient"),
    "api:comparisons": listing("patient"),
    "api:course": reads("patient"),
    "api:response": acts("scan"),
    "api:comparison": reads("comparison"),
    "api:comparison_file": reads("layer"),
    "api:diagnosis": record("diagnosis"),
    "api:treatment": record("treatment"),
    "api:study": Route({"GET": VIEWER, "PATCH": CLINICIAN}, "study"),
    "api:report_pdf": reads("study"),
    "api:table": reads("table"),
    "api:whole_table": reads("format", ADMIN),
    "api:scan": Route(
        {"GET": VIEWER, "PATCH": CLINICIAN, "DELETE": CLINICIAN}, "scan", {"reason": "Typing error"}
    ),
    "api:reading": reads("scan"),
    "api:restore_scan": acts("scan"),
    "api:confirm_scan": acts("scan"),
    "api:segment_scan": acts("scan"),
    "api:scan_file": reads("scan"),
    "api:erase_scan": acts("scan", ADMIN),
    "api:edit": Route({"GET": VIEWER, "PUT": CLINICIAN, "DELETE": CLINICIAN}, "scan"),
    "api:edit_labels": reads("scan"),
    "api:save_edit": acts("scan"),
    "api:measures": listing("scan"),
    "api:measure": Route({"DELETE": CLINICIAN}, "measure"),
    "api:segmentations": reads(),
    "api:segmentation": reads("segmentation"),
    "api:mask": reads("segmentation"),
    "api:evidence": reads("segmentation"),
    "api:unsure": reads("segmentation"),
    "api:worklist": reads(),
    "api:versions": reads("scan"),
    "api:review_start": acts("segmentation"),
    "api:review_release": acts("segmentation"),
    "api:review_sign": acts("segmentation", password=PASSWORD),
    "api:review_reject": acts("segmentation", reason="It marks the eye."),
    "api:make_current": acts("segmentation"),
}
# Not one clinic's object: there is nothing that another clinic's member should not find.
SHARED = {"", "token", "format"}


def route_names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from route_names(entry, inner)
        else:
            assert isinstance(entry, URLPattern)
            yield f"{prefix}{entry.name}"


@pytest.fixture
def people(
    viewer: Membership, clinician: Membership, admin: Membership, stranger: Membership
) -> dict[Role | str | None, Client]:
    clients: dict[Role | str | None, Client] = {None: Client(raise_request_exception=False)}
    members = {VIEWER: viewer, CLINICIAN: clinician, ADMIN: admin, "stranger": stranger}
    for name, member in members.items():
        clients[name] = Client(raise_request_exception=False)
        clients[name].force_login(member.user, BACKEND)
    return clients


PARTS = [{"name": "oedema", "labels": [2], "voxels": 60, "volume_ml": 1.2}]


@pytest.fixture
def arguments(admin: Membership) -> dict[str, list[Any]]:
    """What the addresses name: one object of each kind in the clinic, with its files."""
    photo = ContentFile(b"photo", name="photo.jpg")
    patient = PatientFactory(clinic=admin.clinic, photo=photo)
    scan = ScanFactory(study=StudyFactory(patient=patient))
    result = SegmentationFactory(scan=scan, succeeded=True, unsure=UNSURE_FACTS, parts=PARTS)
    thumbnail_path(scan).write_bytes(b"picture")
    write_result_files(result)
    before = SegmentationFactory(scan__study=scan.study, succeeded=True)
    comparison = ComparisonFactory(earlier=before, later=result, succeeded=True)
    return {
        "": [],
        "token": ["nobody-was-given-this-link"],
        "member": [MembershipFactory(clinic=admin.clinic, role=VIEWER).pk],
        "patient": [patient.pk],
        "diagnosis": [DiagnosisFactory(patient=patient).pk],
        "treatment": [TreatmentFactory(patient=patient).pk],
        "study": [scan.study_id],
        "scan": [scan.pk],
        "volume": [scan.pk, 0],
        "segmentation": [result.pk],
        "measure": [HandMeasureFactory(scan=scan).pk],
        "review_step": [result.pk, "start"],
        "preview": [result.pk, "thumbnail"],
        "slice": [result.pk, 1],
        "table": [patient.pk, "csv"],
        "format": ["json"],
        "comparison": [comparison.pk],
        "layer": [comparison.pk, "difference"],
    }


def ask(client: Client, method: str, address: str, route: Route) -> HttpResponseBase:
    """One request whose changes to the database and to the browser's cookies are undone."""
    cookies = deepcopy(client.cookies)
    in_api = address.startswith("/api/")
    is_upload = address.endswith("/scans/")
    options = {"content_type": "application/json"} if in_api and not is_upload else {}
    data = {} if method == "GET" else route.data
    with transaction.atomic():
        response = getattr(client, method.lower())(address, data, **options)
        transaction.set_rollback(True)
    client.cookies = cookies
    return response


def is_refused(response: HttpResponseBase) -> bool:
    sent_to_sign_in = response.status_code == 302 and "/sign-in/?next=" in response["Location"]
    return sent_to_sign_in or response.status_code in (401, 403)


def may(role: Role | None, least: Role | None) -> bool:
    if least is None:
        return True
    return role is not None and RANK.index(role) >= RANK.index(least)


def test_every_route_says_who_may_open_it() -> None:
    names = list(route_names(get_resolver()))
    assert sorted(names) == sorted(set(names)), "two routes have the same name"
    assert set(names) == set(TABLE)


def test_every_route_lets_in_whom_it_says_and_nobody_else(
    people: dict[Role | str | None, Client], arguments: dict[str, list[Any]]
) -> None:
    wrong = []
    for name, route in TABLE.items():
        address = reverse(name, args=arguments[route.needs])
        for method, least in route.least.items():
            for role in (None, *RANK):
                response = ask(people[role], method, address, route)
                ok = is_refused(response) != may(role, least)
                if ok and not is_refused(response):
                    ok = response.status_code < 500 and response.status_code != 404
                if not ok:
                    wrong.append(f"{method} {name} as {role}: {response.status_code}")
    assert wrong == []


def test_no_route_shows_anything_to_a_member_of_another_clinic(
    people: dict[Role | str | None, Client], arguments: dict[str, list[Any]]
) -> None:
    wrong = []
    for name, route in TABLE.items():
        if route.needs in SHARED:
            continue
        address = reverse(name, args=arguments[route.needs])
        for method in route.least:
            status = ask(people["stranger"], method, address, route).status_code
            if status != 404:
                wrong.append(f"{method} {name}: {status}")
    assert wrong == []


def test_no_route_answers_a_method_that_the_table_does_not_name(
    people: dict[Role | str | None, Client], arguments: dict[str, list[Any]]
) -> None:
    wrong = []
    for name, route in TABLE.items():
        address = reverse(name, args=arguments[route.needs])
        for method in () if route.generic else METHODS:
            if method not in route.least:
                status = ask(people[ADMIN], method, address, route).status_code
                if status != 405:
                    wrong.append(f"{method} {name}: {status}")
    assert wrong == []


def test_a_deactivated_member_is_let_in_nowhere(
    admin: Membership, people: dict[Role | str | None, Client], arguments: dict[str, list[Any]]
) -> None:
    admin.is_active = False
    admin.save()
    wrong = []
    for name, route in TABLE.items():
        address = reverse(name, args=arguments[route.needs])
        for method, least in route.least.items():
            if least is not None:
                response = ask(people[ADMIN], method, address, route)
                if response.status_code != 403:
                    wrong.append(f"{method} {name}: {response.status_code}")
    assert wrong == []


def test_a_page_that_keeps_itself_up_to_date_is_sent_to_sign_in_after_the_session_ends(
    arguments: dict[str, list[Any]],
) -> None:
    address = reverse("segmentation:patient_scans", args=arguments["patient"])
    response = Client().get(address, headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Redirect"] == reverse("clinic:sign_in")


def test_files_are_served_by_no_address_of_their_own(
    people: dict[Role | str | None, Client], arguments: dict[str, list[Any]]
) -> None:
    scan = arguments["scan"][0]
    for address in (f"/media/scans/{scan}/image.nii.gz", f"/scans/{scan}/image.nii.gz"):
        assert people[None].get(address).status_code == 404
