"""Which engine runs a network here."""

from __future__ import annotations

import logging
import os

import torch
from torch import nn

from ml.engines.interface import Engine
from ml.engines.openvino_engine import ConversionError, OpenVINOEngine, openvino_is_installed
from ml.engines.torch_engine import TorchEngine
from ml.hardware import choose_device
from ml.networks.build import NetworkSpec

log = logging.getLogger(__name__)

ENGINES = ("auto", "torch", "openvino")
ENVIRONMENT_VARIABLE = "SULCUS_ENGINE"
"""One of ``ENGINES``: what ``auto`` means on this machine."""


def make_engine(network: nn.Module, *, spec: NetworkSpec, wish: str = "auto") -> Engine:
    """``network``, built from ``spec``, ready to read.

    ``auto`` is torch on a CUDA device where there is one, else OpenVINO where it is installed and
    the network is 2D and can be converted, else torch. Raises ValueError for an unknown engine
    and where OpenVINO was asked for by name and cannot run the network.
    """
    if wish == "auto":
        wish = os.environ.get(ENVIRONMENT_VARIABLE) or "auto"
    if wish not in ENGINES:
        raise ValueError(f"an engine is one of {', '.join(ENGINES)}, not {wish!r}")
    if wish == "auto":
        return _best_engine(network, spec)
    if wish == "torch":
        return _torch_engine(network, spec)
    try:
        return _openvino_engine(network, spec)
    except ConversionError as error:
        raise ValueError(str(error)) from error


def _best_engine(network: nn.Module, spec: NetworkSpec) -> Engine:
    if torch.cuda.is_available() or spec.dimensions != 2 or not openvino_is_installed():
        return _torch_engine(network, spec)
    try:
        return _openvino_engine(network, spec)
    except ConversionError as error:
        log.warning("%s; torch reads instead", error)
        return _torch_engine(network, spec)


def _torch_engine(network: nn.Module, spec: NetworkSpec) -> TorchEngine:
    return TorchEngine(network, dimensions=spec.dimensions, device=choose_device())


def _openvino_engine(network: nn.Module, spec: NetworkSpec) -> OpenVINOEngine:
    if spec.dimensions != 2:
        raise ConversionError("OpenVINO runs 2D networks only here")
    if not openvino_is_installed():
        raise ConversionError("OpenVINO is not installed")
    return OpenVINOEngine(network, channels=spec.in_channels, stride=spec.stride)
