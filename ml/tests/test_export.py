"""A training set of signed masks: read back by the data sets' reader, and trained on."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from ml.datasets import folder
from ml.datasets.splits import read_split
from ml.export.cases import NotExportableError, Source, clean
from ml.export.folder import TrainingSet, split_patients
from ml.stacks import volume_to_slices
from ml.tests.export_factories import SHAPE, SPACING_MM, brain_and_lesion
from ml.tests.factories import grey_slice, nifti_bytes, ras_affine, reorient, tilt
from ml.training.config import Sampling, read_config
from ml.training.loop import train

SECRETS = (b"Ada Sample", b"R-4711", b"2021-03-04")


def write_source(
    tmp_path: Path, *, codes: str = "RAS", oblique: bool = False, seed: int = 0, **fields: object
) -> tuple[Source, np.ndarray]:
    """A scan and its mask as Sulcus keeps them, and the mask in the file's own axes."""
    volume, lesion = brain_and_lesion(seed)
    affine = ras_affine(SPACING_MM, SHAPE)
    if oblique:
        affine = tilt(affine)
    turned, turned_affine = reorient(volume, affine, codes)
    mask, _ = reorient(lesion, affine, codes)
    image = tmp_path / f"image{seed}.nii.gz"
    image.write_bytes(gzip.compress(nifti_bytes(turned, turned_affine, **fields)))
    nib.save(nib.Nifti1Image(mask, turned_affine), tmp_path / f"mask{seed}.nii.gz")
    return Source(image, tmp_path / f"mask{seed}.nii.gz", "FLAIR"), mask


def export(root: Path, *sources: Source) -> TrainingSet:
    """Each source is another patient's."""
    exported = TrainingSet(root)
    for number, source in enumerate(sources):
        exported.add(
            clean(source), patient=f"key {number}", sequence=source.sequence, generated=False
        )
    exported.finish()
    return exported


def picture_source(tmp_path: Path, *, colour: bool) -> Source:
    grey = grey_slice(96)
    pixels = np.stack([grey // 2, grey, grey // 3], axis=-1) if colour else grey
    mask = np.zeros(grey.shape, dtype=np.uint8)
    mask[40:50, 30:60] = 255
    name = "colour" if colour else "grey"
    comment = "Ada Sample"
    Image.fromarray(pixels).save(tmp_path / f"{name}.tif", description=comment)
    Image.fromarray(mask).save(tmp_path / f"{name}_mask.png")
    sequence = "COMPOSITE" if colour else "FLAIR"
    return Source(tmp_path / f"{name}.tif", tmp_path / f"{name}_mask.png", sequence)


@pytest.mark.parametrize(
    ("codes", "oblique"), [("RAS", False), ("LAS", False), ("PIR", False), ("LPS", True)]
)
def test_the_reader_reads_the_same_mask_back(codes: str, oblique: bool, tmp_path: Path) -> None:
    source, mask = write_source(tmp_path, codes=codes, oblique=oblique)
    export(tmp_path / "set", source)

    case = next(folder.iterate_cases(tmp_path / "set" / "flair-volumes"))

    affine = nib.load(source.image).affine
    assert np.array_equal(case.mask, volume_to_slices(mask, affine) > 0)
    expected = volume_to_slices(np.asarray(nib.load(source.image).dataobj), affine)
    assert np.allclose(case.stack.reference, expected)
    written = next((tmp_path / "set").rglob("images/*.nii.gz"))
    assert np.array_equal(nib.load(written).affine, affine)


@pytest.mark.parametrize("colour", [False, True])
def test_pictures_are_read_back_as_they_were(colour: bool, tmp_path: Path) -> None:
    source = picture_source(tmp_path, colour=colour)
    export(tmp_path / "set", source)

    name = "composite-pictures" if colour else "flair-pictures"
    case = next(folder.iterate_cases(tmp_path / "set" / name))

    assert np.array_equal(case.mask[0], np.asarray(Image.open(source.mask)) > 0)
    original = np.asarray(Image.open(source.image))
    flair = original[..., 1] if colour else original
    assert np.array_equal(case.stack.reference[0], flair)
    assert case.stack.present == ((True, True, True) if colour else (True,))


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    pixels = (grey_slice(96).astype(np.uint16) * 200).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    Image.fromarray(np.zeros(pixels.shape, np.uint8)).save(tmp_path / "deep_mask.png")
    source = Source(tmp_path / "deep.png", tmp_path / "deep_mask.png", "T1")
    export(tmp_path / "set", source)

    written = next((tmp_path / "set").rglob("images/*.png"))

    assert np.array_equal(np.asarray(Image.open(written)), pixels)


def test_nothing_of_the_headers_comes_along(tmp_path: Path) -> None:
    texts = {"descrip": SECRETS[0], "aux_file": SECRETS[1], "intent_name": SECRETS[2]}
    source, _ = write_source(tmp_path, db_name=SECRETS[1], **texts)
    assert SECRETS[0] in gzip.decompress(source.image.read_bytes())
    export(tmp_path / "set", source, picture_source(tmp_path, colour=False))

    for path in (tmp_path / "set").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            content += gzip.decompress(content) if path.name.endswith(".gz") else b""
            for secret in (*SECRETS, source.image.name.encode(), b"key 0"):
                assert secret not in content, path


def test_names_say_nothing_and_change_from_export_to_export(tmp_path: Path) -> None:
    source, _ = write_source(tmp_path)
    names = [set(export(tmp_path / part, source).names.values()) for part in ("one", "two")]
    assert not names[0] & names[1]
    assert re.fullmatch(r"p[0-9a-f]{8}", names[0].pop())


def test_the_cases_of_a_patient_stay_together(tmp_path: Path) -> None:
    exported = TrainingSet(tmp_path / "set")
    for seed, (patient, generated) in enumerate([("a", False), ("b", True), ("a", False)]):
        source, _ = write_source(tmp_path, seed=seed)
        exported.add(clean(source), patient=patient, sequence="FLAIR", generated=generated)
    exported.finish()

    patients = folder.list_patients(tmp_path / "set" / "flair-volumes")

    assert sorted(name[0] for name in patients) == ["d", "p"]
    cases = list(folder.iterate_cases(tmp_path / "set" / "flair-volumes"))
    assert len(cases) == 3
    assert {case.patient for case in cases} == set(patients)


@pytest.mark.parametrize(("count", "parts"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1))])
def test_a_few_patients_are_split_so_that_somebody_trains(
    count: int, parts: tuple[int, int, int]
) -> None:
    split = split_patients([f"p{n}" for n in range(count)])
    assert (len(split.train), len(split.validation), len(split.test)) == parts


