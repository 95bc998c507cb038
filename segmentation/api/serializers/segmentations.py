"""Results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from segmentation.api.fields import voxel_points
from segmentation.api.serializers.figures import (
    DISTANCES,
    GATHERED,
    OF_A_LESION,
    OF_A_RESULT,
    PARTS,
    SATELLITES,
    TUMOUR_TYPE,
    UNSURE,
    VOLUME_INTERVAL,
    help_texts,
)
from segmentation.api.serializers.tumour_type import TumourTypeSerializer
from segmentation.models import Lesion, Segmentation, State
from segmentation.selectors.unsure import unsure_figures

NOTICE = "Research software, not for diagnosis."


class SegmentationQuery(serializers.Serializer[Any]):
    """What the list can be narrowed to."""

    state = serializers.ChoiceField(choices=State.choices, required=False)
    patient = serializers.UUIDField(required=False)
    scan = serializers.UUIDField(required=False)


class ModelSerializer(serializers.Serializer[Segmentation]):
    """The model that a segmentation is of."""

    name = serializers.CharField(source="model_name")
    version = serializers.CharField(source="model_version")
    sha256 = serializers.CharField(source="model_sha256")


class DiameterLinesSerializer(serializers.Serializer[Any]):
    """The two ends of each diameter as voxel indices [i, j, k] of the scan's file."""

    longest = voxel_points(required=False)
    perpendicular = voxel_points(required=False)


class DistanceSerializer(serializers.Serializer[Any]):
    """How far two lesions are apart."""

    lesions = serializers.ListField(child=serializers.IntegerField(), help_text="Two numbers.")
    mm = serializers.FloatField(help_text="Between the nearest voxel centres, in mm.")


class RegionShareSerializer(serializers.Serializer[Any]):
    """A region's share of the lesion, 0 to 1; ``side`` is empty for what lies in the middle."""

    name = serializers.CharField()
    side = serializers.ChoiceField(choices=("left", "right", ""))
    share = serializers.FloatField()


class LesionSerializer(serializers.ModelSerializer[Lesion]):
    """One connected piece of the mask; slices count from 1 at the foot.

    ``diameter_lines`` is empty where there is no such line, as for a single voxel. ``regions``,
    ``crosses_midline``, ``depth_mm`` (from the brain's surface), ``ventricle_mm`` (0: touching),
    ``cortex_share``, ``eloquent`` and ``unnamed_share`` are found on a brain template; they are
    null where the scan could not be laid on it, and ``without_atlas`` says why.
    """

    diameter_lines = DiameterLinesSerializer(read_only=True)
    regions = RegionShareSerializer(many=True, read_only=True, allow_null=True)
    eloquent = serializers.DictField(
        child=serializers.FloatField(), read_only=True, allow_null=True
    )

    class Meta:
        model = Lesion
        fields = (
            "number",
            "voxels",
            "volume_ml",
            "longest_diameter_mm",
            "perpendicular_diameter_mm",
            "product_mm2",
            "longest_3d_mm",
            "surface_mm2",
            "sphericity",
            "brain_percent",
            "is_measurable",
            "is_tiny",
            "diameter_lines",
            "slices",
            "first_slice",
            "last_slice",
            "key_slice",
            "key_area_pixels",
            "key_area_percent",
            "centroid",
            "mean_probability",
            "side",
            "left_share",
            "place",
            "regions",
            "crosses_midline",
            "depth_mm",
            "ventricle_mm",
            "cortex_share",
            "eloquent",
            "unnamed_share",
            "without_atlas",
        )
        read_only_fields = fields
        extra_kwargs = help_texts(OF_A_LESION)


class VolumeIntervalSerializer(serializers.Serializer[Any]):
    """Between which volumes a reader's lies, in that share of patients like those of the test."""

    level = serializers.FloatField(help_text="Such as 0.8: in 80 % of patients.")
    low_ml = serializers.FloatField()
    high_ml = serializers.FloatField()
    patients = serializers.IntegerField(help_text="From how many patients that is known.")


class PartSerializer(serializers.Serializer[Any]):
    """A part of the mask; parts overlap, as the core holds what enhances."""

    name = serializers.CharField()
    labels = serializers.ListField(
        child=serializers.IntegerField(), help_text="The values of the mask that are this part."
    )
    voxels = serializers.IntegerField()
    volume_ml = serializers.FloatField(allow_null=True, help_text="In mL.")


