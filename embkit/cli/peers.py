"""The option names of word2vec, fastText, GloVe and gensim, understood where embkit trains."""

from __future__ import annotations

from collections.abc import Sequence

from embkit.cli.terminal import note
from embkit.peers import ADVICE, TEXT_NAMES, peer_names


def translate_peer_options(tokens: Sequence[str], *, quiet: bool = False) -> list[str]:
    """Return the command line with peers' option names replaced by embkit's.

    Each replacement is told on stderr. Only ``embkit train`` translates, and nothing after
    ``--``.

    Raises
    ------
    ValueError
        If something else takes the place of an option, which is told.

    Examples
    --------
    >>> translate_peer_options(["train", "sgns", "a.txt", "-size", "50"], quiet=True)
    ['train', 'sgns', 'a.txt', '--dim', '50']
    """
    if not tokens or tokens[0] != "train":
        return list(tokens)
    end = tokens.index("--") if "--" in tokens else len(tokens)
    names = peer_names("".join(tokens[1:2]))
    translated = []
    for token in tokens[:end]:
        given, equals, value = token.partition("=")
        peer = given.lstrip("-").replace("_", "-") if given.startswith("-") else ""
        if peer in ADVICE:
            raise ValueError(f"there is no {given} here: {ADVICE[peer]}")
        name = names.get(peer)
        if peer in TEXT_NAMES:
            note(f"note: the text needs no {given} here", quiet=quiet)
            translated += [value] if equals else []
        elif name is None or given == f"--{name}":
            translated.append(token)
        else:
            translated.append(f"--{name}{equals}{value}")
            note(f"note: {given} is called --{name} here", quiet=quiet)
    return [*translated, *tokens[end:]]
