"""What a viewer needs to show a scan with its results."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from patients.selectors import get_scan
from segmentation.api.base import MemberView
from segmentation.selectors.reading import reading_manifest


class ScanReading(MemberView):
    @extend_schema(
        parameters=[OpenApiParameter("version", OpenApiTypes.UUID, description="A result's id.")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The scan's grid, the patient's other volumes, and one result with its lesions.

        Voxels are indices of the volume that is served; the affine takes them to RAS+ mm.
        """
        scan = get_scan(clinic=self.clinic, pk=pk)
        self.record("scan.read", scan, scan.study.patient_id, "reading room")
        version = request.query_params.get("version", "")
        return Response(reading_manifest(member=self.member, scan=scan, version=version))
