"""The colours of lesions: those of Okabe and Ito, told apart by colour-blind readers too.

The style sheet has the same ones as ``--lesion-1`` and so on, and a test holds them together.
"""

LESION_COLOURS = ("#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2")


def colour_index(number: int) -> int:
    """The colour of lesion ``number``, from 1 to the number of colours, over and over."""
    return (number - 1) % len(LESION_COLOURS) + 1


def rgb(number: int) -> tuple[int, int, int]:
    colour = LESION_COLOURS[colour_index(number) - 1].lstrip("#")
    red, green, blue = (int(colour[i : i + 2], 16) for i in (0, 2, 4))
    return red, green, blue
