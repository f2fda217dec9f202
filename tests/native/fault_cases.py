"""The commands that faults are put to, and what they may leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embkit import formats
from embkit.errors import FormatError

ROOM = "output"
SMALL = ("--dim", "32", "--min-count", "1", "--threads", "1", "--window", "3")
COUNTED = ("--min-count", "1", "--threads", "1", "--window", "3")
RUN = ("--output", f"{ROOM}/model", "--run", f"{ROOM}/run")
OPTIONAL = {"model/model.json", "ppmi/model.json"}
"""What repeats a model's metadata for people, and is left out where it cannot be written."""


@dataclass(frozen=True)
class Case:
    """A command whose files are all below the room."""

    arguments: tuple[str, ...]
    has_run: bool = False
    """Whether it trains in a run's folder, so that what was interrupted can go on."""
    begun: tuple[str, ...] = ()
    """A command that is interrupted in the room before, at its third checkpoint."""
    is_new: bool = False
    """Whether nothing is there before."""
    is_many: bool = False
    """Whether each file is an output of its own, whole or absent whatever the others are."""
    bears_open: bool = False
    """Whether it bears that a file cannot be opened, such as one without a name."""
    is_repeatable: bool = True
    """Whether it makes the same bytes again."""
    parts: tuple[str, ...] = ("faults", "power")
    """What is done to it."""
    without: tuple[str, ...] = ("link",)
    """Kinds of calls that it makes none of: a name is linked where it is new."""


VECTORS = ("train", "sgns", "{text}", "--output", "{vectors}", *SMALL, "--subsample", "0")
MAP = ("map", "{vectors}", "{vectors}", "--dictionary", "{dictionary}", "--force")
MAP_MANY = (
    *("map-many", "a={vectors}", "b={other_vectors}", "--pivot", "b"),
    *("--dictionary", "a-b={dictionary}", "--output", f"{ROOM}/maps", "--force"),
)
APPLY = ("apply", "{map}", "{vectors}", "--side", "source", "--output", f"{ROOM}/mapped.bin")
BOTH = ("{vectors}", "{other_vectors}")
RECORDS = (
    *("cooccur", "{text}", "--output", f"{ROOM}/counts.bin"),
    *("--save-vocabulary", f"{ROOM}/vocabulary", *COUNTED),
)
PHRASES = ("phrases", "learn", "{text}", "--output", "{phrases}", *COUNTED[:2])
NO_THREAD = ("link", "thread")
EVERY_PART = ("faults", "power", "kills")
CBOW = ("train", "cbow", "{text}", *RUN, *SMALL, "--loss", "hs", "--epochs", "4")
NCE = ("train", "nce", "{text}", *RUN, *SMALL, "--normalizer", "learnt", "--epochs", "4")
THREADS = (
    *("train", "sgns", "{zipped}", *RUN, *SMALL[:4], *SMALL[6:], "--threads", "4"),
    *("--epochs", "4"),
)
SGNS = ("train", "sgns", "{text}", *RUN, *SMALL, "--epochs", "4")
GLOVE = ("train", "glove", "{text}", *RUN, *SMALL, "--epochs", "2", "--x-max", "10")
RESUME = ("resume", f"{ROOM}/run", "--output", f"{ROOM}/model")
CASES = {
    "train": Case(
        (
            *("train", "sgns", "{text}", "--output", f"{ROOM}/model", "--dim", "64"),
            *("--min-count", "1", "--epochs", "1", "--threads", "2"),
        ),
        is_repeatable=False,
    ),
    "binary": Case(("convert", "{vectors}", f"{ROOM}/vectors.bin")),
    "text": Case(("convert", "{vectors}", f"{ROOM}/vectors.txt")),
    "npz": Case(("convert", "{vectors}", f"{ROOM}/vectors.npz"), without=NO_THREAD),
    "safetensors": Case(("convert", "{vectors}", f"{ROOM}/model"), without=NO_THREAD),
    "new-binary": Case(
        ("convert", "{vectors}", f"{ROOM}/vectors.bin"), is_new=True, without=("rename",)
    ),
    "new-safetensors": Case(
        ("convert", "{vectors}", f"{ROOM}/model"), is_new=True, without=("rename", "thread")
    ),
    "glove": Case(("train", "glove", "{text}", "--output", f"{ROOM}/vectors.txt", *SMALL)),
    "sparse": Case(("train", "ppmi", "{text}", "--output", f"{ROOM}/ppmi", *COUNTED)),
    "counts": Case(("cooccur", "{text}", "--output", f"{ROOM}/counts.tsv", *COUNTED)),
    "own-counts": Case(("cooccur", "{text}", "--output", f"{ROOM}/counts", *COUNTED)),
    "records": Case(RECORDS, is_many=True),
    "svd": Case(
        ("train", "svd", "{text}", "--output", f"{ROOM}/svd.npz", "--dim", "8", *COUNTED)
    ),
    "mapping": Case((*MAP, "--output", f"{ROOM}/map")),
    "mapped": Case((*MAP, "--output-source", f"{ROOM}/mapped.bin")),
    "map-many": Case(MAP_MANY, is_new=True, is_many=True, without=("rename",)),
    "applied": Case(APPLY, bears_open=True, without=NO_THREAD),
    "lexicon": Case(
        ("induce-dictionary", *BOTH, "--output", f"{ROOM}/lexicon"), without=NO_THREAD
    ),
    "changes": Case(
        ("changes", *BOTH, "--output", f"{ROOM}/changes", "--min-count", "0"),
        without=NO_THREAD,
    ),
    "projector": Case(
        ("export", "projector", "{vectors}", f"{ROOM}/projector"), without=NO_THREAD
    ),
    "phrases": Case(
        ("phrases", "learn", "{text}", "--output", f"{ROOM}/phrases", *COUNTED[:2])
    ),
    "joined": Case(("phrases", "apply", "{phrases}", "{text}", "--output", f"{ROOM}/joined")),
    "cache": Case((*VECTORS[:3], "--output", "{scratch}", "--cache", f"{ROOM}/ids", *SMALL)),
    "checkpoints": Case(SGNS, has_run=True, parts=EVERY_PART),
    "checkpoints-glove": Case(GLOVE, has_run=True, parts=EVERY_PART),
    "checkpoints-cbow-hs": Case(CBOW, has_run=True, parts=("kills",)),
    "checkpoints-nce": Case(NCE, has_run=True, parts=("kills",)),
    "checkpoints-threads": Case(THREADS, has_run=True, is_repeatable=False, parts=("kills",)),
    "resume": Case(RESUME, has_run=True, begun=SGNS, parts=EVERY_PART),
    "resume-glove": Case(RESUME, has_run=True, begun=GLOVE, parts=EVERY_PART),
}


