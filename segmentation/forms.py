"""Forms for uploads and for corrections of a scan."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from patients.forms import date_widget
from patients.models import Patient, PictureConvention, Scan, Sequence
from segmentation.models import CriterionName, ResponseCategory
from segmentation.services.corrections import ScanFacts
from segmentation.services.uploads import Declaration


class UploadForm(forms.Form):
    """What is declared of the files; the files themselves are judged by the service."""

    sequence = forms.ChoiceField(choices=Sequence, initial=Sequence.FLAIR)
    acquired_on = forms.DateField(widget=date_widget(), label="Date of examination")
    convention = forms.ChoiceField(
        choices=PictureConvention,
        initial=PictureConvention.UNKNOWN,
        required=False,
        label="Sides of a picture",
        help_text="Only for PNG, JPEG and TIFF, which do not say which side is the patient's left",
    )
    unreliable_spacing = forms.BooleanField(
        required=False,
        label="The voxel size in these files is not reliable",
        help_text="Sizes are then given in pixels and per cent, never in mm or mL",
    )

    def clean_acquired_on(self) -> Any:
        day = self.cleaned_data["acquired_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("The examination date lies in the future.")
        return day

    def declaration(self) -> Declaration:
        return Declaration(
            sequence=Sequence(self.cleaned_data["sequence"]),
            acquired_on=self.cleaned_data["acquired_on"],
            spacing_is_reliable=not self.cleaned_data["unreliable_spacing"],
            convention=PictureConvention(
                self.cleaned_data["convention"] or PictureConvention.UNKNOWN
            ),
        )


class CorrectionForm(forms.Form):
    """What a scan is stated to be, with the reason for a change."""

    record_number = forms.CharField(max_length=40, label="Patient's record number")
    performed_on = forms.DateField(widget=date_widget(), label="Date of examination")
    sequence = forms.ChoiceField(choices=Sequence)
    spacing_is_reliable = forms.BooleanField(
        required=False, label="The voxel size in the file is reliable"
    )
    convention = forms.ChoiceField(choices=PictureConvention, label="Sides of a picture")
    reason = forms.CharField(
        max_length=300, widget=forms.Textarea(attrs={"rows": 2}), label="Reason for the correction"
    )

    def __init__(self, *args: Any, scan: Scan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scan = scan
        self.patient: Patient | None = None
        self.initial = {
            "record_number": scan.patient.record_number,
            "performed_on": scan.study.performed_on,
            "sequence": scan.sequence,
            "spacing_is_reliable": scan.spacing_is_reliable,
            "convention": scan.convention,
        }

    def clean_record_number(self) -> str:
        number: str = self.cleaned_data["record_number"].strip()
        clinic = self.scan.patient.clinic
        self.patient = Patient.objects.of(clinic).filter(record_number=number).first()
        if self.patient is None:
            raise forms.ValidationError("No patient of this clinic has this record number.")
        return number

    def facts(self) -> ScanFacts:
        assert self.patient is not None
        return ScanFacts(
            patient=self.patient,
            performed_on=self.cleaned_data["performed_on"],
            sequence=Sequence(self.cleaned_data["sequence"]),
            spacing_is_reliable=self.cleaned_data["spacing_is_reliable"],
            convention=PictureConvention(self.cleaned_data["convention"]),
        )


class ReviewForm(forms.Form):
    """What the steps of a review need; which of it, the service says."""

    comment = forms.CharField(max_length=1000, required=False)
    reason = forms.CharField(max_length=1000, required=False)
    password = forms.CharField(max_length=4096, required=False, strip=False)
    place = forms.ChoiceField(choices=[("scan", "scan"), ("reading", "reading")], required=False)


class DecisionForm(forms.Form):
    """What a clinician says of a response category, and which figures they had before them."""

    criterion = forms.ChoiceField(choices=CriterionName.choices)
    category = forms.ChoiceField(choices=ResponseCategory.choices)
    is_preliminary = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=300)
    seen = forms.CharField(max_length=40)

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return {
            **self.cleaned_data,
            "criterion": CriterionName(self.cleaned_data["criterion"]),
            "category": ResponseCategory(self.cleaned_data["category"]),
        }
