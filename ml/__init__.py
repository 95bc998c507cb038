"""Volumes, models and measures: everything that looks at a voxel. No Django in here.

For notebooks and scripts::

    from ml import load_image, load_model, predict_mask

    prediction = predict_mask(load_model(), load_image("flair.nii.gz"), sequence="FLAIR")
    prediction.measurement.volume_ml
"""

from ml.models import load_model
from ml.prediction import predict_mask
from ml.volumes import load_image

__all__ = ("load_image", "load_model", "predict_mask")
