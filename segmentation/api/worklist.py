"""The worklist, for other systems of the hospital."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from segmentation.api.base import MemberView, validated
from segmentation.api.serializers.worklist import WorklistQuery, WorklistSerializer
from segmentation.selectors.worklist import worklist


class WorklistView(MemberView):
    @extend_schema(parameters=[WorklistQuery], responses=WorklistSerializer)
    def get(self, request: Request) -> Response:
        """What needs a person: to review (oldest first), to check, running, failed, signed today.

        A page beyond the last one is answered with the last.
        """
        query = validated(WorklistQuery(data=request.query_params))
        return Response(WorklistSerializer(worklist(clinic=self.clinic, **query)).data)
