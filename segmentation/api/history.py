"""Diagnoses and treatments: two kinds of entries, the same four verbs."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from patients.selectors import get_diagnosis, get_patient, get_treatment
from patients.services.history import add_diagnosis, add_treatment, archive_entry, save_entry
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.history import DiagnosisSerializer, TreatmentSerializer


class PatientDiagnoses(MemberView):
    @extend_schema(responses=DiagnosisSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The patient's diagnoses, newest first."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk, "diagnoses")
        entries = patient.diagnoses.filter(archived_at=None)
        return Response(DiagnosisSerializer(entries, many=True).data)

    @extend_schema(
        request=DiagnosisSerializer, responses={201: DiagnosisSerializer, 400: ProblemSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Adds a diagnosis to the record."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        values = validated(DiagnosisSerializer(data=request.data))
        entry = add_diagnosis(patient=patient, by=self.member, **values)
        return Response(DiagnosisSerializer(entry).data, status=status.HTTP_201_CREATED)


class DiagnosisDetail(MemberView):
    @extend_schema(responses=DiagnosisSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One diagnosis."""
        entry = get_diagnosis(clinic=self.clinic, pk=pk)
        self.record("diagnosis.read", entry, entry.patient_id)
        return Response(DiagnosisSerializer(entry).data)

    @extend_schema(
        request=DiagnosisSerializer(partial=True),
        responses={200: DiagnosisSerializer, 400: ProblemSerializer},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Changes the named fields."""
        entry = get_diagnosis(clinic=self.clinic, pk=pk)
        values = validated(DiagnosisSerializer(entry, data=request.data, partial=True))
        saved = save_entry(entry=entry, by=self.member, **values)
        return Response(DiagnosisSerializer(saved).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Archives the entry."""
        archive_entry(entry=get_diagnosis(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PatientTreatments(MemberView):
    @extend_schema(responses=TreatmentSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The patient's treatments, newest first."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk, "treatments")
        entries = patient.treatments.filter(archived_at=None)
        return Response(TreatmentSerializer(entries, many=True).data)

    @extend_schema(
        request=TreatmentSerializer, responses={201: TreatmentSerializer, 400: ProblemSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Adds a treatment to the record."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        values = validated(TreatmentSerializer(data=request.data))
        entry = add_treatment(patient=patient, by=self.member, **values)
        return Response(TreatmentSerializer(entry).data, status=status.HTTP_201_CREATED)


class TreatmentDetail(MemberView):
    @extend_schema(responses=TreatmentSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One treatment."""
        entry = get_treatment(clinic=self.clinic, pk=pk)
        self.record("treatment.read", entry, entry.patient_id)
        return Response(TreatmentSerializer(entry).data)

    @extend_schema(
        request=TreatmentSerializer(partial=True),
        responses={200: TreatmentSerializer, 400: ProblemSerializer},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Changes the named fields."""
        entry = get_treatment(clinic=self.clinic, pk=pk)
        values = validated(TreatmentSerializer(entry, data=request.data, partial=True))
        saved = save_entry(entry=entry, by=self.member, **values)
        return Response(TreatmentSerializer(saved).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Archives the entry."""
        archive_entry(entry=get_treatment(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)
