"""What two masks are compared by: overlap, surfaces, volumes and lesions."""

from ml.metrics.overlap import METRICS, Agreement, measure_agreement

__all__ = ["METRICS", "Agreement", "measure_agreement"]
