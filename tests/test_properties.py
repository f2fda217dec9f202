"""What holds for any input: the properties P1 to P13 of the reliability goals.

Each is tested here, or by the tests that `ELSEWHERE` names; one that goes missing is noticed.
"""

from __future__ import annotations

import ast
import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from embkit import formats
from embkit._native import core
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.evaluation.correlations import pearson, spearman
from embkit.evaluation.datasets import SimilaritySet
from embkit.evaluation.similarity import evaluate_similarity
from embkit.evaluation.translation import TranslationOptions, evaluate_translation
from embkit.mapping.fit import fit_orthogonal
from embkit.retrieval import Retriever
from tests.examples import examples
from tests.test_retrieval import all_scores
from tests.test_sampling import recovered_slots

TESTS = Path(__file__).parent
ELSEWHERE = {
    "P1 what is written is read": (
        "test_word2vec_text.py::test_any_float_comes_back_exactly",
        "test_word2vec_text.py::test_any_words_come_back_exactly",
        "test_safetensors_dir.py::test_a_model_comes_back_as_it_was_saved",
    ),
    "P4 any bytes": (
        "test_formats.py::test_any_bytes_give_vectors_or_a_format_error",
        "test_attacks.py::test_attacks_take_neither_time_nor_memory",
        "test_datasets.py::test_whatever_a_file_holds_it_is_read_or_refused",
    ),
    "P5 blocks and threads change no token": (
        "test_corpus.py::test_equals_the_oracle_for_any_blocks_and_threads",
    ),
    "P6 the vocabulary is a Counter's": (
        "test_corpus.py::test_equals_the_oracle_for_any_blocks_and_threads",
    ),
    "P7 tables of subsampling and noise": (
        "test_sampling.py::test_keep_rates_follow_the_formula",
        "test_sampling.py::test_alias_slots_hold_the_smoothed_counts",
        "test_sampling.py::test_alias_draws_pass_chi_square",
    ),
    "P8 Huffman codes": (
        "test_sampling.py::test_huffman_code_is_optimal_and_prefix_free",
        "test_sampling.py::test_fibonacci_counts_make_ninety_levels",
    ),
    "P9 gradients against finite differences": (
        "test_reference.py::test_skipgram_step_descends_the_gradient_of_the_loss",
        "test_reference.py::test_cbow_step_descends_the_gradient_up_to_the_undivided_error",
        "test_reference.py::test_nce_gradient_is_that_of_its_loss",
        "test_glove.py::test_a_step_is_the_gradient_of_the_cost",
    ),
    "P10 rotations and CSLS": ("test_retrieval.py::test_equals_brute_force",),
    "P12 metamorphic": (
        "test_evaluation_analogy.py::test_order_of_rows_and_length_of_vectors_change_nothing",
        "test_word2vec_binary.py::test_the_first_of_duplicates_wins",
    ),
    "P13 train, stop, resume, save and load in any order": (
        "test_resume_machine.py::test_any_order_of_stops_and_resumes_ends_in_the_same_bytes",
    ),
}

FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)
WORDS = st.lists(
    st.text("abcé中😀_-.1", min_size=1, max_size=6), min_size=1, max_size=8, unique=True
)
FORMATS = ("word2vec-binary", "word2vec-binary-newlines", "word2vec-text", "npz", "safetensors")
quick = settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def models(draw: st.DrawFn) -> Embeddings:
    words = draw(WORDS)
    # Of one column alone, float32 that are letters cannot be told from a wrong text.
    shape = (len(words), draw(st.integers(2, 5)))
    return Embeddings.from_words(words, draw(hnp.arrays(np.float32, shape, elements=FLOATS)))


def same(first: Embeddings, second: Embeddings) -> bool:
    return first.words == second.words and first.vectors.tobytes() == second.vectors.tobytes()


