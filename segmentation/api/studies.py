"""Studies: one visit to the scanner each."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from patients.selectors import get_patient, get_study
from patients.services.studies import record_condition
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.scans import (
    ConditionSerializer,
    StudyDetailSerializer,
    StudySerializer,
)
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
        study = get_study(clinic=self.clinic, pk=pk)
        self.record("study.read", study, study.patient_id)
        rows = patient_timeline(patient=study.patient)
        shown = {
            **StudySerializer(study).data,
            "scans": [row.scan for row in rows if row.scan.study_id == study.pk],
        }
        return Response(StudyDetailSerializer(shown).data)

    @extend_schema(
        request=ConditionSerializer(partial=True),
        responses={200: StudySerializer, 400: ProblemSerializer},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Records how the patient was on that day: steroid dose, performance status, change."""
        study = get_study(clinic=self.clinic, pk=pk)
        form = ConditionSerializer(study, data=request.data, partial=True)
        changed = record_condition(study=study, by=self.member, **validated(form))
        return Response(StudySerializer(changed).data)
