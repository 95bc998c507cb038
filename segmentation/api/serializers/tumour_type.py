"""The type of tumour that a model names on a picture."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class TumourTypeSerializer(serializers.Serializer[Any]):
    """Probabilities for the four answers that the model has. No grade is given.

    Where ``without`` says why there is no type, ``probabilities``, ``verdict`` and the figures of
    the model are null.
    """

    model = serializers.CharField()
    version = serializers.CharField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    probabilities = serializers.DictField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="By glioma, meningioma, pituitary and no_tumour, from 0 to 1, together 1.",
    )
    verdict = serializers.CharField(
        allow_null=True,
        help_text="The likeliest of them, or uncertain where it is less likely than certain_from.",
    )
    certain_from = serializers.FloatField(
        allow_null=True, help_text="The probability from which the model commits itself."
    )
    calibrated_on = serializers.IntegerField(
        allow_null=True,
        help_text="On how many pictures the probabilities were set right; 0: on none.",
    )
    evidence_of = serializers.CharField(
        allow_blank=True,
        help_text="The answer that evidence/ is the picture of; empty where there is none.",
    )
    confounded = serializers.CharField(
        allow_blank=True, help_text="What the probability of no_tumour may mean besides."
    )
    seen = serializers.ListField(
        child=serializers.CharField(), help_text="What the model was trained on."
    )
    not_seen = serializers.ListField(child=serializers.CharField())
    of_version = serializers.IntegerField(
        allow_null=True,
        help_text="The scan's version that the type was worked out with, for one that a person "
        "made from it; null for a model's own.",
    )
    without = serializers.CharField(allow_blank=True, help_text="Why there is no type.")
