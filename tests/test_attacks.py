"""Every hostile file is refused with its reason, in a moment and in little memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from embkit import formats
from embkit.errors import FormatError
from tests.attacks import fasttext_fields, npz_files, safetensors_files
from tests.attacks.word_files import ATTACKS

# Of these the format's own tests hold the reasons, since another format may be named first.
MODELS = {
    f"{kind} {name}": attack
    for kind, attacks in {
        "fasttext": fasttext_fields.ATTACKS,
        "npz": npz_files.ATTACKS,
        "safetensors": safetensors_files.ATTACKS,
    }.items()
    for name, attack in attacks.items()
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(tmp_path: Path, name: str) -> None:
    content, reason = ATTACKS[name]
    path = tmp_path / "attack"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=reason) as raised:
        formats.load(path)
    error = raised.value
    assert error.path == str(path)
    assert error.line is not None or error.offset is not None
    assert len(error.reason) < 200
    assert error.reason.isprintable()


@pytest.mark.parametrize("name", MODELS)
def test_attack_on_a_model_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "attack"
    path.write_bytes(MODELS[name][0])
    with pytest.raises(FormatError) as raised:
        formats.load(path)
    assert raised.value.path == str(path)
    assert raised.value.line is not None or raised.value.offset is not None
    assert len(raised.value.reason) < 200
    assert raised.value.reason.isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_attacks_take_neither_time_nor_memory(tmp_path: Path) -> None:
    for name, (content, _) in {**ATTACKS, **MODELS}.items():
        (tmp_path / name).write_bytes(content)
    code = """
import pathlib, resource, sys, time
from embkit import formats
from embkit.errors import FormatError
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in pathlib.Path(sys.argv[1]).iterdir():
    for lenient in (False, True):
        begin = time.process_time()
        try:
            formats.load(path, lenient=lenient)
        except FormatError:
            pass
        else:
            assert lenient, path.name
        assert time.process_time() - begin < 0.1, path.name
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


@pytest.mark.parametrize("lenient", [False, True])
def test_flipping_any_bit_gives_vectors_or_a_format_error(
    tmp_path: Path, lenient: bool
) -> None:
    path = tmp_path / "flipped"
    begin = time.process_time()
    for good in (b"2 2\nthe 1 2\ncat 3 4\n", ATTACKS["binary_junk"][0][:-1]):
        for bit in range(8 * len(good)):
            content = bytearray(good)
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            try:
                embeddings = formats.load(path, lenient=lenient)
            except FormatError:
                continue
            assert len(embeddings) >= 1
    assert time.process_time() - begin < 10
