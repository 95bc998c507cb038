"""How sure a result is, from how far the model was from readers on patients it had never seen."""

from ml.uncertainty.volume import (
    LEAST_PATIENTS_FOR_MORE,
    VolumeInterval,
    calibrate_volume,
    count_covered,
    read_volume_interval,
    volume_ratios,
)

__all__ = [
    "LEAST_PATIENTS_FOR_MORE",
    "VolumeInterval",
    "calibrate_volume",
    "count_covered",
    "read_volume_interval",
    "volume_ratios",
]
