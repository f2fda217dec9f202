"""The hot loops of every instruction set against float64, and what their objects export."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit._native import core
from tests import reference, reference_nce
from tests.models import FOUR_MODELS, MIXED, MODES, SMALL, trained
from tests.test_build_flags import flags_of

ROOT = Path(__file__).parents[1]
LEVELS = core.simd_levels()

Rows = NDArray[np.float32]

# Rounding of float32, about 6e-8, over sums of up to 513 products of rows whose logits are
# about 1, and over as many steps as a row is listed.
TOLERANCE = 3e-6


def random_rows(rng: np.random.Generator, count: int, dim: int) -> Rows:
    rows: Rows = (rng.normal(size=(count, dim)) * dim**-0.25).astype(np.float32)
    return rows


def assert_step_equals_the_reference(
    level: str,
    mode: str,
    rows: tuple[Rows, Rows],
    lists: tuple[list[int], list[int]],
    rate: float = 0.5,
) -> None:
    (inputs, outputs), (input_rows, output_rows) = rows, lists
    labels = np.resize([1.0, 0.0, 0.0, 1.0, 0.0], len(output_rows))
    model = reference.Model(inputs.astype(np.float64), outputs.astype(np.float64))
    if mode == "skipgram":
        reference.skipgram_step(model, input_rows, output_rows, labels, rate)
    else:
        reference.cbow_step(model, input_rows, output_rows, labels, rate, mode)
    assert np.abs(model.input - inputs).max() > 1e-4

    inputs, outputs = inputs.copy(), outputs.copy()
    scale = 1 / len(input_rows) if mode == "mean" else 1.0
    logits = core.simd_step(
        *(level, mode != "skipgram", inputs, outputs, input_rows, output_rows),
        *(labels.astype(int).tolist(), rate, scale),
    )
    np.testing.assert_allclose(inputs, model.input, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(outputs, model.output, rtol=TOLERANCE, atol=TOLERANCE)
    signed = (2 * labels - 1) * logits.astype(np.float64)
    assert -reference.log_sigmoid(signed).sum() == pytest.approx(model.loss, rel=1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", ["skipgram", "mean", "sum"])
@pytest.mark.parametrize("dim", [1, 16, 37, 100])
def test_offsets_and_weights_correct_the_step(level: str, mode: str, dim: int) -> None:
    rng = np.random.default_rng(dim)
    inputs, outputs = random_rows(rng, 12, dim), random_rows(rng, 30, dim)
    for num_inputs, num_outputs in [(1, 1), (2, 3), (5, 6), (4, 7), (3, 13), (10, 65)]:
        input_rows = rng.permutation(12)[:num_inputs].tolist()
        output_rows = rng.integers(0, 30, num_outputs).tolist()
        offsets = rng.normal(size=num_outputs).astype(np.float32).astype(np.float64)
        weights = rng.uniform(0.1, 2, num_outputs).astype(np.float32).astype(np.float64)
        labels = rng.integers(0, 2, num_outputs).astype(np.float64)
        targets = reference_nce.Targets(output_rows, labels, offsets, weights)
        model = reference.Model(inputs.astype(np.float64), outputs.astype(np.float64))
        model.log_normalizer = 0.75
        if mode == "skipgram":
            reference_nce.skipgram_step(model, input_rows, targets, 0.1, False)
        else:
            reference_nce.cbow_step(model, input_rows, targets, 0.1, False, mode)
        mine, theirs = inputs.copy(), outputs.copy()
        logits = core.simd_step(
            *(level, mode != "skipgram", mine, theirs, input_rows, output_rows),
            *(labels.astype(int).tolist(), 0.1, 1 / num_inputs if mode == "mean" else 1.0),
            *(offsets.tolist(), weights.tolist(), 0.75),
        )
        np.testing.assert_allclose(mine, model.input, rtol=TOLERANCE, atol=TOLERANCE)
        np.testing.assert_allclose(theirs, model.output, rtol=TOLERANCE, atol=TOLERANCE)
        signed = (2 * labels - 1) * logits.astype(np.float64)
        loss = -(weights * reference.log_sigmoid(signed)).sum()
        assert loss == pytest.approx(model.loss, rel=1e-5)


def some_dims() -> list[int]:
    drawn = np.random.default_rng(8).integers(1, 514, 40)
    return sorted({1, 2, 15, 16, 17, 31, 32, 33, 100, 300, 512, 513, *drawn.tolist()})


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", ["skipgram", "mean", "sum"])
def test_step_equals_the_reference_on_any_dim(level: str, mode: str) -> None:
    for dim in some_dims():
        rng = np.random.default_rng(dim)
        rows = random_rows(rng, 12, dim), random_rows(rng, 30, dim)
        num_inputs, num_outputs = int(rng.integers(1, 11)), int(rng.integers(1, 15))
        distinct = (
            rng.permutation(12)[:num_inputs].tolist(),
            rng.permutation(30)[:num_outputs].tolist(),
        )
        assert_step_equals_the_reference(level, mode, rows, distinct)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", ["skipgram", "mean", "sum"])
def test_step_equals_the_reference_on_any_number_of_rows(level: str, mode: str) -> None:
    rng = np.random.default_rng(1)
    rows = random_rows(rng, 25, 20), random_rows(rng, 25, 20)
    for num_inputs in (1, 2, 3, 4, 5, 6, 7, 10, 20):
        for num_outputs in range(1, 22):
            lists = list(range(num_inputs)), list(range(num_outputs))
            assert_step_equals_the_reference(level, mode, rows, lists)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", ["skipgram", "mean", "sum"])
@pytest.mark.parametrize("dim", [1, 16, 37])
def test_rows_listed_more_than_once_move_as_often(level: str, mode: str, dim: int) -> None:
    rng = np.random.default_rng(2)
    rows = random_rows(rng, 4, dim), random_rows(rng, 4, dim)
    for num_inputs in (1, 2, 3, 5, 10):
        for num_outputs in (2, 3, 6, 7, 13):
            lists = (
                rng.integers(0, 3, num_inputs).tolist(),
                rng.integers(0, 3, num_outputs).tolist(),
            )
            assert_step_equals_the_reference(level, mode, rows, lists, rate=0.05)
    assert_step_equals_the_reference(level, mode, rows, ([1] * 9, [2] * 6), rate=0.05)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("is_cbow", [False, True])
def test_sigmoid_is_exact_at_every_logit(level: str, is_cbow: bool) -> None:
    # With one input of 1 and an output of x, the output's movement is rate * -sigmoid(x).
    for x in np.linspace(-40, 40, 801).astype(np.float32):
        inputs, outputs = np.ones((1, 1), np.float32), np.full((1, 1), x)
        logits = core.simd_step(level, is_cbow, inputs, outputs, [0], [0], [0], 1.0, 1.0)
        assert logits[0, 0] == x
        gradient = inputs[0, 0] - 1  # -sigmoid(x) * x
        expected = -reference.sigmoid(np.float64(x)) * np.float64(x)
        assert gradient == pytest.approx(float(expected), rel=1e-6, abs=3e-7), x


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("is_cbow", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_shows_in_the_logits(
    level: str, is_cbow: bool, bad: float
) -> None:
    rng = np.random.default_rng(3)
    for side in (0, 1):
        rows = random_rows(rng, 3, 20), random_rows(rng, 3, 20)
        rows[side][1, 7] = bad
        logits = core.simd_step(level, is_cbow, *rows, [0, 1, 2], [0, 1, 2], [1, 0, 0], 0.1, 1)
        assert not np.isfinite(logits).all()


def test_the_level_in_use_is_one_of_the_machine() -> None:
    assert core.simd_level() in LEVELS
    assert {"baseline"} <= set(LEVELS) <= {"baseline", "avx2", "avx512", "neon"}


def test_unknown_level_is_refused() -> None:
    rows = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match=r"level must be one of"):
        core.simd_step("sse9", False, rows, rows.copy(), [0], [0], [1], 0.1, 1.0)


# ------------------------------------------------------------------ EMBKIT_SIMD

TRAIN_EVERY_MODEL = """
import sys
import numpy as np
from embkit._native import core
from tests.models import FOUR_MODELS, MIXED, MODES, SMALL, trained
np.save(sys.argv[1], [trained(MIXED, **SMALL, **MODES[mode]).vectors for mode in FOUR_MODELS])
print(core.simd_level())
"""


def run_with_level(level: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TRAIN_EVERY_MODEL, *arguments],
        cwd=ROOT,
        env={**os.environ, "EMBKIT_SIMD": level},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("level", LEVELS)
def test_the_environment_chooses_the_level_and_models_agree(level: str, tmp_path: Path) -> None:
    run = run_with_level(level, str(tmp_path / "rows.npy"))
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == level
    for rows, mode in zip(np.load(tmp_path / "rows.npy"), FOUR_MODELS, strict=True):
        np.testing.assert_allclose(
            rows, trained(MIXED, **SMALL, **MODES[mode]).vectors, atol=1e-5
        )


def test_an_unavailable_level_is_an_error(tmp_path: Path) -> None:
    run = run_with_level("sse9", str(tmp_path / "rows.npy"))
    assert run.returncode != 0
    assert "EMBKIT_SIMD must be one of" in run.stderr
    assert run.stderr.strip().endswith("got 'sse9'")


# ------------------------------------------------------------------ objects


# What compilers call to clear and copy memory and to guard the stack, without the underscores
# that macOS puts before names.
NEEDED = {"memset", "memcpy", "memmove", "bzero", "stack_chk_fail", "stack_chk_guard"}
NEEDED |= {"GLOBAL_OFFSET_TABLE_"}


def symbols(path: Path, nm: str = "nm") -> list[tuple[str, str]]:
    """Return the type letter and the name of each symbol of an object."""
    lines = subprocess.run(
        [nm, "-C", str(path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    fields = [line.split(maxsplit=2) if line[0] != " " else ["", *line.split(maxsplit=1)]
              for line in lines if line.strip()]  # fmt: skip
    return [(kind, name) for _, kind, name in fields]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the kernels' object files, from the last build or compiled anew."""
    found = list((ROOT / "build").rglob("kernels_*.o"))
    if found:
        return found
    pytest.importorskip("pybind11")
    folder = tmp_path_factory.mktemp("simd")
    command = [sys.executable, "setup.py", "-q", "build_clib"]
    places = ["--build-temp", str(folder / "temp"), "--build-clib", str(folder)]
    subprocess.run([*command, *places], check=True, cwd=ROOT, capture_output=True)
    return list(folder.rglob("kernels_*.o"))


