"""On how many examples properties are tried: as many as a test says, or all times a factor.

``--hypothesis-profile=nightly``, which ``make properties`` gives, is that factor.
"""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""Examples of a property that says nothing."""
NIGHTLY = 200
"""Times as many in the nightly profile."""


def register_profiles() -> None:
    """Make hypothesis know the profiles, and choose the one that is used unless another is."""
    settings.register_profile("ci", max_examples=USUAL, deadline=None)
    settings.register_profile("nightly", max_examples=NIGHTLY * USUAL, deadline=None)
    settings.load_profile("ci")


def examples(count: int) -> int:
    """Return so many examples, times the factor of the profile in use."""
    return max(1, count * settings().max_examples // USUAL)
