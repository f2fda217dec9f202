"""``embkit demo``: train on a real text and look at what came out."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App

from embkit.cli.demo_text import DemoText, generated_text, own_text, wikipedia_text
from embkit.cli.loading import require_input
from embkit.cli.options import FLATTEN, CommonOptions, Flag
from embkit.cli.outputs import reserved_output
from embkit.cli.terminal import note, print_json, visible
from embkit.output import OutputFile

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

EXAMPLE = "Example: embkit demo my_own_text.txt"
FEW_TOKENS = 3_000_000  # below, a word is seen too seldom for word2vec's defaults
COMMON_WORDS = 4000  # answers are looked for among these; rarer words are told by few places
SMALL_TEXT = {"epochs": 30, "window": 10, "subsample": 1e-4, "combine": "w+c"}


def demo(
    corpus: Path | None = None,
    /,
    *,
    folder: Path = Path("demo"),
    overwrite: Flag = False,
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train on a real text; show neighbours, an analogy and a similarity score.

    The text is the Wikipedia articles that the gensim package carries (0.5 million words),
    a generated one where gensim is missing, or your own.

    Parameters
    ----------
    corpus
        Your own text, one sentence or document a line.
    folder
        Where the text and the vectors are put, for you to go on with: text.txt, vectors.bin.
    overwrite
        Replace these files if they exist.
    """
    text = _choose_text(corpus, common)
    folder.mkdir(parents=True, exist_ok=True)
    path, output = corpus or folder / "text.txt", folder / "vectors.bin"
    with ExitStack() as held:
        held.enter_context(reserved_output(output, overwrite=overwrite, inputs=[path]))
        if corpus is None:
            held.enter_context(reserved_output(path, overwrite=overwrite))
            _write_text(text, path, overwrite=overwrite)
        vectors, seconds = _train(path, output, common, overwrite=overwrite)
    result = _examine(vectors, text)
    if common.json:
        print_json({"text": text.description, "seconds": seconds, **result})
    else:
        _show(vectors, text, result, output)


def _choose_text(corpus: Path | None, common: CommonOptions) -> DemoText:
    if corpus is not None:
        require_input(corpus)
        return own_text(corpus)
    text = wikipedia_text()
    if text is None:
        note("gensim is not installed here, so the text is a generated one", quiet=common.quiet)
        text = generated_text()
    return text


def _write_text(text: DemoText, path: Path, *, overwrite: bool) -> None:
    with OutputFile(path, overwrite=overwrite) as file:
        file.writelines(" ".join(sentence).encode() + b"\n" for sentence in text.sentences)


def _train(
    path: Path, output: Path, common: CommonOptions, *, overwrite: bool
) -> tuple[Embeddings, float]:
    """Train with the settings that suit the length of the text, and save the vectors."""
    from embkit import formats, training

    small = path.is_file() and path.stat().st_size < 6 * FEW_TOKENS
    options: dict[str, Any] = SMALL_TEXT if small else {}
    flags = [f"--{name.replace('_', '-')} {value}" for name, value in options.items()]
    command = " ".join(["embkit train sgns", str(path), "--output", str(output), *flags])
    note(command, quiet=common.quiet)
    began = time.perf_counter()
    bar = not common.quiet and sys.stderr.isatty()
    vectors = training.train("sgns", path, progress=bar, **options)
    seconds = time.perf_counter() - began
    formats.save(vectors, output, overwrite=overwrite)
    size = f"{len(vectors):,} words x {vectors.dim}"
    note(f"{size} in {seconds:.1f} s, saved as {output}", quiet=common.quiet)
    return vectors, seconds


def _examine(vectors: Embeddings, text: DemoText) -> dict[str, object]:
    """Ask the trained vectors what the text can answer."""
    words = [word for word in text.words or _typical_words(vectors) if word in vectors]
    near = vectors.neighbors(words, topn=6, restrict_vocab=COMMON_WORDS)
    analogies = {
        f"{a} : {b} = {c} : ?": vectors.analogy(a, b, c, topn=3, restrict_vocab=COMMON_WORDS)
        for a, b, c in text.analogies
        if all(word in vectors for word in (a, b, c))
    }
    return {
        "neighbors": {w: _names(found) for w, found in zip(words, near, strict=True)},
        "analogies": {asked: _names(found) for asked, found in analogies.items()},
        "similarity": _score(vectors, text),
    }


def _names(answers: Sequence[tuple[str | bytes, float]]) -> list[str]:
    return [str(word) for word, _ in answers]


def _typical_words(vectors: Embeddings) -> Iterator[str]:
    """Yield some words of middling frequency, long enough to mean something."""
    for start in (100, 200, 400, 600, 800, 1200):
        long_words = (
            w for w in vectors.words[start : start + 100] if len(w) > 4 and w.isalpha()
        )
        yield from list(long_words)[:1]


def _score(vectors: Embeddings, text: DemoText) -> dict[str, object] | None:
    """Return the rank correlation of the cosines with the gold similarities, with coverage."""
    covered = [(a, b, gold) for a, b, gold in text.gold if a in vectors and b in vectors]
    if len(covered) < 10:
        return None
    from scipy.stats import spearmanr

    cosines = vectors.similarities([a for a, _, _ in covered], [b for _, b, _ in covered])
    correlation = spearmanr(cosines, [gold for _, _, gold in covered]).statistic
    return {
        "set": text.gold_name,
        "spearman": round(100 * float(correlation), 1),
        "covered": len(covered),
        "pairs": len(text.gold),
    }


def _show(vectors: Embeddings, text: DemoText, result: dict[str, object], output: Path) -> None:
    print(f"\n{len(vectors):,} words from {visible(text.description)}")
    print(f"\nNeighbours (among the {COMMON_WORDS:,} most frequent words)")
    neighbors, analogies = result["neighbors"], result["analogies"]
    assert isinstance(neighbors, dict)
    assert isinstance(analogies, dict)
    for word, found in neighbors.items():
        print(f"  {visible(word):<12} {visible(', '.join(found))}")
    if analogies:
        print("\nAnalogies")
    for asked, found in analogies.items():
        print(f"  {visible(asked):<30} {visible(', '.join(found))}")
    score = result["similarity"]
    if isinstance(score, dict):
        covered = f"{score['covered']} of {score['pairs']} pairs covered"
        print(f"\nSimilarity ({score['set']}): Spearman {score['spearman']:.1f}, {covered}")
    else:
        print(f"\nSimilarity ({text.gold_name}): no score, the text has too few of its words")
    example = next(iter(neighbors), "WORD")
    print(f"\nGo on: {_program()} query neighbors {visible(str(output))} {visible(example)}")


def _program() -> str:
    """Return how the user can call embkit: by its name, or by its path in the environment."""
    if shutil.which("embkit"):
        return "embkit"
    program = Path(sys.executable).with_name("embkit")
    if not program.exists():
        return "python -m embkit"
    return str(program.relative_to(Path.cwd()) if Path.cwd() in program.parents else program)


def register(app: App) -> None:
    """Add the command."""
    app.command(demo, help_epilogue=EXAMPLE)
