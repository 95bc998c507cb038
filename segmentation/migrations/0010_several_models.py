"""What several models say of one scan; locked with a signed result like the rest."""

from importlib import import_module

from django.db import migrations, models

SIZE = import_module("segmentation.migrations.0005_size")
BEFORE = (*import_module("segmentation.migrations.0009_volume_interval").BEFORE, "volume_interval")
ADDED = ("parts", "gathered", "tumour_type", "unsure")


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0009_volume_interval")]

    operations = [
        *(
            migrations.AddField(
                model_name="segmentation",
                name=name,
                field=models.JSONField(blank=True, null=True),
            )
            for name in ADDED
        ),
        migrations.RunSQL(SIZE.lock((*BEFORE, *ADDED)), SIZE.lock(BEFORE)),
    ]
