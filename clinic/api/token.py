"""Signing in to the API."""

from __future__ import annotations

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.access import find_membership, open_to_all
from clinic.api.errors import ApiProblem
from clinic.services.log import record_access


class CredentialsSerializer(serializers.Serializer[dict[str, str]]):
    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False)


class TokenSerializer(serializers.Serializer[dict[str, str]]):
    token = serializers.CharField()


class TokenView(APIView):
    """User name and password for a token. Wrong passwords count towards the lock-out."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=CredentialsSerializer, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request=request._request, **credentials.validated_data)
        member = find_membership(user) if user is not None else None
        if user is None or member is None:
            raise ApiProblem(
                "The user name or the password is wrong.", status.HTTP_401_UNAUTHORIZED
            )
        token, _ = Token.objects.get_or_create(user=user)
        record_access(member=member, action="token.sign-in")
        return Response({"token": token.key})


obtain_token = open_to_all(TokenView.as_view())
