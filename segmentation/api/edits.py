"""Drawing on a scan: keeping what is not saved yet, and saving it as a version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from ml.drawings import largest_packed
from patients.models import Scan
from patients.selectors import get_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.downloads import FILE, FileNegotiation
from segmentation.api.serializers.edits import (
    BaseQuery,
    DrawingStateSerializer,
    KeepQuery,
    NewerVersionSerializer,
    SaveConflictSerializer,
    SaveEditSerializer,
    StaleDrawingSerializer,
)
from segmentation.api.serializers.segmentations import SegmentationSerializer
from segmentation.errors import NewerVersionError, StaleDrawingError
from segmentation.models import Segmentation
from segmentation.selectors.edits import newer_version, others_editing, own_edit
from segmentation.sending import DOWNLOAD_TYPE, send_file
from segmentation.services.edits import NOTHING_KEPT, discard_edit, keep_edit
from segmentation.services.results import next_version
from segmentation.services.saving import save_edit


class LabelsParser(BaseParser):
    """The body as bytes, read no further than the view's ``largest_body`` and one byte."""

    media_type = DOWNLOAD_TYPE

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        view: ScanEdit = (parser_context or {})["view"]
        return stream.read(view.largest_body + 1)


class DrawingView(MemberView):
    """Conflicts say beside their sentence what is kept or newer, for a program to go on with."""

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, StaleDrawingError):
            body: dict[str, Any] = {"detail": str(exc), "revision": exc.revision}
            return Response(body, status=status.HTTP_409_CONFLICT)
        if isinstance(exc, NewerVersionError):
            body = {"detail": str(exc), "newer": NewerVersionSerializer(exc.newer).data}
            return Response(body, status=status.HTTP_409_CONFLICT)
        return super().handle_exception(exc)

    def base_in(self, query: dict[str, Any]) -> Segmentation | None:
        if "base" not in query:
            return None
        # One that has not finished has no version to draw on.
        versions = Segmentation.objects.of(self.clinic).exclude(version=None)
        return get_object_or_404(versions, pk=query["base"])

    def answer_state(self, scan: Scan, base: Segmentation | None = None) -> Response:
        """How things stand, the base being the drawing's where there is one."""
        edit = own_edit(scan=scan, member=self.member)
        state = {
            "edit": edit,
            "others": others_editing(scan=scan, member=self.member),
            "newer": newer_version(scan=scan, base=base if edit is None else edit.base),
            "next_version": next_version(scan.pk),
        }
        return Response(DrawingStateSerializer(state).data)


class ScanEdit(DrawingView):
    parser_classes = (LabelsParser,)
    largest_body = 0

    @extend_schema(parameters=[BaseQuery], responses=DrawingStateSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The caller's unsaved drawing, if any, and who else is drawing. May be polled."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        query = validated(BaseQuery(data=request.query_params))
        return self.answer_state(scan, self.base_in(query))

    @extend_schema(
        parameters=[KeepQuery],
        request={DOWNLOAD_TYPE: OpenApiTypes.BINARY},
        responses={
            200: DrawingStateSerializer,
            400: ProblemSerializer,
            409: StaleDrawingSerializer,
            413: ProblemSerializer,
        },
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Keeps the drawing: gzipped uint8 of the file's grid, first axis fastest, no header."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        query = validated(KeepQuery(data=request.query_params))
        keep_edit(
            scan=scan,
            by=self.member,
            base=self.base_in(query),
            revision=query["revision"],
            content=self._body(request, scan),
        )
        return self.answer_state(scan)

    def _body(self, request: Request, scan: Scan) -> bytes:
        self.largest_body = largest_packed(tuple(scan.shape))
        content = request.data
        if not isinstance(content, bytes):  # an empty body is not even handed to the parser
            return b""
        if len(content) > self.largest_body:
            raise ApiProblem(
                "The drawing is larger than any of this scan can be, so it was not kept.",
                status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
            )
        return content

    @extend_schema(responses={204: None, 409: ProblemSerializer})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Discards the caller's own drawing; results stay as they are."""
        discard_edit(scan=get_scan(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ScanEditLabels(DrawingView):
    content_negotiation_class = FileNegotiation

    @extend_schema(responses={**FILE, 409: ProblemSerializer})
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """The labels of the caller's own drawing, as they were kept."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        edit = own_edit(scan=scan, member=self.member)
        if edit is None:
            raise ApiProblem(NOTHING_KEPT, status.HTTP_409_CONFLICT)
        self.record("edit.read", scan, scan.study.patient_id)
        return send_file(Path(edit.labels.path), "labels.gz")


class ScanEditSave(DrawingView):
    @extend_schema(
        request=SaveEditSerializer,
        responses={
            201: SegmentationSerializer,
            400: ProblemSerializer,
            409: SaveConflictSerializer,
        },
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Makes the kept drawing the next version, measured as a model's is; overwrites nothing."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        values = validated(SaveEditSerializer(data=request.data))
        saved = save_edit(scan=scan, by=self.member, **values)
        return Response(SegmentationSerializer(saved).data, status=status.HTTP_201_CREATED)