def test_the_sums_fit_the_files(tmp_path: Path) -> None:
    source, _ = write_source(tmp_path)
    export(tmp_path / "set", source)
    lines = (tmp_path / "set" / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    files = {
        path.relative_to(tmp_path / "set").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "set").rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert listed == files


def test_a_training_run_reads_the_example_and_the_data(tmp_path: Path) -> None:
    sources = [write_source(tmp_path, seed=seed)[0] for seed in range(3)]
    export(tmp_path / "set", *sources, picture_source(tmp_path, colour=True))
    config = read_config(tmp_path / "set" / "train.toml", epochs=1, batch_size=2)
    small = replace(config, steps_per_epoch=1, threads=1, sampling=Sampling(patch=(64, 64)))

    weights = train(small, data_root=tmp_path / "set", output=tmp_path / "run", device="cpu")

    assert weights.exists()
    train_part = read_split(tmp_path / "set" / "flair-volumes" / "split.toml").train
    assert all(name.startswith("p") for name in train_part)


def test_masks_on_another_sequence_train_a_model_of_their_own(tmp_path: Path) -> None:
    source, _ = write_source(tmp_path)
    export(tmp_path / "set", replace(source, sequence="T2"))

    config = read_config(tmp_path / "set" / "train.toml")

    assert list(config.sequences) == ["T2"]
    assert config.start_from == ""
    assert config.preparation.channels == ("T2",)


def test_what_cannot_be_made_safe_is_refused(tmp_path: Path) -> None:
    source, _ = write_source(tmp_path)
    with pytest.raises(NotExportableError, match="how the head lies"):
        clean(replace(source, spacing_is_reliable=False))
    volume, _ = brain_and_lesion()
    source.image.write_bytes(nifti_bytes(volume, sform_code=0, qform_code=0))
    with pytest.raises(NotExportableError, match="how the head lies"):
        clean(source)
    with pytest.raises(NotExportableError, match="could not be read"):
        clean(replace(source, image=tmp_path / "gone.nii.gz"))
    with pytest.raises(NotExportableError, match="channels"):
        clean(replace(picture_source(tmp_path, colour=False), sequence="COMPOSITE"))


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    source, _ = write_source(tmp_path)
    nib.save(nib.Nifti1Image(np.zeros((5, 5, 5), np.uint8), np.eye(4)), source.mask)
    with pytest.raises(NotExportableError, match="do not fit"):
        clean(source)


def test_an_export_of_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    exported = TrainingSet(tmp_path / "set")
    exported.leave_out("the brain could not be told from the skull")
    exported.finish()
    text = (tmp_path / "set" / "README.md").read_text()
    assert "Left out: 1, because the brain could not be told from the skull." in text
    assert not (tmp_path / "set" / "train.toml").exists()
