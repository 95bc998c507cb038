"""A signed result's mask, measures and lesions cannot be changed, whatever the code says.

The signature itself may be withdrawn, and the result may be erased with its scan.
"""

from django.db import migrations

LOCKED = (
    "scan_id", "version", "mask", "preview", "labels", "voxels", "volume_ml", "tumour_slices",
    "key_slice", "key_area_pixels", "key_area_percent", "mean_probability", "model_name",
    "model_version", "model_sha256", "author_name", "remark", "finished_at", "reviewer_name",
    "reviewed_at",
)

LOCK = f"""
CREATE FUNCTION segmentation_refuse_change_of_signed() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'a signed result is locked' USING ERRCODE = 'check_violation';
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER segmentation_signed_result_is_locked
BEFORE UPDATE ON segmentation_segmentation FOR EACH ROW
WHEN (OLD.review = 'signed' AND NEW.review = 'signed' AND (
    {" OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in LOCKED)}
))
EXECUTE FUNCTION segmentation_refuse_change_of_signed();

CREATE FUNCTION segmentation_refuse_lesion_of_signed() RETURNS trigger AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM segmentation_segmentation
        WHERE id = NEW.segmentation_id AND review = 'signed'
    ) THEN
        RAISE EXCEPTION 'a signed result is locked' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER segmentation_signed_lesions_are_locked
BEFORE UPDATE ON segmentation_lesion FOR EACH ROW
EXECUTE FUNCTION segmentation_refuse_lesion_of_signed();
"""

UNLOCK = """
DROP TRIGGER segmentation_signed_lesions_are_locked ON segmentation_lesion;
DROP FUNCTION segmentation_refuse_lesion_of_signed();
DROP TRIGGER segmentation_signed_result_is_locked ON segmentation_segmentation;
DROP FUNCTION segmentation_refuse_change_of_signed();
"""


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0002_reading_room")]

    operations = [migrations.RunSQL(LOCK, UNLOCK)]