def fill(work: Path, room: Path, arguments: Iterable[str]) -> list[str]:
    """Put the inputs' paths and the room's into a command."""
    names = {name: str(work / name) for name in ("text", "dictionary", "other_text", "large")}
    names |= {"vectors": str(work / "vectors.bin"), "other_vectors": str(work / "other.bin")}
    names |= {"zipped": str(work / "text.gz"), "map": str(work / "map")}
    names |= {"phrases": str(work / "phrases"), "unit_map": str(work / "unit.map")}
    names |= {"scratch": str(work / "scratch.bin"), "wide": str(work / "wide.bin")}
    return [a.format(**names).replace(f"{ROOM}/", f"{room}/") for a in arguments]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def output_in(files: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out the run's folder, and what is optional."""
    return {
        name: data
        for name, data in files.items()
        if not name.startswith("run/") and name not in OPTIONAL
    }


def is_old_or_new(
    now: Mapping[str, bytes], old: Mapping[str, bytes], new: Mapping[str, bytes], *, case: Case
) -> bool:
    """Tell whether the files are those from before or those of an undisturbed run."""
    if not case.is_many:
        return now in (old, new)
    return all(now.get(name) in (old.get(name), new.get(name)) for name in {*now, *old, *new})


def other_inputs(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command with other inputs, so that what it makes differs."""
    others = {f"{{{name}}}": f"{{other_{name}}}" for name in ("text", "vectors")}
    return tuple(others.get(argument, argument) for argument in arguments)


def is_whole(room: Path, new: Path) -> bool:
    """Tell whether the output is that of an undisturbed run, or another that can be read whole.

    Several threads never train the same vectors twice, but of the same words.
    """
    if output_in(contents(room)) == output_in(contents(new)):
        return True
    if CASES[new.name].is_repeatable:
        return False
    try:
        return _words(room) == _words(new)
    except (FormatError, FileNotFoundError):
        return False


def _words(room: Path) -> list[str]:
    paths = [path for path in sorted(room.iterdir()) if not path.name.startswith(".")]
    if not paths:
        raise FileNotFoundError(room)
    return formats.load(paths[0], verify=paths[0].is_dir()).words


def how_to_finish(room: Path, case: Case) -> tuple[str, ...]:
    """Return the command by which a user would go on after what happened in ``room``."""
    is_begun = (room / "run" / "run.json").exists()
    return RESUME if is_begun else case.begun or case.arguments
