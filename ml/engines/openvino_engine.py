"""A 2D network run by OpenVINO, on any x86 or ARM CPU.

The network is converted in memory (no file is written) with its sizes left open, so that one
compiled model reads slices of every size; on two AMX cores that costs 3 % against a model compiled
for one size, and a new size costs nothing but its first batch.

OpenVINO's Python package reports each import and conversion to Google Analytics unless somebody
has opted out (``openvino.tools.ovc``, through the package ``openvino_telemetry``). A clinic's
computer must not even try. Where ``openvino_telemetry`` cannot be imported OpenVINO uses its own
empty stand-in, so it is made impossible to import before OpenVINO is: nothing is sent, no thread
is started, no file is written into the home directory and nobody is asked.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from ml.engines.precision import choose_precision
from ml.intensity import FloatArray

TELEMETRY = "openvino_telemetry"
CHECK_SIDES = (3, 4)
"""The sides of the trial reading, in strides: not square, and not those of the conversion."""
LARGEST_MEAN_DIFFERENCE = 0.02


class ConversionError(RuntimeError):
    """OpenVINO cannot run this network, or does not run it as torch does."""


def openvino_is_installed() -> bool:
    return importlib.util.find_spec("openvino") is not None


def import_openvino() -> ModuleType:
    """OpenVINO without its telemetry; raises ImportError where it is not installed."""
    if "openvino" not in sys.modules:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    return importlib.import_module("openvino")


class OpenVINOEngine:
    """Runs ``network`` in the numbers of :func:`choose_precision`.

    ``channels`` and ``stride`` are those of the network's input. It uses as many threads as torch
    does, so that ``OMP_NUM_THREADS`` and ``torch.set_num_threads`` hold for both. Raises
    ConversionError where a trial reading differs from torch's.
    """

    dimensions = 2

    def __init__(self, network: nn.Module, *, channels: int, stride: int) -> None:
        precision = choose_precision("openvino")
        self.name = f"openvino {precision}"
        self._busy = threading.Lock()
        network = network.float().eval()
        self._request = _compile(network, channels, 2 * stride, precision)
        self._check_against(network, channels, stride)

    def read(self, images: FloatArray) -> FloatArray:
        """Tumour probabilities (B, 1, H, W) for prepared ``images`` (B, C, H, W)."""
        with self._busy:  # one request holds one batch
            self._request.infer([images], share_inputs=True)
            found: FloatArray = self._request.get_output_tensor(0).data.copy()
        return found

    def _check_against(self, network: nn.Module, channels: int, stride: int) -> None:
        """Traced control flow may hold for one size only: another size shows whether it does."""
        height, width = (side * stride for side in CHECK_SIDES)
        images = np.random.default_rng(0).normal(size=(2, channels, height, width))
        batch = images.astype(np.float32)
        with torch.inference_mode():
            expected = torch.sigmoid(network(torch.from_numpy(batch))).numpy()
        found = self.read(batch)
        if found.shape != expected.shape:
            raise ConversionError(f"OpenVINO answers {found.shape} instead of {expected.shape}")
        difference = float(np.abs(found - expected).mean())
        if not difference <= LARGEST_MEAN_DIFFERENCE:
            raise ConversionError(f"OpenVINO's probabilities are off by {difference:.3f}")


class _Probabilities(nn.Module):
    """The network with its last step, so that the sigmoid is part of the compiled graph."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.network(images))


def _compile(network: nn.Module, channels: int, side: int, precision: str):  # type: ignore[no-untyped-def]
    """An inference request of the converted network; raises ConversionError where that fails."""
    openvino = import_openvino()
    try:
        model = openvino.convert_model(
            _Probabilities(network),
            example_input=torch.zeros(1, channels, side, side),
            input=[openvino.PartialShape([-1, channels, -1, -1])],
        )
        compiled = openvino.Core().compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            },
        )
        return compiled.create_infer_request()
    except (RuntimeError, ValueError, TypeError, openvino.frontend.OpConversionFailure) as error:
        raise ConversionError(f"OpenVINO cannot convert the network: {error}") from error
