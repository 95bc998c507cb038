"""Results: the list, one of them, its mask, and the evidence for a type."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from patients.selectors import get_patient, get_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.downloads import FILE, FileNegotiation
from segmentation.api.pages import PagedView
from segmentation.api.serializers.segmentations import SegmentationQuery, SegmentationSerializer
from segmentation.files import mask_name, preview_path, unsure_name, unsure_path
from segmentation.models import Segmentation, State
from segmentation.naming import EVIDENCE
from segmentation.selectors.timeline import get_segmentation
from segmentation.sending import send_file, show_file


class SegmentationList(PagedView):
    @extend_schema(
        operation_id="segmentations_list",
        parameters=[SegmentationQuery],
        responses=SegmentationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The clinic's segmentations, newest first."""
        query = validated(SegmentationQuery(data=request.query_params))
        rows = Segmentation.objects.of(self.clinic).select_related("scan", "study")
        if "state" in query:
            rows = rows.filter(state=query["state"])
        if "patient" in query:
            patient = get_patient(clinic=self.clinic, pk=query["patient"])
            self.record("patient.read", patient, patient.pk, "segmentations")
            rows = rows.filter(study__patient=patient)
        if "scan" in query:
            scan = get_scan(clinic=self.clinic, pk=query["scan"])
            self.record("scan.read", scan, scan.study.patient_id, "segmentations")
            rows = rows.filter(scan=scan)
        ordered = rows.prefetch_related("lesions", "inputs").order_by("-created_at", "pk")
        return self.answer_page(ordered, SegmentationSerializer)


class SegmentationDetail(MemberView):
    @extend_schema(responses=SegmentationSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Its state and, once it has succeeded, its measures. May be polled."""
        segmentation = get_segmentation(clinic=self.clinic, pk=pk)
        if segmentation.state == State.SUCCEEDED:
            self.record("result.read", segmentation, segmentation.study.patient_id)
        return Response(SegmentationSerializer(segmentation).data)


class SegmentationMask(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses={**FILE, 409: ProblemSerializer})
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """The mask on the scan's own grid."""
        segmentation = get_segmentation(clinic=self.clinic, pk=pk)
        if not segmentation.mask:
            raise ApiProblem(why_no_mask(segmentation), status.HTTP_409_CONFLICT)
        self.record("mask.download", segmentation.scan, segmentation.study.patient_id)
        return send_file(Path(segmentation.mask.path), mask_name(segmentation))


class SegmentationEvidence(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """Where the evidence for a tumour's type lies: colours to lie over the picture.

        As large as the picture, or shrunk to 384 pixels along its longer side; the more opaque the
        more evidence. 404 where ``evidence_of`` is empty.
        """
        segmentation = get_segmentation(clinic=self.clinic, pk=pk)
        if not segmentation.mask:
            raise Http404
        answer = show_file(preview_path(segmentation, EVIDENCE), content_type="image/png")
        self.record("evidence.download", segmentation.scan, segmentation.study.patient_id)
        return answer


class SegmentationUnsure(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses={**FILE, 409: ProblemSerializer})
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """Where the model was unsure, on the scan's own grid: 0 to 100 hundredths of a bit."""
        segmentation = get_segmentation(clinic=self.clinic, pk=pk)
        if segmentation.unsure is None:
            raise ApiProblem(why_no_unsure(segmentation), status.HTTP_409_CONFLICT)
        self.record("unsure.download", segmentation.scan, segmentation.study.patient_id)
        return send_file(unsure_path(segmentation), unsure_name(segmentation))


def why_no_unsure(segmentation: Segmentation) -> str:
    if not segmentation.mask:
        return why_no_mask(segmentation)
    if segmentation.is_by_a_person:
        return "A person drew this mask, so there is no map of where a model was unsure."
    return "This result was made without a map of where the model was unsure."


def why_no_mask(segmentation: Segmentation) -> str:
    if segmentation.state == State.FAILED:
        return f"There is no mask, because the segmentation failed: {segmentation.reason}"
    return "There is no mask yet: the segmentation has not finished. Please ask again later."
