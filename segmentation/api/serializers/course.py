"""The course of a patient, and decisions on response categories."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from patients.models import ClinicalChange, Sequence, TreatmentKind
from segmentation.api.serializers.segmentations import VolumeIntervalSerializer
from segmentation.models import CriterionName, ResponseCategory


class CourseLesionSerializer(serializers.Serializer[Any]):
    """A lesion that was ever seen: its lasting name and colour."""

    name = serializers.IntegerField()
    colour = serializers.CharField()


class LesionAtSerializer(serializers.Serializer[Any]):
    """What carries one name on one examination; the sum over ``parts`` where it has split."""

    name = serializers.IntegerField()
    volume_ml = serializers.FloatField(allow_null=True)
    product_mm2 = serializers.FloatField(allow_null=True)
    parts = serializers.IntegerField()
    is_new = serializers.BooleanField()


class LesionNameSerializer(serializers.Serializer[Any]):
    """The name of lesion ``number`` of the result; ``shown_as`` tells parts apart."""

    number = serializers.IntegerField()
    name = serializers.IntegerField()
    shown_as = serializers.CharField()
    colour = serializers.CharField()


class GrowthSerializer(serializers.Serializer[Any]):
    """Since the comparable examination before; exponential in volume."""

    rate_percent_a_month = serializers.FloatField()
    doubling_days = serializers.FloatField(allow_null=True)
    halving_days = serializers.FloatField(allow_null=True)
    expansion_mm_a_year = serializers.FloatField()
    days = serializers.IntegerField()


class CourseChangeSerializer(serializers.Serializer[Any]):
    segmentation = serializers.UUIDField()
    day = serializers.DateField()
    before = serializers.FloatField()
    after = serializers.FloatField()
    absolute = serializers.FloatField()
    percent = serializers.FloatField(allow_null=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """What a person said of a category; ``is_outdated`` where it rested on other figures."""

    id = serializers.UUIDField()
    criterion = serializers.ChoiceField(choices=CriterionName.choices)
    category = serializers.ChoiceField(choices=ResponseCategory.choices)
    is_preliminary = serializers.BooleanField()
    rule_category = serializers.ChoiceField(choices=ResponseCategory.choices)
    rule_is_preliminary = serializers.BooleanField()
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
    is_outdated = serializers.BooleanField()


class ResponseSerializer(serializers.Serializer[Any]):
    """The category of the rule by one criterion, what it rests on, and what people decided."""

    criterion = serializers.ChoiceField(choices=CriterionName.choices)
    value = serializers.FloatField(allow_null=True)
    category = serializers.ChoiceField(choices=ResponseCategory.choices)
    is_preliminary = serializers.BooleanField()
    reason = serializers.CharField()
    conditions = serializers.ListField(child=serializers.CharField())
    uses_drafts = serializers.BooleanField()
    rule = serializers.CharField()
    rule_source = serializers.CharField()
    since_baseline = CourseChangeSerializer(allow_null=True)
    since_nadir = CourseChangeSerializer(allow_null=True)
    since_previous = CourseChangeSerializer(allow_null=True)
    seen = serializers.CharField(help_text="To be sent back with a decision on this category.")
    decisions = DecisionSerializer(many=True)


class ExaminationSerializer(serializers.Serializer[Any]):
    """One examination: the result that counts of one scan."""

    scan = serializers.UUIDField()
    study = serializers.UUIDField()
    segmentation = serializers.UUIDField()
    version = serializers.IntegerField()
    day = serializers.DateField()
    sequence = serializers.ChoiceField(choices=Sequence.choices)
    component = serializers.CharField()
    family = serializers.CharField()
    method = serializers.CharField()
    is_corrected = serializers.BooleanField()
    is_signed = serializers.BooleanField()
    found_nothing = serializers.BooleanField()
    volume_ml = serializers.FloatField(allow_null=True)
    volume_interval = VolumeIntervalSerializer(allow_null=True)
    product_mm2 = serializers.FloatField(allow_null=True)
    new_lesions = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    new_measurable_lesions = serializers.IntegerField(allow_null=True)
    why_new_lesions_are_not_known = serializers.CharField()
    lesions = LesionAtSerializer(many=True)
    names = LesionNameSerializer(many=True)
    growth = GrowthSerializer(allow_null=True)
    responses = ResponseSerializer(many=True)


class CourseTreatmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TreatmentKind.choices)
    description = serializers.CharField()
    started_on = serializers.DateField()
    ended_on = serializers.DateField(allow_null=True)


class CourseStudySerializer(serializers.Serializer[Any]):
    """How the patient was on the day of a visit."""

    id = serializers.UUIDField()
    performed_on = serializers.DateField()
    steroid_mg = serializers.FloatField(allow_null=True)
    karnofsky = serializers.IntegerField(allow_null=True)
    clinical_change = serializers.ChoiceField(choices=ClinicalChange.choices)
    is_baseline = serializers.BooleanField()


class CourseSerializer(serializers.Serializer[Any]):
    """Sizes over time, what changed, what the rule and people call it; oldest first."""

    patient = serializers.UUIDField()
    lesions = CourseLesionSerializer(many=True)
    is_matching = serializers.BooleanField()
    examinations = ExaminationSerializer(many=True)
    treatments = CourseTreatmentSerializer(many=True)
    studies = CourseStudySerializer(many=True)
    notice = serializers.CharField()


class DecisionRequest(serializers.Serializer[Any]):
    """``seen`` names the figures that the person had before them, as the course gives it."""

    criterion = serializers.ChoiceField(choices=CriterionName.choices)
    category = serializers.ChoiceField(choices=ResponseCategory.choices)
    is_preliminary = serializers.BooleanField(default=False)
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")
    seen = serializers.CharField(max_length=40)
