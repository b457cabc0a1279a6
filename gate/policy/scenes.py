"""Fixtures laid over each other: what a test says goes over its fixture, and that over `base`.

`change`, `repository`, `directory` and each of `people` are merged key by key; everything else is replaced as a whole.
Every value remembers where it was written, so that a mistake in a fixture is reported there and not at its tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gate.policy.shape_tests import SceneShape, TestShape
from gate.policy.shape_words import Shape
from gate.policy.source import Place, Source

S = TypeVar("S", bound=Shape)
BASE = "base"
_MERGED = ("change", "repository", "directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A merged fixture. ``places`` are those of its keys, and of each person as ``people/<id>``."""

    shape: SceneShape
    places: Mapping[str, Place]

    def place(self, key: str) -> Place:
        return self.places.get(key, ())


def merge_scene(source: Source, fixtures: Mapping[str, SceneShape], test: TestShape, place: Place) -> Scene:
    """The scene of one test. Raises ``InputError`` for a fixture that does not exist."""
    if test.fixture != BASE and test.fixture not in fixtures:
        known = ", ".join(fixtures) or "none"
        raise source.error((*place, "fixture"), f"The fixture `{test.fixture}` is not declared.", f"Declared: {known}.")
    scene = Scene(shape=SceneShape(), places={})
    for name in dict.fromkeys((BASE, test.fixture)):
        if name in fixtures:
            scene = _lay_over(scene, fixtures[name], ("fixtures", name))
    return _lay_over(scene, test, place)


def _lay_over(below: Scene, above: SceneShape, place: Place) -> Scene:
    update: dict[str, object] = {}
    places = dict(below.places)
    for key in SceneShape.model_fields:
        if key not in above.model_fields_set:
            continue
        value = getattr(above, key)
        places[key] = (*place, key)
        if key in _MERGED:
            value = _over(getattr(below.shape, key), value)
        elif key == "people":
            places |= {f"people/{id}": (*place, "people", id) for id in value}
            value = below.shape.people | {id: _over(below.shape.people.get(id), one) for id, one in value.items()}
        update[key] = value
    return Scene(shape=below.shape.model_copy(update=update), places=places)


def _over(below: S | None, above: S | None) -> S | None:
    if below is None or above is None:
        return above
    return below.model_copy(update={key: getattr(above, key) for key in above.model_fields_set})
