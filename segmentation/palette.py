"""The colours of lesions: those of Okabe and Ito, told apart by colour-blind readers too.

The style sheet has the same ones as ``--lesion-1`` and so on, and those of a mask's parts as
``--part-1``, by the value of the mask; a test holds them together.
"""

LESION_COLOURS = ("#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2")

# By the value of the mask: necrosis, oedema, drawn by hand, enhancing. From Paul Tol's bright
# scheme, which colour-blind readers tell apart too.
PART_COLOURS = {1: "#4477aa", 2: "#ccbb44", 3: "#bbbbbb", 4: "#ee6677"}


def colour_index(number: int) -> int:
    """The colour of lesion ``number``, from 1 to the number of colours, over and over."""
    return (number - 1) % len(LESION_COLOURS) + 1


def rgb(number: int) -> tuple[int, int, int]:
    return as_rgb(LESION_COLOURS[colour_index(number) - 1])


def as_rgb(colour: str) -> tuple[int, int, int]:
    """From ``#e69f00``."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
