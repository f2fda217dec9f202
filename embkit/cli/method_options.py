"""Flags for the options of all methods of a table, made from their configurations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, get_type_hints

from cyclopts import Group, Parameter

GROUP = Group("Options of the methods")


class _Method(Protocol):
    @property
    def config(self) -> type[Any]: ...


def method_options(methods: Mapping[str, _Method]) -> type[Any]:
    """Return a dataclass with every option of every method, None where it is not given.

    An option that not all methods have says in its help which ones do.

    Examples
    --------
    >>> from embkit.mapping import METHODS
    >>> method_options(METHODS)().ratio is None
    True
    """
    owners: dict[str, list[str]] = {}
    kinds: dict[str, Any] = {}
    helps: dict[str, str] = {}
    defaults: dict[str, set[object]] = {}
    for name, method in methods.items():
        hints = get_type_hints(method.config)
        texts = _field_texts(method.config)
        for option in dataclasses.fields(method.config):
            kind = hints[option.name]
            owners.setdefault(option.name, []).append(name)
            kinds[option.name] = kinds.get(option.name, kind) | kind
            helps.setdefault(option.name, texts.get(option.name, ""))
            defaults.setdefault(option.name, set()).add(option.default)
    fields = []
    for option_name, kind in kinds.items():
        text = _help(helps[option_name], owners[option_name], defaults[option_name], methods)
        parameter = Parameter(help=text, group=GROUP, show_default=False)
        fields.append((option_name, Annotated[kind | None, parameter], None))
    return dataclasses.make_dataclass(
        "MethodOptions", fields, frozen=True, kw_only=True, namespace={"__module__": __name__}
    )


def _help(
    text: str, owners: list[str], defaults: set[object], methods: Mapping[str, _Method]
) -> str:
    notes = [] if len(owners) == len(methods) else [", ".join(owners)]
    notes.append(f"default: {'by method' if len(defaults) > 1 else next(iter(defaults))}")
    return f"{text} [{'; '.join(notes)}]"


def _field_texts(config: type[Any]) -> dict[str, str]:
    """Return the docstring of each field, the most derived class's where several have one."""
    from docstring_parser import parse_from_object

    texts: dict[str, str] = {}
    for base in reversed(config.__mro__[:-1]):
        for found in parse_from_object(base).params:
            if found.description:
                texts[found.arg_name] = " ".join(found.description.split())
    return texts
