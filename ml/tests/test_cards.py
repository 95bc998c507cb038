"""The TOML that the library writes is the TOML that it reads."""

from __future__ import annotations

import tomllib
from datetime import date
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import pytest

from ml.cards import write_toml


def again(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    write_toml(path, document)
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'größe "quoted" \\ back\nnew line\ttab',
        "a \x00 and a \x7f and a \x1f",
        "",
        0,
        -3,
        10**12,
        0.5,
        1e-8,
        1e22,
        -0.1,
        inf,
        True,
        False,
        [],
        [1, 2, 3],
        ["relu", {"inplace": True}],
        [[1, 2], [3]],
        date(2026, 2, 3),
    ],
)
def test_every_value_comes_back(tmp_path: Path, value: Any) -> None:
    found = again(tmp_path / "card.toml", {"value": value, "table": {"value": value}})
    assert found == {"value": value, "table": {"value": value}}
    assert type(found["value"]) is type(value)


def test_what_is_no_number_stays_none(tmp_path: Path) -> None:
    assert isnan(again(tmp_path / "card.toml", {"value": nan})["value"])


def test_a_tuple_comes_back_as_a_list(tmp_path: Path) -> None:
    assert again(tmp_path / "card.toml", {"widths": (4, 8)}) == {"widths": [4, 8]}


def test_plain_values_come_first_so_that_no_table_takes_them(tmp_path: Path) -> None:
    document = {"about": {"task": "x"}, "name": "late", "network": {"widths": [4]}, "version": "1"}
    assert again(tmp_path / "card.toml", document) == document


@pytest.mark.parametrize("key", ["1", "LGG test", "v1.2", "größe", 'a"b', ""])
def test_a_key_may_have_any_sign(tmp_path: Path, key: str) -> None:
    document = {"labels": {key: "tumour"}, "metrics": {key: {"dice": 0.5}}}
    assert again(tmp_path / "card.toml", document) == document


def test_tables_may_lie_in_tables_and_may_be_empty(tmp_path: Path) -> None:
    document = {"metrics": {"lgg": {"dice": 0.9, "by": {"slice": {"dice": 0.8}}}}, "about": {}}
    assert again(tmp_path / "card.toml", document) == document


def test_the_file_is_written_for_people(tmp_path: Path) -> None:
    write_toml(tmp_path / "card.toml", {"name": "größe", "network": {"widths": [4, 8]}})
    text = (tmp_path / "card.toml").read_text(encoding="utf-8")
    assert text == 'name = "größe"\n\n[network]\nwidths = [4, 8]\n'
