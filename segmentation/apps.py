from django.apps import AppConfig

from patients.summaries import register_provider


class SegmentationConfig(AppConfig):
    name = "segmentation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models may only be imported once the registry is full, which is now.
        from segmentation.selectors.summaries import summarise_results  # noqa: PLC0415

        register_provider(summarise_results)
