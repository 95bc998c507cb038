"""Lasting names of lesions: through splits, merges, absences and comparisons that are missing."""

from __future__ import annotations

from datetime import date, timedelta

from ml.course import Link, Named, Shown, name_lesions

START = date(2025, 1, 6)
Pairs = dict[tuple[str, str], list[tuple[int, int]]]


def seen(key: str, month: int, *lesions: int, family: str = "FLAIR") -> Shown:
    return Shown(key, START + timedelta(days=30 * month), family, lesions)


def named(shown: list[Shown], pairs: Pairs) -> dict[str, Named]:
    links = {pair: [Link(a, b, 5) for a, b in found] for pair, found in pairs.items()}
    return name_lesions(shown, links)


def test_a_lesion_keeps_its_name_whatever_its_number_is() -> None:
    found = named([seen("a", 0, 1, 2), seen("b", 3, 1, 2)], {("a", "b"): [(1, 2), (2, 1)]})
    assert found["a"].names == {1: 1, 2: 2}
    assert found["b"].names == {1: 2, 2: 1}
    assert (found["b"].new, found["b"].missing) == ((), ())


def test_a_lesion_without_a_link_is_new_and_gets_the_next_name() -> None:
    found = named([seen("a", 0, 1), seen("b", 3, 1, 2)], {("a", "b"): [(1, 2)]})
    assert found["b"].names == {1: 2, 2: 1}
    assert found["b"].new == (2,)
    assert found["a"].new == (), "the first examination shows no new lesion"


def test_the_parts_of_a_lesion_that_split_share_its_name() -> None:
    found = named([seen("a", 0, 1), seen("b", 3, 1, 2)], {("a", "b"): [(1, 1), (1, 2)]})
    assert (found["b"].names, found["b"].new) == ({1: 1, 2: 1}, ())


def test_lesions_that_merge_keep_the_older_name() -> None:
    pairs: Pairs = {("a", "b"): [(1, 1)], ("b", "c"): [(1, 1), (2, 1)]}
    shown = [seen("a", 0, 1), seen("b", 3, 1, 2), seen("c", 6, 1)]
    assert named(shown, pairs)["c"].names == {1: 1}


def test_a_lesion_that_was_gone_and_comes_back_is_the_same_one() -> None:
    shown = [seen("a", 0, 1, 2), seen("b", 3, 1), seen("c", 6, 1, 2)]
    pairs: Pairs = {("a", "b"): [(1, 1)], ("b", "c"): [(1, 1)]}
    before = named(shown, pairs)["c"]
    assert (before.missing, before.new) == (("a",), None), "the first one may show it"
    found = named(shown, {**pairs, ("a", "c"): [(1, 1), (2, 2)]})["c"]
    assert (found.names, found.new, found.missing) == ({1: 1, 2: 2}, (), ())


def test_without_a_comparison_it_is_not_known_what_is_new() -> None:
    found = named([seen("a", 0, 1), seen("b", 3, 1)], {})["b"]
    assert (found.names, found.new, found.missing) == ({1: 2}, None, ("a",))


def test_what_is_not_known_of_a_name_is_not_known_on_the_same_day_either() -> None:
    shown = [seen("a", 0, 1), seen("b", 3, 1), seen("c", 3, 1)]
    found = named(shown, {("b", "c"): [(1, 1)]})
    assert found["c"].names == found["b"].names
    assert found["c"].new is None


def test_an_examination_without_lesions_needs_no_comparison() -> None:
    found = named([seen("a", 0), seen("b", 3, 1), seen("c", 6)], {})
    assert (found["b"].names, found["b"].new) == ({1: 1}, (1,))
    assert (found["c"].names, found["c"].new, found["c"].missing) == ({}, (), ())


def test_a_missing_neighbour_is_bridged_by_an_older_examination() -> None:
    shown = [seen("a", 0, 1), seen("b", 3, 1), seen("c", 6, 1)]
    found = named(shown, {("a", "c"): [(1, 1)], ("a", "b"): [(1, 1)]})["c"]
    assert (found.names, found.new, found.missing) == ({1: 1}, (), ("b",))


def test_two_scans_of_one_day_show_the_same_new_lesion() -> None:
    shown = [seen("a", 0, 1), seen("b", 3, 1, 2), seen("c", 3, 1)]
    pairs: Pairs = {("a", "b"): [(1, 1)], ("b", "c"): [(2, 1)], ("a", "c"): []}
    found = named(shown, pairs)
    assert (found["b"].new, found["c"].new, found["c"].names) == ((2,), (2,), {1: 2})


def test_another_family_of_sequence_has_names_of_its_own() -> None:
    found = named([seen("a", 0, 1), seen("b", 0, 1, family="T1ce"), seen("c", 3, 1)], {})
    assert (found["a"].names, found["b"].names, found["c"].names) == ({1: 1}, {1: 2}, {1: 3})
