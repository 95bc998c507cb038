"""Forms of the record."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from clinic.models import Clinic
from clinic.selectors import list_clinicians
from patients.models import Consent, Diagnosis, Patient, Study, Treatment
from patients.services.studies import CONDITION


def date_widget() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PatientForm(forms.ModelForm[Patient]):
    """Who the patient is first, the rest below."""

    first_fields = ("full_name", "record_number", "birth_date", "sex")

    class Meta:
        model = Patient
        fields = (
            "full_name",
            "record_number",
            "birth_date",
            "sex",
            "attending",
            "phone",
            "address",
            "emergency_contact",
            "insurance",
            "allergies",
            "family_history",
            "symptoms",
            "earlier_conditions",
            "current_medication",
        )
        widgets = {
            "birth_date": date_widget(),
            "address": forms.Textarea(attrs={"rows": 2}),
            "allergies": forms.Textarea(attrs={"rows": 2}),
            "family_history": forms.Textarea(attrs={"rows": 2}),
            "symptoms": forms.Textarea(attrs={"rows": 2}),
            "earlier_conditions": forms.Textarea(attrs={"rows": 2}),
            "current_medication": forms.Textarea(attrs={"rows": 2}),
        }

    photo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text="JPEG or PNG, up to 10 MB",
    )

    def __init__(self, *args: Any, clinic: Clinic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attending = self.fields["attending"]
        assert isinstance(attending, forms.ModelChoiceField)
        attending.queryset = list_clinicians(clinic=clinic)
        attending.label = "Attending clinician"
        attending.empty_label = "None"

    def clean_birth_date(self) -> Any:
        birth_date = self.cleaned_data["birth_date"]
        if birth_date > timezone.localdate():
            raise forms.ValidationError("The birth date lies in the future.")
        if birth_date.year < 1880:
            raise forms.ValidationError("The birth date lies too far back.")
        return birth_date

    def values(self) -> dict[str, Any]:
        """What the services take: the cleaned fields without the photo."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class ConsentForm(forms.Form):
    """What the patient answered about using de-identified images to train models."""

    consent = forms.ChoiceField(choices=Consent)


class DiagnosisForm(forms.ModelForm[Diagnosis]):
    class Meta:
        model = Diagnosis
        fields = (
            "tumour_type",
            "site",
            "who_grade",
            "diagnosed_on",
            "histology",
            "biopsy_result",
            "idh",
            "codeletion_1p19q",
            "mgmt",
        )
        widgets = {
            "diagnosed_on": date_widget(),
            "biopsy_result": forms.Textarea(attrs={"rows": 2}),
        }


class TreatmentForm(forms.ModelForm[Treatment]):
    class Meta:
        model = Treatment
        fields = ("kind", "description", "started_on", "ended_on", "response")
        widgets = {"started_on": date_widget(), "ended_on": date_widget()}


class ConditionForm(forms.ModelForm[Study]):
    """How the patient was on the day of a visit."""

    class Meta:
        model = Study
        fields = CONDITION

    def problems(self) -> list[str]:
        return [str(error) for errors in self.errors.values() for error in errors]
