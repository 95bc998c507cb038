"""The record's models; import them from here."""

from patients.models.history import (
    Diagnosis,
    IdhStatus,
    MarkerStatus,
    MgmtStatus,
    Treatment,
    TreatmentKind,
    WhoGrade,
)
from patients.models.patient import Consent, Patient, Sex
from patients.models.scan import (
    ClinicalChange,
    PictureConvention,
    Scan,
    ScanCorrection,
    Sequence,
    Study,
)

__all__ = (
    "ClinicalChange",
    "Consent",
    "Diagnosis",
    "IdhStatus",
    "MarkerStatus",
    "MgmtStatus",
    "Patient",
    "PictureConvention",
    "Scan",
    "ScanCorrection",
    "Sequence",
    "Sex",
    "Study",
    "Treatment",
    "TreatmentKind",
    "WhoGrade",
)
