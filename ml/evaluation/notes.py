"""What a reader of the figures has to know: how they were counted and what they leave out."""

from __future__ import annotations

from typing import Any

FEW_PATIENTS = 20
# From here on decimals of a figure say nothing.
WHOLE_FROM = 1000


def write_notes(report: dict[str, Any]) -> list[str]:
    """Sentences on a report that has all figures of all levels."""
    notes = [
        _on_patients(report),
        _on_slices(report),
        _on_surfaces(report["by_patient"]["hd95"], report["by_slice"]["hd95"], report["scans"]),
        _on_volumes(report["by_patient"]["volume_error_relative"]),
        _on_lesions(report["lesions"]),
    ]
    return [note for group in notes for note in group]


def number(count: int, noun: str) -> str:
    """``1 patient``, ``2 patients``."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _on_patients(report: dict[str, Any]) -> list[str]:
    patients, scans = report["patients"], report["scans"]
    notes = []
    if scans != patients:
        notes.append(f"The {number(scans, 'scan')} of a patient count once by patient, as a mean.")
    if patients == 1:
        notes.append("One patient: no interval can be given.")
    elif patients < FEW_PATIENTS:
        notes.append(
            f"Only {patients} patients: percentile intervals from so few are too narrow; "
            "take them as a lower bound of the uncertainty."
        )
    return notes


def _on_slices(report: dict[str, Any]) -> list[str]:
    slices = report["slices"]
    if slices["scored"] == "tumour":
        notes = [
            "Only slices whose reference has tumour were scored, at every level: what was drawn "
            "on others is not held against the model, so the figures flatter it."
        ]
        if report["excluded"]:
            left_out = number(len(report["excluded"]), "scan")
            notes.append(f"{left_out} without any such slice left out.")
        return notes
    bare = slices["count"] - slices["with_tumour"]
    return [
        f"{bare:,} of {number(slices['count'], 'slice')} have no tumour in the reference. By "
        "slice, one that is empty in both masks has Dice 1; dice_tumour_slices leaves all "
        "tumour-free ones out."
    ]


def _on_surfaces(hd95: dict[str, Any], by_slice: dict[str, Any], scans: int) -> list[str]:
    if hd95["surface_dimensions"] == 3:
        notes = ["By patient and pooled, surface distances are in space; by slice, in its plane."]
    else:
        known = "the pixel size" if hd95["unit"] == "px" else "the distance between slices"
        notes = [
            f"The data set does not state {known}: surface distances are within each slice, in "
            f"{hd95['unit']}, and a scan's is the mean over the slices on which both masks have "
            f"tumour. {number(hd95['excluded_slices'], 'slice')} with tumour in one mask only "
            "left out."
        ]
    if by_slice["undefined"]:
        one_empty = by_slice["undefined"] - by_slice["both_empty"]
        notes.append(
            f"By slice, surface distances leave out {number(one_empty, 'slice')} with tumour in "
            f"one mask only and {by_slice['both_empty']:,} without tumour in either."
        )
    if hd95["undefined_cases"]:
        notes.append(
            f"{hd95['undefined_cases']} of {number(scans, 'scan')} have no surface distance "
            f"({hd95['both_empty_cases']} without tumour in either mask) and are left out of "
            "its mean."
        )
    return notes


def _on_volumes(relative: dict[str, Any]) -> list[str]:
    if not relative["undefined_cases"]:
        return []
    scans = number(relative["undefined_cases"], "scan")
    return [f"{scans} without reference tumour left out of the relative volume error."]


def _on_lesions(rule: dict[str, Any]) -> list[str]:
    return [
        f"A lesion counts from {rule['least_size']['scan']} voxels in a scan and "
        f"{rule['least_size']['slice']} pixels on a slice; it is found where at least "
        f"{rule['least_cover']:.0%} of it is drawn, and a drawn one is true where at least "
        f"{rule['least_cover']:.0%} of it is tumour."
    ]
