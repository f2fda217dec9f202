"""The command line as a whole: one app, one way to report errors."""

from __future__ import annotations

import contextlib
import difflib
import errno
import logging
import os
import re
import stat
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from cyclopts import (
    App,
    ArgumentCollection,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnusedCliTokensError,
)
from cyclopts.help import PlainFormatter

from embkit import __version__
from embkit.cli import (
    completion,
    convert,
    cooccur,
    data,
    demo,
    export,
    inspect,
    on_demand,
    phrases,
    query,
    resume,
    train,
)
from embkit.cli.address_space import look_for_room
from embkit.cli.exit_codes import ExitCode, Stopped, exit_code_of
from embkit.cli.memory import parse_size
from embkit.cli.options import hide_dash, show_dash_in, show_dashes
from embkit.cli.peers import translate_peer_options
from embkit.cli.signals import (
    escape_what_stdout_lacks,
    install_handlers,
    name_stdout,
    open_closed_streams,
    silence_stdout,
)
from embkit.cli.terminal import note, visible
from embkit.memory import limit_readers
from embkit.peers import peer_names

HELP = """Train, map and evaluate word embeddings; look at them, and convert between formats.

Results go to stdout, everything else to stderr. ``embkit COMMAND --help`` shows the options
of a command with an example.
"""
EXAMPLE = """Example: embkit train sgns corpus.txt --output vectors.bin

Then: embkit query neighbors vectors.bin king"""


def _shown_default(value: object) -> object:
    return None if value is False or value == () else value


def build_app() -> App:
    """Return the command line with all its commands."""
    app = App(
        name="embkit",
        help=HELP,
        help_epilogue=EXAMPLE,
        version=__version__,
        help_formatter=PlainFormatter(),
        default_parameter=Parameter(show_default=_shown_default),
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # report() tells it, as every other error
    )
    training = (train, resume, cooccur, phrases)
    vectors = (inspect, convert, export)
    for module in (*training, query, data, *vectors, demo, on_demand):
        module.register(app)
    completion.register(app)
    app.register_install_completion_command(add_to_startup=False)
    return app


_MOST_CONFIG = 1 << 20  # bytes


