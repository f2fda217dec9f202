"""A fitted map: applied, saved, opened again, and refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, OutputExistsError
from embkit.formats.safetensors_header import build_header
from embkit.mapping import METHODS, Mapping
from tests.spaces import Doubles, pairs, planted, precision_at_1

Planted = tuple[Embeddings, Embeddings, Doubles]


@pytest.fixture(scope="module")
def spaces() -> Planted:
    return planted(400, 10, seed=1)


@pytest.fixture(scope="module")
def fitted(spaces: Planted) -> Mapping:
    return embkit.map(*spaces[:2], dictionary=pairs(50), normalization="all-but-the-top,unit")


@pytest.mark.parametrize("method", ["orthogonal", "linear", "cca", "five-step"])
def test_a_planted_rotation_is_recovered(method: str, spaces: Planted) -> None:
    mapping = embkit.map(*spaces[:2], method=method, dictionary=pairs(60))
    source = mapping.map_source(spaces[0].vectors)
    target = mapping.map_target(spaces[1].vectors)
    np.testing.assert_allclose(source, target, atol=2e-4)
    assert precision_at_1(source.astype(np.float64), target.astype(np.float64)) == 1


def test_an_orthogonal_map_keeps_the_spaces_own_geometry(spaces: Planted) -> None:
    mapping = embkit.map(*spaces[:2], dictionary=pairs(60), normalization="none")
    w = mapping.source_map.astype(np.float64)
    np.testing.assert_allclose(w @ w.T, np.eye(10), atol=1e-6)
    questions = [("s1", "s2", "s3"), ("s10", "s20", "s30"), ("s7", "s77", "s177")]
    mapped = mapping.apply(spaces[0], "source")
    for question in questions:
        before, after = (
            [w for w, _ in v.analogy(*question, topn=5)] for v in (spaces[0], mapped)
        )
        assert before == after


def test_a_saved_map_opens_as_it_was(fitted: Mapping, spaces: Planted, tmp_path: Path) -> None:
    path = tmp_path / "st.map"
    fitted.save(path)
    opened = Mapping.open(path)
    np.testing.assert_array_equal(
        opened.map_source(spaces[0].vectors), fitted.map_source(spaces[0].vectors)
    )
    np.testing.assert_array_equal(
        opened.map_target(spaces[1].vectors), fitted.map_target(spaces[1].vectors)
    )
    assert (opened.method, opened.statistics) == (fitted.method, fitted.statistics)
    assert opened.provenance == fitted.provenance
    assert opened.provenance["config"]["normalization"] == "all-but-the-top,unit"
    with pytest.raises(OutputExistsError):
        fitted.save(path)
    fitted.save(path, overwrite=True)


def test_safetensors_itself_reads_the_file(fitted: Mapping, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    fitted.save(tmp_path / "st.map")
    tensors = load_file(tmp_path / "st.map")
    np.testing.assert_array_equal(tensors["source_map"], fitted.source_map)


def test_every_flipped_byte_is_noticed(fitted: Mapping, tmp_path: Path) -> None:
    path = tmp_path / "st.map"
    fitted.save(path)
    whole = path.read_bytes()
    for position in np.random.default_rng(1).integers(len(whole), size=200):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(FormatError):
            Mapping.open(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(FormatError):
        Mapping.open(path)


def test_vectors_are_not_a_map(spaces: Planted, tmp_path: Path) -> None:
    embkit.save(spaces[0], tmp_path / "model")
    with pytest.raises(FormatError, match="this holds vectors, not a mapping"):
        Mapping.open(tmp_path / "model" / "embeddings.safetensors")


def test_a_file_of_another_kind_is_not_a_map(tmp_path: Path) -> None:
    for content in (b"", b"2 3\nthe 1 2 3\ncat 4 5 6\n"):
        (tmp_path / "v.vec").write_bytes(content)
        with pytest.raises(FormatError, match="this is not a mapping of embkit"):
            Mapping.open(tmp_path / "v.vec")


def test_a_map_shows_what_it_is_and_is_compared_as_itself(fitted: Mapping) -> None:
    dims = f"{len(fitted.source_map)} and {len(fitted.target_map)} dimensions to {fitted.dim}"
    verdict = fitted.statistics["verdict"]["judgement"]
    assert repr(fitted) == f"Mapping({dims}, {fitted.method}, verdict {verdict})"
    assert (
        repr(Mapping(np.eye(2, dtype="f4"), np.eye(2, dtype="f4")))
        == "Mapping(2 and 2 dimensions to 2, given)"
    )
    assert fitted != Mapping(fitted.source_map, fitted.target_map)  # arrays do not compare


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(build_header({}, {"format": "embkit-mapping", "format_version": "2"}))
    with pytest.raises(FormatError, match="version 2 is newer"):
        Mapping.open(path)


def test_mapped_rows_may_have_unit_length(fitted: Mapping, spaces: Planted) -> None:
    mapped = fitted.apply(spaces[0], "source", unit=True)
    np.testing.assert_allclose(np.linalg.norm(mapped.vectors, axis=1), 1, rtol=1e-5)
    assert mapped.words == spaces[0].words
    assert mapped.provenance["mapping"]["method"] == "orthogonal"


def test_rows_of_another_width_are_refused(fitted: Mapping) -> None:
    with pytest.raises(ValueError, match=r"source rows must have shape \(num_rows, 10\)"):
        fitted.map_source(np.ones((2, 3), np.float32))


@pytest.mark.parametrize(
    ("source", "target"),
    [(np.ones(3), np.ones((3, 3))), (np.ones((3, 2)), np.ones((3, 3)))],
)
def test_matrices_that_do_not_fit_are_refused(source: Doubles, target: Doubles) -> None:
    with pytest.raises(ValueError, match="_map must"):
        Mapping(source.astype(np.float32), target.astype(np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "rotate"}, "method must be one of orthogonal"),
        ({"ratio": 0.5}, "options of orthogonal must be among .* got ratio, an option of cca$"),
        ({"metod": "cca"}, r"got metod; did you mean method\?$"),
        ({"normalisation": "unit"}, "got normalisation; did you mean normalization"),
        ({"dictionary": None}, "dictionary must be given for the method orthogonal"),
        ({"dictionary": [("a", "b")]}, "0 of 1 pairs used; both words unknown: 1"),
        ({"method": "cca", "dictionary": pairs(5)}, "got 5 of rank 4"),
        ({"normalization": "length"}, "normalization must be one of none, unit"),
        ({"case": "upper"}, "case must be one of exact, lower, any"),
    ],
)
def test_wrong_options_are_refused(
    options: dict[str, object], message: str, spaces: Planted
) -> None:
    chosen: dict[str, object] = {"dictionary": pairs(20), **options}
    with pytest.raises(ValueError, match=message):
        embkit.map(*spaces[:2], **chosen)  # type: ignore[arg-type]


def test_cca_keeps_the_ratio_rounded_up() -> None:
    source, target, _ = planted(200, 5, seed=8)
    kept = [
        embkit.map(source, target, method="cca", dictionary=pairs(50), ratio=ratio).dim
        for ratio in (0.8, 0.5, 0.01, 1.0)
    ]
    assert kept == [4, 3, 1, 5]
    default = embkit.map(source, target, method="cca", dictionary=pairs(50))
    assert default.dim == 4


def test_rows_that_are_not_finite_are_refused() -> None:
    good = Embeddings.from_words(["a", "b"], [[1, 2], [3, 4]])
    bad = Embeddings.from_words(["x", "y"], np.array([[1, 2], [3, np.nan]]))
    with pytest.raises(
        ValueError, match="target vectors must be finite, got NaN or inf in row 1"
    ):
        embkit.map(good, bad, dictionary=[("a", "x")])


def test_different_dims_are_refused_with_a_way_out() -> None:
    source, target = planted(50, 6, seed=2)[0], planted(50, 5, seed=3)[1]
    with pytest.raises(ValueError, match="got 6 and 5: linear and cca map between different"):
        embkit.map(source, target, dictionary=pairs(40))
    for method in ("linear", "cca", "five-step"):
        mapping = embkit.map(source, target, method=method, dictionary=pairs(40))
        assert mapping.map_source(source.vectors).shape[1] == mapping.dim


def test_pairs_that_do_not_determine_the_map_are_warned_of(
    spaces: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    mapping = embkit.map(*spaces[:2], dictionary=pairs(7))
    assert "7 pairs of rank 7 do not determine a map of 10 dimensions" in caplog.text
    assert mapping.statistics["rank"] == 7


def test_directions_that_were_taken_out_need_no_pairs(
    spaces: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    for method in ("orthogonal", "five-step"):
        embkit.map(
            *spaces[:2], method=method, dictionary=pairs(90), normalization="all-but-the-top"
        )
    assert caplog.text == ""


def test_weights_count_only_when_asked_for(spaces: Planted) -> None:
    seeds = [(s, t, 1 + 9 * (i % 2)) for i, (s, t) in enumerate([*pairs(15), ("s3", "t9")])]
    maps = [
        embkit.map(*spaces[:2], method="linear", dictionary=embkit.SeedDictionary(d), weights=w)
        for d, w in ((seeds, False), ([s[:2] for s in seeds], False), (seeds, True))
    ]
    np.testing.assert_array_equal(maps[0].source_map, maps[1].source_map)
    assert np.abs(maps[0].source_map - maps[2].source_map).max() > 1e-4


def test_weights_that_cannot_be_used_hinder_nothing_where_they_are_not(
    spaces: Planted, tmp_path: Path
) -> None:
    path = tmp_path / "d.tsv"
    path.write_text("".join(f"{s}\t{t}\t{-i}\n" for i, (s, t) in enumerate(pairs(15))))
    found = embkit.map(*spaces[:2], dictionary=path)
    np.testing.assert_array_equal(
        found.source_map, embkit.map(*spaces[:2], dictionary=pairs(15)).source_map
    )
    with pytest.raises(FormatError, match=r"d.tsv:1: a weight must be positive where weights"):
        embkit.map(*spaces[:2], dictionary=path, weights=True)


def test_every_method_tells_what_it_does() -> None:
    for name, method in METHODS.items():
        assert method.summary.endswith("."), name
        assert method.config().normalization


@pytest.mark.parametrize("method", ["orthogonal", "linear", "five-step", "rcsls"])
def test_pairs_of_rare_words_count_as_their_counts_say(method: str) -> None:
    source, target, _ = planted(60, 5, seed=4, noise=0.3)
    counts = np.random.default_rng(2).integers(1, 400, (2, 60))
    counted = [
        embkit.Embeddings.from_words(space.words, space.vectors, counts=some)
        for space, some in zip((source, target), counts, strict=True)
    ]
    both = counts[0] * counts[1] / counts.sum(0)
    weights = both / (both + 30)
    told = [(*pair, float(w)) for pair, w in zip(pairs(40), weights, strict=False)]
    ours = embkit.map(*counted, method=method, dictionary=pairs(40), rare=30)
    theirs = embkit.map(
        source, target, method=method, dictionary=embkit.SeedDictionary(told), weights=True
    )
    np.testing.assert_allclose(ours.source_map, theirs.source_map, atol=1e-6)
    plain = embkit.map(*counted, method=method, dictionary=pairs(40))
    assert np.abs(ours.source_map - plain.source_map).max() > 1e-3
    none = [
        embkit.Embeddings(s.vocabulary.with_counts(0 * counts[0]), s.vectors) for s in counted
    ]
    with pytest.raises(ValueError, match="rare must be 0 where all counts of pairs are 0"):
        embkit.map(*none, method=method, dictionary=pairs(40), rare=30)
    with pytest.raises(ValueError, match="rare must be 0 where source has no counts of words"):
        embkit.map(source, target, method=method, dictionary=pairs(40), rare=30)
