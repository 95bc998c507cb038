"""Synthetic FLAIR heads with simulated lesions of known volume, for demo records and tests.

They are grown from the ICBM 2009a symmetric T1 template (Fonov et al., NeuroImage 54, 2011) that
nilearn ships in its package, so nothing is downloaded. A curve turns the template's grey values
into those of another contrast; a lesion is an ellipsoid with an uneven, soft border; the scanner
adds shading and Rician noise (Gudbjartsson and Patz, MRM 1995). No patient is in them.
They are no measure of a model's accuracy.

Positions are millimetres in the template's world (MNI, RAS+). A small pose turns the head, with
its lesions, in the scanner's world.
"""

from ml.phantom.files import axial_picture, write_phantom
from ml.phantom.grid import WHOLE_BRAIN_MM
from ml.phantom.growth import GREY_MATTER, grow_phantom
from ml.phantom.kinds import FLAIR, LEVELS, Contrast, Phantom, PhantomLesion

__all__ = [
    "FLAIR",
    "GREY_MATTER",
    "LEVELS",
    "WHOLE_BRAIN_MM",
    "Contrast",
    "Phantom",
    "PhantomLesion",
    "axial_picture",
    "grow_phantom",
    "write_phantom",
]
