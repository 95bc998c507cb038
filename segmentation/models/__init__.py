"""Results; import them from here."""

from segmentation.models.lesion import Lesion
from segmentation.models.segmentation import MAX_ATTEMPTS, Segmentation, State, Step

__all__ = ("MAX_ATTEMPTS", "Lesion", "Segmentation", "State", "Step")
