"""How far a model's volume may be from a reader's; locked with a signed result like the rest."""

from importlib import import_module

from django.db import migrations, models

SIZE = import_module("segmentation.migrations.0005_size")
BEFORE = SIZE.BEFORE + SIZE.ADDED


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0008_place")]

    operations = [
        migrations.AddField(
            model_name="segmentation",
            name="volume_interval",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.RunSQL(SIZE.lock((*BEFORE, "volume_interval")), SIZE.lock(BEFORE)),
    ]
