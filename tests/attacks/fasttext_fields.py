"""fastText models with one hostile field each, and the reason for which it is refused."""

from __future__ import annotations

from tests.fasttext_files import Model

_FIELDS: dict[str, tuple[str, list[float]]] = {
    "magic": ("not a fastText model", [0, -1, 12, 2**31 - 1, -(2**31)]),
    "version": ("must be 11 or 12", [10, 13, -1, 2**31 - 1]),
    "dim": ("dim must be|input matrix must be", [0, -4, 3, 5, 2**31 - 1, -(2**31)]),
    "ws": ("ws must be", [-1]),
    "epoch": ("epoch must be", [-1]),
    "minCount": ("minCount must be", [-1]),
    "neg": ("neg must be", [-1]),
    "wordNgrams": ("wordNgrams must be", [-1]),
    "loss": ("loss must be from 1 to 4", [0, 5, 77, -1]),
    "model": ("model must be from 1 to 3", [0, 4, -1, 2**31 - 1]),
    "bucket": ("bucket must be|input matrix must be", [-1, 0, 29, 31, 2**31 - 1]),
    "minn": ("minn must be", [-1]),
    "maxn": ("maxn must be", [-1, -(2**31)]),
    "lrUpdateRate": ("lrUpdateRate must be", [-1]),
    "t": ("t must be finite", [float("nan"), float("inf")]),
    "size": ("number of entries|cannot have", [0, -1, 5, 7, 2**31 - 1, -(2**31)]),
    "nwords": ("number of words|cannot have", [0, -1, 5, 7, 2**31 - 1]),
    "nlabels": ("number of labels|cannot have", [-1, 1, 2**31 - 1]),
    "ntokens": ("number of tokens", [-1]),
    "pruneidx_size": (
        "prune index|input matrix must be",
        [-2, 0, 1, 2**31 - 1, 2**40, 2**63 - 1, -(2**63)],
    ),
    "count0": ("a count must be", [-1, -(2**63)]),
    "type0": ("kind must be 0", [1, 2, -1, 127]),
    "quant": ("quantis", [1, 2, 255]),
    "input_rows": ("input matrix must be", [0, -1, 35, 37, 2**61, 2**62, 2**63 - 1]),
    "input_dim": ("input matrix must be", [0, -4, 3, 5, 2**61, 2**63 - 1]),
    "qout": ("flag must be", [2, 255]),
    "output_rows": ("output matrix must be", [0, -1, 5, 7, 2**61, 2**63 - 1]),
    "output_dim": ("output matrix must be", [0, 3, 5, 2**61]),
}

ATTACKS: dict[str, tuple[bytes, str]] = {
    f"{name} {value}": (Model(fields={name: value}).to_bytes(), reason)
    for name, (reason, values) in _FIELDS.items()
    for value in values
}
