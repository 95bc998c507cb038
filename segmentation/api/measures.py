"""Measures by hand."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from patients.selectors import get_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.measures import DrawnSerializer, HandMeasureSerializer
from segmentation.models import MeasureKind, Plane
from segmentation.selectors.hand_measures import get_hand_measure, list_hand_measures
from segmentation.services.hand_measures import Drawn, add_hand_measure, remove_hand_measure


class ScanMeasures(MemberView):
    @extend_schema(responses=HandMeasureSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What people have measured on the scan, oldest first."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        self.record("scan.read", scan, scan.study.patient_id, "measures by hand")
        return Response(HandMeasureSerializer(list_hand_measures(scan=scan), many=True).data)

    @extend_schema(
        request=DrawnSerializer,
        responses={201: HandMeasureSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Keeps a measure; lengths and angles are worked out here, from its points."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        values = validated(DrawnSerializer(data=request.data))
        kind, plane = MeasureKind(values.pop("kind")), Plane(values.pop("plane"))
        drawn = Drawn(kind=kind, plane=plane, **values)
        measure = add_hand_measure(scan=scan, by=self.member, drawn=drawn)
        return Response(HandMeasureSerializer(measure).data, status=status.HTTP_201_CREATED)


class MeasureDetail(MemberView):
    @extend_schema(responses={204: None, 400: ProblemSerializer, 409: ProblemSerializer})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Takes the measure off the scan; who removed it and when is kept."""
        remove_hand_measure(measure=get_hand_measure(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)