@pytest.mark.parametrize("name", [test for tests in ELSEWHERE.values() for test in tests])
def test_the_property_is_tested(name: str) -> None:
    file, _, test = name.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_nightly_profile_multiplies_every_number_of_examples() -> None:
    program = (
        "from hypothesis import settings\n"
        "from tests.examples import examples, register_profiles\n"
        "register_profiles()\n"
        "usual = examples(60), settings().max_examples\n"
        "settings.load_profile('nightly')\n"
        "print(*usual, examples(60), settings().max_examples)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=TESTS.parent, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"60", b"100", b"12000", b"20000"]
    fixed = re.compile(r"max_examples=(?!examples\()")
    own = {"examples.py", Path(__file__).name}
    texts = {path.name: path.read_text("utf-8") for path in TESTS.glob("*.py")}
    assert [
        name for name, text in texts.items() if fixed.search(text) and name not in own
    ] == []


@quick
@given(model=models(), first=st.sampled_from(FORMATS), second=st.sampled_from(FORMATS))
def test_p1_vectors_pass_through_any_two_formats(
    tmp_path: Path, model: Embeddings, first: str, second: str
) -> None:
    for name in (first, second):
        formats.save(model, tmp_path / "file", format=name, overwrite=True)
        read = formats.load(tmp_path / "file")
        assert same(read, model)
        model = read


@quick
@given(model=models())
def test_p2_the_text_of_what_binary_holds_is_the_same_text(
    tmp_path: Path, model: Embeddings
) -> None:
    formats.save(model, tmp_path / "a", format="word2vec-text", overwrite=True)
    formats.save(model, tmp_path / "b", format="word2vec-binary", overwrite=True)
    formats.save(formats.load(tmp_path / "b"), tmp_path / "c", format="word2vec-text",
                 overwrite=True)  # fmt: skip
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


@quick
@given(
    model=models(), name=st.sampled_from((*FORMATS, "glove-text")), share=st.floats(0, 1),
    lenient=st.booleans(),
)  # fmt: skip
def test_p3_a_prefix_is_refused_or_gives_the_first_rows(
    tmp_path: Path, model: Embeddings, name: str, share: float, lenient: bool
) -> None:
    try:
        formats.save(model, tmp_path / "file", format=name, overwrite=True)
    except ValueError:
        assume(False)  # GloVe text cannot hold everything
    content = (tmp_path / "file").read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(share * (len(content) - 1))])
    try:
        read = formats.load(tmp_path / "cut", lenient=lenient)
    except FormatError:
        return
    assert lenient or name == "glove-text"
    assert read.words == model.words[: len(read)]
    assert read.vectors.tobytes() == model.vectors[: len(read)].tobytes()


@quick
@given(content=st.binary(max_size=400), head=st.sampled_from(
    [b"", b"2 2\n", b"9 1000000\n", b"\x1f\x8b\x08", b"PK\x03\x04", b"\x93NUMPY", b"\xba\x16O/",
     b"\x40\0\0\0\0\0\0\0{", b"\xfd7zXZ\0", b"(\xb5/\xfd"]))  # fmt: skip
def test_p4_any_bytes_behind_any_magic_are_read_or_refused_within_a_second(
    tmp_path: Path, content: bytes, head: bytes
) -> None:
    (tmp_path / "any").write_bytes(head + content)
    begin = time.process_time()
    with contextlib.suppress(FormatError):
        formats.load(tmp_path / "any", lenient=True)
    assert time.process_time() - begin < 1


@quick
@given(counts=st.lists(st.integers(1, 10**9), min_size=2, max_size=60),
       smoothing=st.floats(0, 1))  # fmt: skip
def test_p7_the_noise_of_any_counts_sums_to_one(counts: list[int], smoothing: float) -> None:
    weights = np.array(counts, np.float64) ** smoothing
    chances = recovered_slots(core.AliasTable(weights)).probabilities()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(chances, weights / weights.sum(), rtol=0, atol=2**-31)


@quick
@given(counts=st.lists(st.integers(1, 10**12), min_size=2, max_size=80))
def test_p8_any_counts_have_a_code_whose_kraft_sum_is_one(counts: list[int]) -> None:
    tree = core.HuffmanTree(np.array(counts, np.int64), np.arange(len(counts), dtype=np.uint64))
    lengths = [len(tree.path(word)[1]) for word in range(len(counts))]
    assert sum(2 ** (max(lengths) - n) for n in lengths) == 2 ** max(lengths)
    for a, b in zip(np.argsort(counts)[:-1], np.argsort(counts)[1:], strict=True):
        assert counts[a] == counts[b] or lengths[a] >= lengths[b]


MATRICES = hnp.arrays(
    np.float64, st.tuples(st.integers(6, 12), st.integers(1, 5)), elements=st.floats(-9, 9)
)


