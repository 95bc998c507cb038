"""Studies: one visit to the scanner each."""

from __future__ import annotations

import uuid

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from patients.models import Study
from patients.selectors import get_patient
from segmentation.api.base import MemberView
from segmentation.api.serializers.scans import StudyDetailSerializer, StudySerializer
from segmentation.selectors.timeline import patient_timeline


class PatientStudies(MemberView):
    @extend_schema(responses=StudySerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The patient's visits to the scanner, newest first."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk, "studies")
        return Response(StudySerializer(patient.studies.all(), many=True).data)


class StudyDetail(MemberView):
    @extend_schema(responses=StudyDetailSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The study with its scans, without the archived ones."""
        studies = Study.objects.filter(patient__clinic=self.clinic).select_related("patient")
        study = get_object_or_404(studies, pk=pk)
        self.record("study.read", study, study.patient_id)
        rows = patient_timeline(patient=study.patient)
        shown = {
            **StudySerializer(study).data,
            "scans": [row.scan for row in rows if row.scan.study_id == study.pk],
        }
        return Response(StudyDetailSerializer(shown).data)
