"""What every endpoint shares: who asks, how input is read, and how a refusal is worded."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers, status
from rest_framework.parsers import BaseParser, FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.access import clinic_of, member_of
from clinic.api.errors import ApiProblem
from clinic.models import Clinic, Membership
from clinic.services.log import record_access
from ml.errors import InvalidDrawingError
from patients.errors import RecordError, RecordNumberTakenError
from segmentation.errors import DuplicateScanError, MeasureError, SegmentationError, UploadError

REFUSALS = (RecordError, UploadError, MeasureError, SegmentationError, InvalidDrawingError)
# Those that are at odds with what is stored already; the others are bad requests.
CONFLICTS = (RecordNumberTakenError, DuplicateScanError, SegmentationError)


class ProblemSerializer(serializers.Serializer[ApiProblem]):
    """A refusal in one sentence."""

    detail = serializers.CharField()


class MemberView(APIView):
    """An endpoint for members: ``read_role`` and above read, ``write_role`` and above write."""

    parser_classes: Sequence[type[BaseParser]] = (JSONParser, FormParser, MultiPartParser)

    @property
    def member(self) -> Membership:
        return member_of(self.request._request)

    @property
    def clinic(self) -> Clinic:
        return clinic_of(self.request._request)

    def record(self, action: str, subject: Any, patient_id: uuid.UUID, detail: str = "") -> None:
        """One line of the access log."""
        record_access(
            member=self.member,
            action=action,
            subject=subject,
            patient_id=patient_id,
            detail=detail,
        )

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(as_problem(exc))


def as_problem(error: Exception) -> Exception:
    """The services' own refusals as answers; any other error as it is."""
    if not isinstance(error, REFUSALS):
        return error
    conflict = isinstance(error, CONFLICTS)
    code = status.HTTP_409_CONFLICT if conflict else status.HTTP_400_BAD_REQUEST
    return ApiProblem(str(error), code)


def validated(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """The serializer's checked input; raises ValidationError, which names the fields."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
