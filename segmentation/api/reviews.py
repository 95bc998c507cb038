"""Reviewing results, and a scan's versions."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from clinic.services.passwords import PasswordError
from patients.selectors import get_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.reviews import (
    RejectionSerializer,
    SignatureSerializer,
    StartSerializer,
    VersionSerializer,
)
from segmentation.api.serializers.segmentations import SegmentationSerializer
from segmentation.models import Segmentation
from segmentation.selectors.timeline import get_segmentation
from segmentation.selectors.versions import scan_versions
from segmentation.services.reviews import (
    make_current,
    reject_result,
    release_review,
    sign_result,
    start_review,
)

ANSWERS = {200: SegmentationSerializer, 409: ProblemSerializer}
PASSWORD_ANSWERS = {
    200: SegmentationSerializer,
    403: ProblemSerializer,
    409: ProblemSerializer,
    429: ProblemSerializer,
}


class ResultView(MemberView):
    """An endpoint for one result of the clinic."""

    def result(self, pk: uuid.UUID) -> Segmentation:
        return get_segmentation(clinic=self.clinic, pk=pk)

    def answer(self, result: Segmentation) -> Response:
        fresh = get_segmentation(clinic=self.clinic, pk=result.pk)
        return Response(SegmentationSerializer(fresh).data)


class ReviewStart(ResultView):
    @extend_schema(request=StartSerializer, responses=ANSWERS)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Takes a draft into review; with ``take_over``, from whoever has it."""
        values = validated(StartSerializer(data=request.data))
        take_over = values["take_over"]
        return self.answer(
            start_review(result=self.result(pk), by=self.member, take_over=take_over)
        )


class ReviewRelease(ResultView):
    @extend_schema(request=None, responses=ANSWERS)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Gives one's own review back; an administrator, anybody's."""
        return self.answer(release_review(result=self.result(pk), by=self.member))


class ReviewSign(ResultView):
    @extend_schema(request=SignatureSerializer, responses=PASSWORD_ANSWERS)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Signs the result with the caller's password; it is locked then, and the current one."""
        result = self.result(pk)
        values = validated(SignatureSerializer(data=request.data))
        try:
            signed = sign_result(
                result=result,
                by=self.member,
                password=values["password"],
                request=request._request,
                comment=values["comment"],
            )
        except PasswordError as error:
            # Once locked out, the lock-out's own middleware answers 429 in place of this.
            raise ApiProblem(str(error), status.HTTP_403_FORBIDDEN) from error
        return self.answer(signed)


class ReviewReject(ResultView):
    @extend_schema(request=RejectionSerializer, responses=ANSWERS)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Rejects the result with a reason; no other result takes its place by itself."""
        result = self.result(pk)
        values = validated(RejectionSerializer(data=request.data))
        return self.answer(reject_result(result=result, by=self.member, reason=values["reason"]))


class MakeCurrent(ResultView):
    @extend_schema(request=None, responses=ANSWERS)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Makes this version the one that counts."""
        return self.answer(make_current(result=self.result(pk), by=self.member))


class ScanVersions(MemberView):
    @extend_schema(responses=VersionSerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The scan's results, newest first, each with the steps of its review."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        self.record("scan.read", scan, scan.study.patient_id, "versions")
        return Response(VersionSerializer(scan_versions(scan=scan), many=True).data)