class GatheredSerializer(serializers.Serializer[Any]):
    """How the inputs came onto the scan's grid."""

    placed = serializers.DictField(child=serializers.CharField(), help_text="By sequence, how.")
    left_out = serializers.DictField(child=serializers.CharField(), help_text="By sequence, why.")
    brain = serializers.CharField(help_text="How the brain was told from the skull.")
    instead = serializers.CharField(
        allow_blank=True, help_text="Why the scan was read alone although the visit has more."
    )


class UnsureSerializer(serializers.Serializer[Any]):
    """How much of the scan small changes of the image make the model unsure of."""

    readings = serializers.IntegerField(
        help_text="Mirrored or not, and darker, as it is or brighter."
    )
    from_bits = serializers.FloatField(help_text="From where on a voxel counts; 1 is even odds.")
    voxels = serializers.IntegerField()
    volume_ml = serializers.FloatField(allow_null=True, help_text="In mL.")
    share = serializers.FloatField(
        allow_null=True, help_text="The voxels over those of the mask; null for an empty mask."
    )


class SegmentationSerializer(serializers.ModelSerializer[Segmentation]):
    """One segmentation; sizes in mm and mL are null where the scan has no reliable spacing."""

    patient = serializers.UUIDField(source="study.patient_id", read_only=True)
    model = ModelSerializer(source="*", read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)
    found_nothing = serializers.BooleanField(read_only=True)
    has_physical_size = serializers.BooleanField(source="scan.has_physical_size", read_only=True)
    lesions = LesionSerializer(many=True, read_only=True)
    satellites = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, allow_null=True, help_text=SATELLITES
    )
    distances_mm = DistanceSerializer(
        many=True, read_only=True, allow_null=True, help_text=DISTANCES
    )
    volume_interval = VolumeIntervalSerializer(
        read_only=True, allow_null=True, help_text=VOLUME_INTERVAL
    )
    parts = PartSerializer(many=True, read_only=True, allow_null=True, help_text=PARTS)
    gathered = GatheredSerializer(read_only=True, allow_null=True, help_text=GATHERED)
    tumour_type = TumourTypeSerializer(read_only=True, allow_null=True, help_text=TUMOUR_TYPE)
    unsure = serializers.SerializerMethodField(help_text=UNSURE)
    source = serializers.CharField(  # type: ignore[assignment]
        read_only=True, help_text="Who or what drew it: a person's name, or model and version."
    )
    signed_by = serializers.SerializerMethodField()
    signed_at = serializers.SerializerMethodField()
    notice = serializers.SerializerMethodField()

    class Meta:
        model = Segmentation
        fields: tuple[str, ...] = (
            "id",
            "scan",
            "study",
            "patient",
            "state",
            "step",
            "slices_done",
            "slices_total",
            "reason",
            "attempts",
            "model",
            "inputs",
            "gathered",
            "labels",
            "version",
            "source",
            "author_name",
            "parent",
            "remark",
            "is_current",
            "review",
            "signed_by",
            "signed_at",
            "draft_dice",
            "found_nothing",
            "has_physical_size",
            "volume_ml",
            "voxels",
            "tumour_slices",
            "key_slice",
            "key_area_pixels",
            "key_area_percent",
            "mean_probability",
            "brain_percent",
            "brain_volume_ml",
            "brain_source",
            "surface_mm2",
            "sum_of_products_mm2",
            "volume_interval",
            "is_multifocal",
            "satellites",
            "distances_mm",
            "parts",
            "tumour_type",
            "unsure",
            "lesions",
            "created_at",
            "started_at",
            "finished_at",
            "notice",
        )
        read_only_fields = fields
        extra_kwargs = help_texts(OF_A_RESULT)

    @extend_schema_field(UnsureSerializer(allow_null=True))
    def get_unsure(self, segmentation: Segmentation) -> dict[str, Any] | None:
        return unsure_figures(segmentation)

    def get_signed_by(self, segmentation: Segmentation) -> str:
        return segmentation.reviewer_name if segmentation.is_signed else ""

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_signed_at(self, segmentation: Segmentation) -> datetime | None:
        return segmentation.reviewed_at if segmentation.is_signed else None

    def get_notice(self, _segmentation: Segmentation) -> str:
        return NOTICE
