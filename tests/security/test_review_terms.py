"""Nobody is said to have accepted a text they never read (INV-02)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.domain.errors import InputError
from gate.workflow import terms
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import ADDRESS, POLICY, open_world

WITH_TERMS = POLICY.replace(
    "rules:\n",
    """\
terms:
  inner-source: {title: InnerSource terms, text: What I contribute is mine to give.}
prerequisites:
  - {id: terms-accepted, for: [contributors], terms: inner-source}
rules:
""",
    1,
)
CHANGED = WITH_TERMS.replace("mine to give.", "yours for ever.")


@pytest.mark.req("INV-02", "POL-03")
def test_terms_that_were_accepted_cannot_become_another_text_under_the_same_id(tmp_path: Path) -> None:
    with open_world(tmp_path / "world", policy=WITH_TERMS) as world:
        head = world.push("t", {"a": "1"})
        assert world.word(head) == "blocked"
        world.activate(CHANGED)
        world.activate(WITH_TERMS)
        (asked,) = terms.terms(world.parts, world.who("anna"))
        terms.accept(world.parts, world.who("anna"), asked.id, asked.digest, PASSWORD, ADDRESS, "accept-1")
        size = world.parts.log.head().size
        with pytest.raises(InputError, match="is not the one that people have accepted"):
            world.activate(CHANGED)
        assert world.parts.log.head().size == size
        world.activate(CHANGED.replace("inner-source", "inner-source-2"))
