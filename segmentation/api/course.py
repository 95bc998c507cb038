"""The course of a patient, and what people decide on response categories."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from patients.selectors import get_patient, get_scan
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.serializers.course import (
    CourseSerializer,
    DecisionRequest,
    DecisionSerializer,
)
from segmentation.models import CriterionName, ResponseCategory
from segmentation.selectors.course import Decided, patient_course
from segmentation.selectors.course_values import course_values, decision_values
from segmentation.selectors.timeline import patient_timeline
from segmentation.services.decisions import decide_response


class PatientCourse(MemberView):
    @extend_schema(responses=CourseSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Sizes, changes, growth, categories, decisions and lesion names of every examination."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("course.read", patient, patient.pk)
        course = patient_course(patient=patient, rows=patient_timeline(patient=patient))
        return Response(CourseSerializer(course_values(course)).data)


class ScanResponse(MemberView):
    @extend_schema(
        request=DecisionRequest,
        responses={201: DecisionSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Confirms the category of the rule, or puts another beside it with a reason."""
        scan = get_scan(clinic=self.clinic, pk=pk)
        values = validated(DecisionRequest(data=request.data))
        row = decide_response(
            scan=scan,
            by=self.member,
            criterion=CriterionName(values.pop("criterion")),
            category=ResponseCategory(values.pop("category")),
            **values,
        )
        (said,) = decision_values([Decided(row, is_outdated=False)])
        return Response(DecisionSerializer(said).data, status=status.HTTP_201_CREATED)
