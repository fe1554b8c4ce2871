"""Whose scores an attack differentiates: the victim's own, another linker's, every linker's in turn, or several at once."""

from __future__ import annotations

from robustmel.attacks import ATTACKS
from robustmel.linkers import LINKERS
from robustmel.registry import Component, is_file_component, suggestion
from robustmel.run.components import component_spec
from robustmel.run.grid import AttackSpec
from robustmel.run.jobs import ComponentSpec, Ensemble
from robustmel.run.keys import canonical

Source = ComponentSpec | Ensemble


class Sources:
    """The sources of the attacks of a grid; what cannot be is noted, not raised.

    Args:
        linkers: The grid's own.
        problems: Where problems are noted, once each.
    """

    def __init__(self, linkers: list[ComponentSpec], problems: list[str]) -> None:
        self._grid = linkers
        self._named: dict[str, ComponentSpec | None] = {made.title: made for made in linkers}
        self._problems = problems

    def of(self, spec: AttackSpec, victim: ComponentSpec) -> list[Source | None]:
        """The sources of an attack when it is aimed at a victim, one set each; [None] for an attack that asks nobody."""
        if ATTACKS.load(spec.attack.name).needs == "nothing":
            return [None]
        if spec.source == "victim":
            return [victim]
        if spec.source == "each":
            return list(self._with_gradients())
        if spec.source == "others":
            others: dict[str, ComponentSpec] = {}
            for made in self._with_gradients():
                others.setdefault(canonical(made.identity), made)  # one linker under two labels counts once
            others.pop(canonical(victim.identity), None)
            return [Ensemble(tuple(others.values()), "others")]
        if isinstance(spec.source, str):
            return [self._by_name(spec, spec.source)]
        members = [self._by_name(spec, title) for title in spec.source]
        return [Ensemble(tuple(made for made in members if made is not None))]

    def check(self, spec: AttackSpec, victim: ComponentSpec) -> None:
        """Notes why there is no such source for this victim."""
        several = not isinstance(spec.source, str) or spec.source in ("each", "others")
        written = f'"{spec.source}"' if isinstance(spec.source, str) else f"[{', '.join(spec.source)}]"
        if several and ATTACKS.load(spec.attack.name).needs == "nothing":
            self._problems.append(f"attack {spec.title} asks no linker, so source = {written} means nothing; leave it out")
            return
        found = self.of(spec, victim)
        if not found:
            self._problems.append(
                f'attack {spec.title}: source = "each" takes every linker of the grid that has gradients, and none has; add one'
            )
        for source in found:
            if isinstance(source, Ensemble) and spec.source == "others" and len(source.members) < 2:
                self._problems.append(
                    f'attack {spec.title}: source = "others" is an ensemble, and beside {victim.title} the grid has'
                    f' {source.names or "no linker"} with gradients; add linkers, or use source = "each"'
                )
            elif isinstance(source, Ensemble) and len({canonical(made.identity) for made in source.members}) < len(
                source.members
            ):
                self._problems.append(f"attack {spec.title}: of the ensemble {source.names} two are the same linker; drop one")

    def _with_gradients(self) -> tuple[ComponentSpec, ...]:
        return tuple(made for made in self._grid if hasattr(LINKERS.load(made.component.name), "logits"))

    def _by_name(self, spec: AttackSpec, title: str) -> ComponentSpec | None:
        if title not in self._named:
            if title in LINKERS or is_file_component(title):
                self._named[title] = component_spec(LINKERS, Component(title), self._problems)
            else:
                known = dict.fromkeys([*self._named, *LINKERS])
                self._problems.append(
                    f'attack {spec.title}: no linker is called "{title}". {suggestion(title, known)}'.rstrip(".")
                )
                return None
        return self._named[title]
