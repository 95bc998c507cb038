"""A patient's scans: listing them, and taking in a new one."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from patients.models import PictureConvention, Sequence
from patients.selectors import get_patient
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.scans import AcceptedSerializer, ScanSerializer, UploadSerializer
from segmentation.selectors.timeline import patient_timeline, scan_row
from segmentation.services.uploads import Accepted, Declaration, accept_upload


class PatientScans(MemberView):
    parser_classes = (MultiPartParser,)

    @extend_schema(responses=ScanSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The patient's scans, newest first, without the archived ones."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk, "scans")
        scans = [row.scan for row in patient_timeline(patient=patient)]
        return Response(ScanSerializer(scans, many=True).data)

    @extend_schema(
        request=UploadSerializer,
        responses={201: AcceptedSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Stores a scan, whole or not at all, and asks for its segmentation."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        values = validated(UploadSerializer(data=request.data))
        declaration = Declaration(
            sequence=Sequence(values["sequence"]),
            acquired_on=values["acquired_on"],
            spacing_is_reliable=values["spacing_is_reliable"],
            convention=PictureConvention(values["convention"]),
        )
        accepted = accept_upload(
            patient=patient, by=self.member, upload=values["file"], declaration=declaration
        )
        return answer_accepted(accepted, status.HTTP_201_CREATED)


def answer_accepted(accepted: Accepted, code: int) -> Response:
    scan = scan_row(scan=accepted.scan).scan
    context = {"accepted": accepted}
    return Response(AcceptedSerializer(scan, context=context).data, status=code)
