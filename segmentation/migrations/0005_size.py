"""Size as a board speaks of it; a signed result's new figures are locked like the others."""

from importlib import import_module

from django.db import migrations, models

BEFORE = import_module("segmentation.migrations.0003_signed_results_are_locked").LOCKED
ADDED = (
    "brain_percent", "brain_volume_ml", "brain_source", "surface_mm2", "sum_of_products_mm2",
    "is_multifocal", "satellites", "distances_mm",
)


def lock(names: tuple[str, ...]) -> str:
    """Puts the trigger that refuses a change of ``names`` in the place of the one there is."""
    return f"""
DROP TRIGGER segmentation_signed_result_is_locked ON segmentation_segmentation;
CREATE TRIGGER segmentation_signed_result_is_locked
BEFORE UPDATE ON segmentation_segmentation FOR EACH ROW
WHEN (OLD.review = 'signed' AND NEW.review = 'signed' AND (
    {" OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in names)}
))
EXECUTE FUNCTION segmentation_refuse_change_of_signed();
"""


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0004_words_of_a_comparisons_steps")]

    operations = [
        migrations.AddField(
            model_name="lesion", name="brain_percent", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="is_measurable", field=models.BooleanField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="is_tiny", field=models.BooleanField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="longest_3d_mm", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="product_mm2", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="sphericity", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="lesion", name="surface_mm2", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="brain_percent", field=models.FloatField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="brain_source", field=models.CharField(blank=True, max_length=120)
        ),
        migrations.AddField(
            model_name="segmentation", name="brain_volume_ml", field=models.FloatField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="distances_mm", field=models.JSONField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="is_multifocal", field=models.BooleanField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="satellites", field=models.JSONField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="sum_of_products_mm2", field=models.FloatField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="segmentation", name="surface_mm2", field=models.FloatField(blank=True, null=True)
        ),
        migrations.RunSQL(lock(BEFORE + ADDED), lock(BEFORE)),
    ]
