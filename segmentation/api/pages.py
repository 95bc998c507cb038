"""Long lists, a page at a time."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from segmentation.api.base import MemberView


class Pages(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 200


class PagedView(MemberView):
    """A list that is answered as ``{"count", "next", "previous", "results"}``."""

    pagination_class = Pages

    def answer_page(
        self, rows: QuerySet[Any], serializer: type[serializers.BaseSerializer[Any]]
    ) -> Response:
        pages = self.pagination_class()
        page = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(serializer(page, many=True).data)
