"""One scan: its facts, its file, and what can be done about it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.http import FileResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from clinic.models import Role
from patients.models import PictureConvention, Scan, Sequence
from patients.selectors import get_scan
from patients.services.studies import archive_scan, restore_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.downloads import FILE, FileNegotiation
from segmentation.api.serializers.scans import (
    AcceptedSerializer,
    CorrectionSerializer,
    ScanDetailSerializer,
)
from segmentation.api.serializers.segmentations import SegmentationSerializer
from segmentation.api.uploads import answer_accepted
from segmentation.selectors.timeline import scan_row
from segmentation.sending import send_file
from segmentation.services.corrections import ScanFacts, correct_scan, facts_of
from segmentation.services.erasure import erase_scan
from segmentation.services.lesion_links import match_on_commit
from segmentation.services.queue import request_segmentation
from segmentation.services.uploads import confirm_doubts


class ScanDetail(MemberView):
    # JSON alone: in a form a missing tick cannot be told from one that was taken away.
    parser_classes = (JSONParser,)

    @extend_schema(responses=ScanDetailSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One scan with its corrections."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        self.record("scan.read", scan, scan.study.patient_id)
        return answer_scan(scan)

    @extend_schema(
        request=CorrectionSerializer,
        responses={200: ScanDetailSerializer, 400: ProblemSerializer},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Corrects what was declared. A changed reading makes the scan be segmented again."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        values = validated(CorrectionSerializer(data=request.data, context={"clinic": self.clinic}))
        reason = values.pop("reason")
        facts = with_changes(facts_of(scan), values)
        return answer_scan(correct_scan(scan=scan, by=self.member, facts=facts, reason=reason))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Archives the scan; its file and results are kept."""
        scan = archive_scan(scan=get_scan(clinic=self.clinic, pk=pk), by=self.member)
        match_on_commit(scan.study.patient_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def answer_scan(scan: Scan) -> Response:
    return Response(ScanDetailSerializer(scan_row(scan=scan).scan).data)


def with_changes(facts: ScanFacts, values: dict[str, Any]) -> ScanFacts:
    """The facts with those that the caller named."""
    changes = dict(values)
    if "acquired_on" in changes:
        changes["performed_on"] = changes.pop("acquired_on")
    if "sequence" in changes:
        changes["sequence"] = Sequence(changes["sequence"])
    if "convention" in changes:
        changes["convention"] = PictureConvention(changes["convention"])
    return replace(facts, **changes)


class ScanRestore(MemberView):
    @extend_schema(request=None, responses=ScanDetailSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Brings an archived scan back into the patient's course."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        restored = restore_scan(scan=scan, by=self.member)
        match_on_commit(scan.study.patient_id)
        return answer_scan(restored)


class ScanConfirm(MemberView):
    @extend_schema(request=None, responses={200: AcceptedSerializer, 409: ProblemSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The doubts have been looked at: the scan is what was declared, so it is segmented."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        if not scan.is_held_back:
            raise ApiProblem("The scan has no open doubts.", status.HTTP_409_CONFLICT)
        return answer_accepted(confirm_doubts(scan=scan, by=self.member), status.HTTP_200_OK)


class ScanSegment(MemberView):
    @extend_schema(request=None, responses={201: SegmentationSerializer, 409: ProblemSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Tries again, or runs again with the current model."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        segmentation = request_segmentation(scan=scan, by=self.member)
        data = SegmentationSerializer(segmentation).data
        return Response(data, status=status.HTTP_201_CREATED)


class ScanFile(MemberView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses=FILE)
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """The file as it was uploaded."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        self.record("scan.download", scan, scan.study.patient_id)
        return send_file(Path(scan.file.path), scan.original_name)


class ScanErase(MemberView):
    write_role = Role.ADMIN

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Erases the scan, its results and their files for good."""
        erase_scan(scan=get_scan(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)
