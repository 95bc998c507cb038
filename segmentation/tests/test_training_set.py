"""Signed masks leave as a training set: only with consent, and with nothing that says whose."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from clinic.models import AccessEvent, Clinic, Membership
from ml.datasets import folder
from ml.export.folder import TrainingSet
from ml.stacks import volume_to_slices
from ml.tests.export_factories import brain_and_lesion
from patients.models import Consent, Patient
from patients.services.patients import record_consent
from patients.tests.factories import PatientFactory
from segmentation.errors import TrainingSetError
from segmentation.services import training_set
from segmentation.services.training_set import export_training_set, pack_training_set
from segmentation.tests.factories import files_below
from segmentation.tests.learning_factories import signed_picture, signed_volume


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    return PatientFactory(
        clinic=clinic,
        full_name="Xaverine Quillfeather",
        record_number="R-4711-XQ",
        research_consent=Consent.GIVEN,
    )


def export(clinic: Clinic, root: Path, **options: Any) -> TrainingSet:
    values = {"by": None, "pictures_looked_at": False, **options}
    return export_training_set(clinic=clinic, root=root, **values)


def cases_in(root: Path) -> int:
    return len(list(root.glob("*/images/*")))


def test_the_training_reader_finds_the_signed_mask(ada: Patient, tmp_path: Path) -> None:
    signed_volume(ada)
    export(ada.clinic, tmp_path / "set")
    case = next(folder.iterate_cases(tmp_path / "set" / "flair-volumes"))
    _, lesion = brain_and_lesion()
    affine = np.diag([3.0, 2.5, 5.0, 1.0])
    assert np.array_equal(case.mask, volume_to_slices(lesion, affine) > 0)


def test_nothing_in_the_zip_says_whose_it_is(ada: Patient, admin: Membership) -> None:
    result = signed_volume(ada)
    scan, study = result.scan, result.study
    packed = pack_training_set(by=admin, pictures_looked_at=False)
    content = packed.read()
    words = ["Xaverine", "Quill", "R-4711", "feather_4711", str(ada.pk), str(scan.pk)]
    words += [str(result.pk), scan.sha256, ada.clinic.name, admin.display_name]
    days = (study.performed_on, timezone.localdate(), ada.birth_date)
    words += [
        form for day in days for form in (f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", f"{day:%d.%m.%Y}")
    ]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    searched = {"the zip itself": content, **members}
    searched |= {
        f"{n} unpacked": gzip.decompress(c) for n, c in members.items() if n.endswith("gz")
    }
    for where, held in {**searched, "names": "\n".join(members).encode()}.items():
        for word in words:
            assert word.lower().encode() not in held.lower(), f"{word} in {where}"


@pytest.mark.parametrize("answer", [Consent.UNKNOWN, Consent.REFUSED])
def test_without_consent_nothing_leaves(answer: str, clinic: Clinic, tmp_path: Path) -> None:
    signed_volume(PatientFactory(clinic=clinic, research_consent=answer))
    with pytest.raises(TrainingSetError, match="nothing to export"):
        export(clinic, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert list(tmp_path.glob(".training-set-*")) == []


def test_a_withdrawn_consent_leaves_the_patient_out(
    ada: Patient, clinician: Membership, tmp_path: Path
) -> None:
    signed_volume(ada)
    other = PatientFactory(clinic=ada.clinic, research_consent=Consent.GIVEN)
    signed_volume(other, seed=1)
    record_consent(patient=ada, by=clinician, consent=Consent.REFUSED)
    assert export(ada.clinic, tmp_path / "set").count == 1


def test_a_withdrawal_during_the_export_ends_it_and_leaves_no_file(
    ada: Patient, clinician: Membership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_volume(ada)
    finish = TrainingSet.finish

    def withdraw_meanwhile(exported: TrainingSet) -> None:
        record_consent(patient=ada, by=clinician, consent=Consent.REFUSED)
        finish(exported)

    monkeypatch.setattr(training_set.TrainingSet, "finish", withdraw_meanwhile)
    with pytest.raises(TrainingSetError, match="withdrew the consent"):
        export(ada.clinic, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert list(tmp_path.glob(".training-set-*")) == []
    assert not AccessEvent.objects.filter(action="patient.export").exists()


def test_other_clinics_patients_are_never_in_it(
    ada: Patient, stranger: Membership, tmp_path: Path
) -> None:
    theirs = PatientFactory(clinic=stranger.clinic, research_consent=Consent.GIVEN)
    signed_volume(theirs, seed=1)
    with pytest.raises(TrainingSetError, match="nothing to export"):
        export(ada.clinic, tmp_path / "set")
    signed_volume(ada)
    exported = export(ada.clinic, tmp_path / "set")
    assert (exported.count, set(exported.names)) == (1, {str(ada.pk)})


@pytest.mark.parametrize(
    "fields",
    [
        {"review": "draft", "reviewed_at": None, "reviewer_name": ""},
        {"review": "rejected", "is_current": False},
        {"is_current": False},
        {"scan": {"archived_at": timezone.now()}},
    ],
)
def test_only_signed_results_that_count_are_given_away(
    fields: dict[str, Any], ada: Patient, tmp_path: Path
) -> None:
    signed_volume(ada, **fields)
    with pytest.raises(TrainingSetError, match="nothing to export"):
        export(ada.clinic, tmp_path / "set")


def test_an_archived_patient_is_left_out(ada: Patient, tmp_path: Path) -> None:
    signed_volume(ada)
    Patient.objects.update(archived_at=timezone.now())
    with pytest.raises(TrainingSetError, match="nothing to export"):
        export(ada.clinic, tmp_path / "set")


def test_pictures_leave_only_once_somebody_has_looked(ada: Patient, tmp_path: Path) -> None:
    signed_volume(ada)
    signed_picture(ada)
    exported = export(ada.clinic, tmp_path / "without")
    assert exported.count == 1
    assert "looked at" in next(iter(exported.left_out))
    export(ada.clinic, tmp_path / "with", pictures_looked_at=True)
    case = next(folder.iterate_cases(tmp_path / "with" / "flair-pictures"))
    assert case.mask.sum() == 100
    volume = next(folder.iterate_cases(tmp_path / "with" / "flair-volumes"))
    assert volume.patient == case.patient


def test_a_scan_that_cannot_be_made_safe_is_counted_and_left_out(
    ada: Patient, tmp_path: Path
) -> None:
    signed_volume(ada)
    signed_volume(ada, seed=1, scan={"spacing_is_reliable": False})
    exported = export(ada.clinic, tmp_path / "set")
    assert (exported.count, exported.left_out.total()) == (1, 1)
    assert "how the head lies" in (tmp_path / "set" / "README.md").read_text()


def test_where_all_are_left_out_the_reason_is_said(ada: Patient, tmp_path: Path) -> None:
    signed_volume(ada, scan={"spacing_is_reliable": False})
    with pytest.raises(TrainingSetError, match="1 left out because its file does not say"):
        export(ada.clinic, tmp_path / "set")


def test_generated_heads_are_marked_as_such(ada: Patient, tmp_path: Path) -> None:
    signed_volume(PatientFactory(clinic=ada.clinic, research_consent="given", is_demo=True))
    names = export(ada.clinic, tmp_path / "set").names.values()
    assert [name[0] for name in names] == ["d"]


def test_an_export_is_written_down_for_the_clinic_and_for_each_patient(
    ada: Patient, admin: Membership
) -> None:
    signed_volume(ada)
    signed_picture(ada)
    pack_training_set(by=admin, pictures_looked_at=False).close()
    event = AccessEvent.objects.get(action="training_set.export")
    assert (event.member, event.detail) == (admin, "1 masks of 1 patients, 1 left out")
    assert AccessEvent.objects.get(action="patient.export").patient_id == ada.pk


def test_packing_leaves_nothing_behind(ada: Patient, admin: Membership, settings: Any) -> None:
    signed_volume(ada)
    pack_training_set(by=admin, pictures_looked_at=False).close()
    assert files_below(Path(settings.INCOMING_ROOT)) == []
    assert list(Path(settings.INCOMING_ROOT).iterdir()) == []


def test_the_command_writes_into_an_empty_folder_only(
    ada: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_volume(ada)
    call_command("export_training_set", str(tmp_path / "set"))
    assert "1 masks of 1 patients" in capsys.readouterr().out
    assert cases_in(tmp_path / "set") == 1
    with pytest.raises(CommandError, match="not an empty folder"):
        call_command("export_training_set", str(tmp_path / "set"))
    assert AccessEvent.objects.get(action="training_set.export").member is None


def test_the_command_asks_which_clinic(ada: Patient, stranger: Membership, tmp_path: Path) -> None:
    signed_volume(ada)
    with pytest.raises(CommandError, match="North, South"):
        call_command("export_training_set", str(tmp_path / "set"))
    call_command("export_training_set", str(tmp_path / "set"), clinic="North")
    assert cases_in(tmp_path / "set") == 1
