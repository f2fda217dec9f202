"""``embkit completion``: the script that lets a shell complete commands and options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App

from embkit.cli.options import FLATTEN, CommonOptions

EXAMPLE = "Example: source <(embkit completion bash)"


def register(app: App) -> None:
    """Add the command to the app whose completion it prints."""

    def completion(
        shell: Literal["bash", "zsh", "fish"],
        /,
        *,
        common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
    ) -> None:
        """Print the completion script of a shell.

        Parameters
        ----------
        shell
            The shell to write for.
        """
        print(app.generate_completion(shell=shell))

    app.command(completion, help_epilogue=EXAMPLE)
