"""Patients: listing, adding, changing, archiving and erasing them."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.api.errors import ApiProblem
from clinic.models import Role
from patients.models import Patient
from patients.selectors import get_patient, list_patients
from patients.services.patients import (
    add_patient,
    archive_patient,
    restore_patient,
    update_patient,
)
from segmentation.api.base import MemberView, ProblemSerializer, validated
from segmentation.api.pages import PagedView
from segmentation.api.serializers.patients import (
    ErasureSerializer,
    PatientLineSerializer,
    PatientQuery,
    PatientSerializer,
)
from segmentation.services.erasure import erase_patient


class PatientList(PagedView):
    @extend_schema(
        operation_id="patients_list",
        parameters=[PatientQuery],
        responses=PatientLineSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The clinic's patients."""
        query = validated(PatientQuery(data=request.query_params))
        return self.answer_page(list_patients(clinic=self.clinic, **query), PatientLineSerializer)

    @extend_schema(
        request=PatientSerializer,
        responses={201: PatientSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Adds a patient; 409 where the clinic uses the record number already."""
        context = {"clinic": self.clinic}
        values = validated(PatientSerializer(data=request.data, context=context))
        patient = add_patient(by=self.member, **values)
        return Response(PatientSerializer(patient).data, status=status.HTTP_201_CREATED)


class PatientDetail(MemberView):
    @extend_schema(responses=PatientSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One patient, archived or not."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        self.record("patient.read", patient, patient.pk)
        return Response(PatientSerializer(patient).data)

    @extend_schema(
        request=PatientSerializer,
        responses={200: PatientSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Changes the patient; optional fields that are left out stay as they are."""
        return self._change(request, pk, partial=False)

    @extend_schema(
        request=PatientSerializer(partial=True),
        responses={200: PatientSerializer, 400: ProblemSerializer, 409: ProblemSerializer},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Changes the named fields."""
        return self._change(request, pk, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Archives the patient: nothing is deleted, and it can be undone."""
        archive_patient(patient=get_patient(clinic=self.clinic, pk=pk), by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, pk: uuid.UUID, *, partial: bool) -> Response:
        patient: Patient = get_patient(clinic=self.clinic, pk=pk)
        form = PatientSerializer(
            patient, data=request.data, partial=partial, context={"clinic": self.clinic}
        )
        changed = update_patient(patient=patient, by=self.member, **validated(form))
        return Response(PatientSerializer(changed).data)


class PatientRestore(MemberView):
    @extend_schema(request=None, responses=PatientSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Brings an archived patient back onto the list."""
        patient = restore_patient(patient=get_patient(clinic=self.clinic, pk=pk), by=self.member)
        return Response(PatientSerializer(patient).data)


class PatientErase(MemberView):
    write_role = Role.ADMIN

    @extend_schema(request=ErasureSerializer, responses={204: None, 400: ProblemSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Erases the record and all its files for good, once its number has been repeated."""
        patient = get_patient(clinic=self.clinic, pk=pk)
        typed = validated(ErasureSerializer(data=request.data))["record_number"]
        if typed != patient.record_number:
            raise ApiProblem("Nothing was erased: this is not the patient's record number.")
        erase_patient(patient=patient, by=self.member)
        return Response(status=status.HTTP_204_NO_CONTENT)