def read_config(path: Path) -> dict[str, Any]:
    """Return the options in a TOML file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of at most 1 MiB, is not TOML, or holds a table.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    from embkit.streams import open_file

    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path}: config must be a file, got a folder, a pipe or a device")
    with open_file(path) as file:  # its size says nothing where the system makes it up
        content = file.read(_MOST_CONFIG + 1)
    if len(content) > _MOST_CONFIG:
        raise ValueError(f"{path}: config must have at most {_MOST_CONFIG} bytes, got more")
    try:
        options = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise ValueError(f"{path}: config must be TOML: {error}") from error
    for name, value in options.items():
        if isinstance(value, dict):
            raise ValueError(f"{path}: config must hold options only, got the table [{name}]")
    return {name.replace("_", "-"): value for name, value in options.items()}


def _config_path(tokens: Sequence[str]) -> Path | None:
    """Find ``--config`` before the options are parsed: the file gives their values."""
    for position, token in enumerate(tokens):
        if token == "--config" and position + 1 < len(tokens):
            return Path(tokens[position + 1])
        if token.startswith("--config="):
            return Path(token.partition("=")[2])
    return None


def options_from(options: Mapping[str, Any], path: Path) -> Callable[..., None]:
    """Return a step of the parser that takes options, and refuses those of no such name."""
    from cyclopts.config import Dict

    def take(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        given = [name for argument in arguments for name in argument.names]
        names = {name.lstrip("-") for name in given if not re.match("-[a-z]", name)}
        for name in options:
            if name not in names or name == "config":
                ours = peer_names("".join(commands[1:2])) if commands[:1] == ("train",) else {}
                close = difflib.get_close_matches(name, names - {name}, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                hint = f", which is called {ours[name]}" if ours.get(name) in names else hint
                raise ValueError(f"{path}: there is no option {name} here{hint}")
        nested = dict(options)
        for command in reversed(commands):  # or what is called like a command gets lost
            nested = {command: nested}
        Dict(nested, source=str(path))(app, commands, arguments)

    return take


def read_sizes(_app: App, _commands: object, arguments: ArgumentCollection) -> None:
    """Take a size such as 4G for options of the library, which are plain numbers there."""
    for argument in arguments:
        if argument.name == "--max-input-bytes":
            for place, token in enumerate(argument.tokens):
                size = parse_size(token.value, "max_input_bytes")
                argument.tokens[place] = token.evolve(value=str(size))


def limit_the_readers(_app: App, _commands: object, arguments: ArgumentCollection) -> None:
    """Let ``--memory`` hold for every file that the command reads, sets and words too."""
    for argument in arguments:
        if "--memory" in argument.names and argument.tokens:
            limit_readers(parse_size(argument.tokens[-1].value))


def check_values(_app: App, _commands: object, arguments: ArgumentCollection) -> None:
    """Refuse what the parser would take for something else.

    That is a fraction where a whole number is due, which would be rounded, and an empty name of
    a file, such as a shell's variable that is not set, which would be the current folder.
    """
    for argument in arguments:
        name = argument.name.lstrip("-").replace("-", "_")
        is_whole = argument.hint in (int, int | None) and argument.parameter.converter is None
        is_path = Path in (argument.hint, *get_args(argument.hint))
        for token in argument.tokens:
            if is_whole and "." in token.value:
                raise ValueError(f"{name} must be a whole number, got {token.value!r}")
            if is_path and not token.value:
                raise ValueError(f"{name} must be the name of a file or folder, got ''")


def _missing(error: MissingArgumentError) -> str:
    """Say what is missing as one who has not thought of it would understand."""
    if error.keyword is not None or error.argument is None:
        return str(error)
    command = " ".join(["embkit", *(error.command_chain or ())])
    return f"{error.argument.name} must be given: {command} --help"


def _unused(error: UnusedCliTokensError) -> str:
    """Say which argument is one too many."""
    first = show_dash_in((error.unused_tokens or [""])[0])
    command = " ".join(["embkit", *(error.command_chain or ())])
    return f"there is no argument that {first!r} could be: {command} --help"


_GROUPS = {("train",): "method", ("eval",): "task"}  # what the subcommands of each are called


def _unknown(error: UnknownCommandError) -> str:
    """Say that a method or task is missing where a file or an option stands in its place."""
    app, token = error.app, show_dash_in((error.unused_tokens or [""])[0])
    is_input = token.startswith("-") or any(mark in token for mark in "./*")
    if app is None or app.name not in _GROUPS or not (is_input or Path(token).exists()):
        return str(error)
    names = ", ".join(name for name in app if not name.startswith("-"))
    return f"{_GROUPS[app.name]} must be given before {token!r}, one of {names}"


@dataclass
class _Shown:
    """What holds before the options are parsed, and where they cannot be."""

    quiet: bool = False
    debug: bool = False


def dispatch(tokens: Sequence[str], shown: _Shown) -> int:
    """Run one command line and return the exit code that the command asks for.

    Raises
    ------
    ValueError
        If an option or argument is wrong; other errors as the command raises them.
    """
    named = tokens[: tokens.index("--")] if "--" in tokens else tokens
    shown.quiet, shown.debug = bool({"--quiet", "-q"} & {*named}), "--debug" in named
    app = build_app()
    app.config = (show_dashes, read_sizes, check_values, limit_the_readers)
    if (path := _config_path(named)) is not None:
        options = read_config(path)
        shown.quiet = shown.quiet or options.get("quiet") is True
        shown.debug = shown.debug or options.get("debug") is True
        app.config = (options_from(options, path), *app.config)
    tokens = translate_peer_options(tokens, quiet=shown.quiet)
    _pass_on_warnings(quiet=shown.quiet)
    try:
        code = copy_context().run(
            app, hide_dash(tokens), exit_on_error=False, print_error=False
        )
    except MissingArgumentError as error:
        raise ValueError(_missing(error)) from error
    except UnknownCommandError as error:
        raise ValueError(_unknown(error)) from error
    except UnusedCliTokensError as error:
        raise ValueError(_unused(error)) from error
    except CycloptsError as error:
        raise ValueError(str(error)) from error
    return code if isinstance(code, int) else ExitCode.DONE


def _pass_on_warnings(*, quiet: bool) -> None:
    """Show on stderr what the library logs, such as what it tolerated in a file."""
    logger = logging.getLogger("embkit")
    logger.handlers = [handler for handler in logger.handlers if type(handler) is not _Notes]
    logger.addHandler(_Notes(logging.ERROR if quiet else logging.WARNING))


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(f"{record.levelname.lower()}: {record.getMessage()}")


def _signal_behind(error: BaseException) -> BaseException | None:
    """Return the signal during whose handling an error was raised, if that was so."""
    context = error.__context__
    while context is not None and not isinstance(context, (KeyboardInterrupt, Stopped)):
        context = context.__context__
    return context


def _cause_of(error: BaseException) -> BaseException | None:
    """Return what made Python itself fail, if that is known."""
    if (signal := _signal_behind(error)) is not None:
        return signal  # locks fail where one meets them in the midst of a wait
    try:
        Path.cwd()
    except FileNotFoundError as gone:
        return gone  # where there is no current folder imports fail in 3.13.0
    return None


def report(error: BaseException, *, debug: bool) -> int:
    """Tell an error in one line on stderr and return its exit code."""
    if debug:
        traceback.print_exception(error)
    code = exit_code_of(error)
    if code == ExitCode.INTERNAL and (cause := _cause_of(error)) is not None:
        error, code = cause, exit_code_of(cause)
    if code == ExitCode.BROKEN_PIPE:
        return code
    if code == ExitCode.INTERRUPT:
        message = "interrupted"
    elif code == ExitCode.INTERNAL:
        message = f"internal error, please report it: {type(error).__name__}: {error}"
        message += "" if debug else " (--debug shows where)"
    elif isinstance(error, OSError) and error.filename is not None:
        message = f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif isinstance(error, FileNotFoundError) and error.strerror == os.strerror(errno.ENOENT):
        message = (
            "the current folder does not exist any more"  # all else names what is not there
        )
    elif isinstance(error, OSError):
        message = error.strerror or str(error)
    elif isinstance(error, MemoryError) and str(error) in ("", "std::bad_alloc"):
        message = "not enough memory"
    else:
        message = str(error) or type(error).__name__
    if message.startswith("embedded null"):  # Python's, of a name that no file can have
        message = "a file must be named, where a name with a NUL was given"
    with contextlib.suppress(OSError):  # nobody listens; the exit code still tells
        print(f"embkit: error: {visible(show_dash_in(message))}", file=sys.stderr, flush=True)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    shown = _Shown()
    try:
        install_handlers()
        open_closed_streams()
        escape_what_stdout_lacks()
        look_for_room()
        code = dispatch(tokens, shown)
        sys.stdout.flush()  # a full disk or a closed pipe shows here, not after the exit
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # rich's way to end
            return ExitCode.BROKEN_PIPE
        return error.code if isinstance(error.code, int) else ExitCode.DONE
    except BaseException as error:
        if isinstance(error, OSError):
            name_stdout(error)
            silence_stdout()
        code = report(error, debug=shown.debug)
    return code