@pytest.mark.parametrize("level", ["baseline", "avx2", "avx512", "neon"])
def test_simd_object_exports_only_its_table(level: str, objects: list[Path]) -> None:
    # A weak symbol compiled with wide instructions could be chosen by the linker for a
    # machine that lacks them.
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    chosen = [path for path in objects if path.stem == f"kernels_{level}"]
    assert chosen
    for path in chosen:
        found = symbols(path)
        check_symbols(level, found)
        assert found or level not in LEVELS, path


def check_symbols(level: str, found: list[tuple[str, str]]) -> None:
    exported = [name for kind, name in found if kind.isupper() and kind != "U"]
    assert exported == ([f"embkit::simd::{level}::table()"] if found else [])
    assert not [name for kind, name in found if kind in "wvui"]  # weak ones
    assert {name.lstrip("_") for kind, name in found if kind == "U"} <= NEEDED


# For the kernels, which include no other header of the system.
MACOS_HEADERS = {
    "cstddef": "#include <stddef.h>\n",
    "cstdint": "".join(
        f"typedef __{name.upper()}_TYPE__ {name}_t;\n"
        for name in ("uint8", "uint16", "int32", "uint32", "int64", "uint64", "uintptr")
    ),
}


@pytest.mark.parametrize(
    ("machine", "level"), [("arm64", "neon"), ("arm64", "baseline"), ("x86_64", "avx2")]
)
def test_kernels_compile_for_macos(machine: str, level: str, tmp_path: Path) -> None:
    if shutil.which("clang++") is None or shutil.which("llvm-nm") is None:
        pytest.skip("needs clang++ and llvm-nm, which know other systems")
    for name, text in MACOS_HEADERS.items():
        (tmp_path / name).write_text(text)
    flags = flags_of("darwin", machine).kernels
    source, target = f"csrc/simd/kernels_{level}.cpp", tmp_path / "kernels.o"
    command = ["clang++", "-target", f"{machine}-apple-macos11", "-nostdinc++", "-Icsrc"]
    command += ["-isystem", str(tmp_path), *flags[level], "-O1", "-Werror"]
    done = subprocess.run(
        [*command, "-c", source, "-o", str(target)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = symbols(target, "llvm-nm")
    assert found
    check_symbols(level, found)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dim", [1, 16, 100, 513])
def test_exchange_adds_what_a_copy_has_gained(level: str, dim: int) -> None:
    shared, mine, base = random_rows(np.random.default_rng(dim), 3, dim)
    after = core.simd_exchange(level, shared, mine, base)
    np.testing.assert_array_equal(after, shared + (mine - base))
