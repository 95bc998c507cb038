"""Where in a picture the evidence for a type lies: Grad-CAM (Selvaraju et al., ICCV 2017).

A map of what raised the answer, coarse and no outline of anything; MONAI's implementation.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from monai.visualize.class_activation_maps import GradCAM
from torch import Tensor

from ml.intensity import FloatArray
from ml.preparation import make_frame, resize_plane
from ml.stacks import AxialStack, select_channels
from ml.tumour_type.model import TypeModel
from ml.tumour_type.pictures import fit_picture

LAYER = "top"


def find_evidence(model: TypeModel, stack: AxialStack, *, of: str) -> FloatArray:
    """How much each pixel (H, W) of the first slice speaks for the class ``of``, from 0 to 1.

    On the picture's own grid, 1 where most speaks for it; zero outside of what the network is
    shown, and everywhere where nothing speaks for it. Raises ValueError for a class that the model
    does not know.
    """
    if of not in model.card.classes:
        raise ValueError(f"{model.card.name} does not know {of}")
    preparation = model.card.preparation
    shown = torch.from_numpy(fit_picture(stack, preparation)[None])
    # Of a copy: Grad-CAM hangs itself onto the network and never lets go of it again.
    seen = GradCAM(nn_module=deepcopy(model.network), target_layers=LAYER, postprocessing=to_share)
    with torch.enable_grad():
        evidence = seen(shown.requires_grad_(), class_idx=model.card.classes.index(of))[0, 0]
    frame = make_frame(select_channels(stack, preparation.channels), preparation)
    top, left = ((preparation.side - length) // 2 for length in frame.worked)
    within = np.asarray(evidence.detach(), dtype=np.float32)[
        top : top + frame.worked[0], left : left + frame.worked[1]
    ]
    found = np.zeros(stack.pixels.shape[2:], dtype=np.float32)
    found[frame.rows, frame.columns] = np.clip(resize_plane(within, frame.grid), 0.0, 1.0)
    return found


def to_share(evidence: Tensor) -> Tensor:
    """Of the most there is, from 0 to 1. MONAI's own way makes one even map of no evidence at all
    look like evidence everywhere."""
    most = evidence.max()
    return evidence / most if most > 0 else torch.zeros_like(evidence)
