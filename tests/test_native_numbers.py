"""Numbers as the core's reader of text takes them, against Python's exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.native_reading import read, refusal


@pytest.mark.parametrize("sign", ["", "+", "-"])
@pytest.mark.parametrize("name", ["nan", "NaN", "inf", "INF", "infinity", "Infinity"])
def test_number_that_is_not_finite_is_named(sign: str, name: str) -> None:
    error = refusal("text", f"2 1\na 1\nb {sign}{name}\n".encode())
    assert error.reason == f"the vector of 'b' holds '{sign}{name}', not a finite number"
    assert error.line == 3


@pytest.mark.parametrize(
    "text", ["infinit", "infinityy", "na", "-", "+", "i", "1e", ".", "--1"]
)
def test_what_looks_like_a_number_is_none(text: str) -> None:
    assert (
        refusal("text", f"2 1\na 1\nb {text}\n".encode()).reason == f"'{text}' is not a number"
    )


@pytest.mark.parametrize(
    "text", ["0e99999999999999999999", "0", "-0.0e400", "1e-999999999", "9e-47"]
)
def test_zero_and_what_is_too_small_is_zero(text: str) -> None:
    value = read("text", f"1 1\na {text}\n".encode())[2][0, 0]
    assert value == 0
    assert np.signbit(value) == text.startswith("-")


@pytest.mark.parametrize(
    "text", ["3.5e38", "-1e39", "1e22000", "34028236692093846346e19", "0.01e41"]
)
def test_number_beyond_float32_is_refused(text: str) -> None:
    error = refusal("text", f"1 1\na {text}\n".encode())
    assert error.reason == f"'{text}' is beyond float32"


def nearest_float32(text: str) -> float:
    """Return the float32 closest to a decimal, the even one of two, by exact fractions."""
    exact, guess = Fraction(text), np.float32(text)

    def rank(value: np.float32) -> tuple[Fraction, int]:
        return abs(Fraction(float(value)) - exact), int(value.view(np.uint32)) & 1

    near = [np.nextafter(guess, np.float32(way)) for way in (-np.inf, np.inf)]
    return float(min(filter(np.isfinite, [guess, *near]), key=rank))


def test_a_decimal_beside_the_middle_of_two_floats_is_rounded_once() -> None:
    chosen = np.random.default_rng(1)
    texts = []
    for low in chosen.uniform(1, 2, 2000).astype(np.float32):
        middle = (Fraction(float(low)) + Fraction(float(np.nextafter(low, np.float32(9))))) / 2
        digits = int(middle * 10**15) + int(chosen.integers(0, 2))
        texts.append(f"{digits // 10**15}.{digits % 10**15:015}")
    rows = "".join(f"w{row} {text}\n" for row, text in enumerate(texts))
    vectors = read("text", f"{len(texts)} 1\n{rows}".encode())[2]
    expected = [nearest_float32(text) for text in texts]
    twice = [float(np.float32(float(text))) for text in texts]
    assert twice != expected  # a reader that passes a double is seen
    assert vectors.ravel().tolist() == expected


def random_decimal(chosen: np.random.Generator) -> str:
    """Return a number in one of the many ways to write one."""
    digits = "".join(map(str, chosen.integers(0, 10, chosen.integers(1, 30))))
    digits = "0" * int(chosen.choice([0, 0, 1, 9, 40])) + digits
    digits += "0" * int(chosen.choice([0, 0, 1, 9, 40]))
    point = int(chosen.integers(0, len(digits) + 1))
    text = digits[:point] + str(chosen.choice(["", "."])) + digits[point:]
    if chosen.random() < 0.7:
        text += f"{chosen.choice(['e', 'E'])}{chosen.choice(['', '+', '-'])}"
        text += str(chosen.integers(0, 10 ** chosen.integers(1, 4)))
    return str(chosen.choice(["", "+", "-"])) + text


def test_any_way_to_write_a_number_gives_the_float_nearest_to_it() -> None:
    chosen = np.random.default_rng(4)
    largest = Fraction(float(np.finfo(np.float32).max)) + Fraction(2) ** 103  # rounds up
    texts = [random_decimal(chosen) for _ in range(8_000)]
    texts += ["0." + "0" * 60 + "1e5", "0." + "0" * 60 + "1e50", "1" + "0" * 60 + "e-50"]
    exact = [Fraction(text) for text in texts]
    fitting = [text for text, value in zip(texts, exact, strict=True) if abs(value) < largest]
    assert 2000 < len(fitting) < len(texts) - 2000
    content = "".join(f"w{row} {text}\n" for row, text in enumerate(fitting)).encode()
    numbers = read("text", content)[2].ravel()
    assert numbers.tolist() == [nearest_float32(text) for text in fitting]
    assert np.signbit(numbers).tolist() == [text[0] == "-" for text in fitting]
    beyond = [text for text, value in zip(texts, exact, strict=True) if abs(value) >= largest]
    content = "".join(f"w{row} {text}\n" for row, text in enumerate(beyond)).encode()
    found = read("text", b"x 1\n" + content, lenient=True)[3]
    assert found["skipped_rows"] == len(beyond)
    for text in [*beyond[:100], "1" + "0" * 60 + "e-5"]:
        assert "beyond float32" in refusal("text", f"x 1\na {text}\n".encode()).reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 37, "x" * 37),
        ("x" * 38, "x" * 37 + "..."),
        ("x" * 35 + "\x01", "x" * 35 + "\\x01"),
        ("x" * 36 + "'y", "x" * 36 + "\\x27..."),
        (" !~\x7f\x1f".lstrip(), "!~\\x7f\\x1f"),
        ("\xff\xa0", "\\xc3\\xbf\\xc2\\xa0"),
    ],
)
def test_what_is_quoted_is_cut_at_40_characters(text: str, shown: str) -> None:
    reason = refusal("text", f"2 1\na 1\nb {text}\n".encode()).reason
    assert reason == f"'{shown}' is not a number"
