"""What two masks are compared by: overlap, surfaces, volumes and lesions."""

from ml.metrics.files import dice_of_files
from ml.metrics.overlap import METRICS, Agreement, measure_agreement

__all__ = ["METRICS", "Agreement", "dice_of_files", "measure_agreement"]