@quick
@given(rows=MATRICES, seed=st.integers(0, 99))
def test_p10_a_fitted_rotation_is_orthogonal_whatever_the_rows(rows: Any, seed: int) -> None:
    source = rows + 1e-3 * np.random.default_rng(seed).standard_normal(rows.shape)
    target = np.random.default_rng(seed + 100).standard_normal(rows.shape)
    w = fit_orthogonal(source, target)
    np.testing.assert_allclose(w @ w.T, np.eye(rows.shape[1]), atol=1e-6)


@quick
@given(source=st.integers(1, 9), target=st.integers(1, 9), dim=st.integers(1, 4),
       k=st.integers(1, 9), seed=st.integers(0, 99))  # fmt: skip
def test_p10_csls_is_the_brute_force_one(
    source: int, target: int, dim: int, k: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, z = (rng.standard_normal((n, dim)).astype(np.float32) for n in (source, target))
    k = min(k, source, target)
    found = Retriever(x, z, method="csls", neighborhood=k).search(x, 1)
    expected = all_scores(x, z, "csls", k, 1.0).max(1)
    np.testing.assert_allclose(found.scores[:, 0], expected, atol=1e-5)


@quick
@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(-4, 4)), min_size=3, max_size=40)
)
def test_p11_correlations_with_ties_are_scipys(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs, np.float64).T
    for ours, theirs in ((spearman, stats.spearmanr), (pearson, stats.pearsonr)):
        found = ours(gold, predicted).value
        if np.ptp(gold) == 0 or np.ptp(predicted) == 0:
            assert found is None
        else:
            assert found == pytest.approx(theirs(gold, predicted).statistic, abs=1e-12)


@quick
@given(
    targets=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([-1, 1])), min_size=1, max_size=15
    ),
    gold=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 19)), min_size=1, max_size=12),
    seed=st.integers(0, 999),
)
def test_p11_precision_and_reciprocal_ranks_with_ties_are_those_of_a_sorted_list(
    targets: list[tuple[int, int]], gold: list[tuple[int, int]], seed: int
) -> None:
    source = np.random.default_rng(seed).standard_normal((4, 3))  # one of five words unknown
    target = np.zeros((len(targets), 3))
    for row, (axis, sign) in zip(target, targets, strict=True):
        row[axis] = sign  # so that equal cosines are equal bits
    first = Embeddings.from_words([f"s{i}" for i in range(len(source))], source)
    second = Embeddings.from_words([f"t{i}" for i in range(len(target))], target)
    options = TranslationOptions(retrieval="nn", resamples=10)
    pairs = [(f"s{s}", f"t{t}") for s, t in gold]
    score = evaluate_translation(first, second, pairs, options=options)
    best: dict[int, int] = {}
    for s, t in gold:
        if s < len(source) and t < len(targets):
            ranked = sorted(range(len(targets)), key=lambda i: (-(target[i] @ source[s]), i))
            best[s] = min(ranked.index(t) + 1, best.get(s, 99))
    if not best:
        assert score.mean_reciprocal_rank.value is None
        return
    reciprocal = np.mean([1 / rank for rank in best.values()])
    assert score.mean_reciprocal_rank.value == pytest.approx(reciprocal)
    for k in (1, 5, 10):
        assert score.precision_at[k].value == np.mean([rank <= k for rank in best.values()])


@quick
@given(seed=st.integers(0, 999), scale=st.floats(0.01, 100), copies=st.integers(0, 3))
def test_p12_order_lengths_and_repeated_words_change_no_score(
    tmp_path: Path, seed: int, scale: float, copies: int
) -> None:
    rng = np.random.default_rng(seed)
    words, rows = [f"w{i}" for i in range(12)], rng.standard_normal((12, 4))
    order = rng.permutation(12)
    lines = [f"{words[i]} {' '.join(map(str, scale * rows[i]))}\n" for i in order]
    lines += [f"{words[i]} 9 9 9 9\n" for i in order[:copies]]
    (tmp_path / "v.txt").write_text("".join(lines), encoding="utf-8")
    pairs = tuple((words[i], words[i + 1]) for i in range(11))
    data = SimilaritySet("set", pairs, rng.standard_normal(11))
    first = evaluate_similarity(Embeddings.from_words(words, rows), data)
    second = evaluate_similarity(formats.load(tmp_path / "v.txt"), data)
    assert second.pearson.value == pytest.approx(first.pearson.value, abs=1e-5)
    assert second.spearman.value == pytest.approx(first.spearman.value, abs=1e-9)
