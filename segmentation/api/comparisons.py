"""Comparisons of two results of one patient."""

from __future__ import annotations

import uuid

from django.http import FileResponse, Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from patients.selectors import get_patient
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.downloads import FILE, FileNegotiation
from segmentation.api.serializers.comparisons import ComparisonRequest, ComparisonSerializer
from segmentation.files import comparison_name
from segmentation.models import Alignment, State
from segmentation.selectors.comparisons import (
    FILES,
    comparison_file,
    find_result,
    get_comparison,
    patient_comparisons,
)
from segmentation.sending import send_file
from segmentation.services.comparisons import request_comparison


class PatientComparisons(MemberView):
    @extend_schema(responses=ComparisonSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The patient's comparisons, newest first."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk, "comparisons")
        rows = patient_comparisons(patient=patient)
        return Response(ComparisonSerializer(rows, many=True).data)

    @extend_schema(
        request=ComparisonRequest,
        responses={201: ComparisonSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Asks for a comparison, or answers the one there is; one that failed is tried again."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        values = validated(ComparisonRequest(data=request.data))
        sides = [
            find_result(patient=patient, pk=str(values[side])) for side in ("earlier", "later")
        ]
        earlier, later = sides
        if earlier is None or later is None:
            raise ApiProblem("This patient has no such finished result. Please choose another one.")
        chosen = values.get("alignment")
        comparison = request_comparison(
            earlier=earlier,
            later=later,
            by=self.member,
            alignment=Alignment(chosen) if chosen else None,
        )
        data = ComparisonSerializer(comparison).data
        return Response(data, status=status.HTTP_201_CREATED)


class ComparisonDetail(MemberView):
    @extend_schema(responses=ComparisonSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Its state and, once it has succeeded, what it found. May be polled."""
        comparison = get_comparison(clinic=self.clinic, pk=pk)
        if comparison.state == State.SUCCEEDED:
            self.record("comparison.read", comparison, comparison.patient_id)
        return Response(ComparisonSerializer(comparison).data)


class ComparisonFile(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses={**FILE, 409: ProblemSerializer})
    def get(self, request: Request, pk: uuid.UUID, name: str) -> FileResponse:
        """``difference``, ``later`` or ``later-mask``, as NIfTI on the earlier scan's grid."""
        if name not in FILES:
            raise Http404
        comparison = get_comparison(clinic=self.clinic, pk=pk)
        if comparison.state != State.SUCCEEDED:
            raise ApiProblem("The comparison has no files (yet).", status.HTTP_409_CONFLICT)
        self.record("comparison.download", comparison, comparison.patient_id)
        return send_file(comparison_file(comparison, name), comparison_name(comparison, name))
