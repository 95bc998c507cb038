"""Reports of studies, and measures as tables."""

from __future__ import annotations

import uuid

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from clinic.models import Role
from clinic.services.log import record_access
from patients.selectors import get_patient
from segmentation.api.base import MemberView
from segmentation.api.downloads import FileNegotiation
from segmentation.report.collect import collect_report, get_study
from segmentation.report.export import current_results
from segmentation.report.sending import send_pdf, send_table

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}
TABLE = {(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): OpenApiTypes.OBJECT}


class StudyReportPdf(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses=PDF)
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        """The study's report as it stands now."""
        study = get_study(clinic=self.clinic, pk=pk)
        self.record("report.download", study, study.patient_id)
        return send_pdf(collect_report(study=study, by=self.member), study)


class PatientMeasures(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses=TABLE)
    def get(self, request: Request, pk: uuid.UUID, kind: str) -> StreamingHttpResponse:
        """All measures of the patient's current results: a row for each lesion."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("measures.export", patient, patient.pk)
        results = current_results(clinic=self.clinic, patient=patient)
        return send_table(results, kind, f"measures_{str(patient.pk)[:8]}")


class ClinicMeasures(MemberView):
    content_negotiation_class = FileNegotiation
    read_role = Role.ADMIN

    @extend_schema(responses=TABLE)
    def get(self, request: Request, kind: str) -> StreamingHttpResponse:
        """The same of the whole clinic; for administrators."""
        record_access(member=self.member, action="measures.export_all")
        return send_table(current_results(clinic=self.clinic), kind, "measures")
