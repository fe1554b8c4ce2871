"""Whom an attack asks: the victim as it stands or without its defence, another linker, every linker in turn, or several at once."""

from collections.abc import Callable
from dataclasses import replace

from robustmel.defences import DEFENCES
from robustmel.linkers import LINKERS
from robustmel.registry import Component, is_file_component, suggestion
from robustmel.run.components import ComponentSpec, Defended, Ensemble, Source, component_spec, identity
from robustmel.run.grid import AttackSpec
from robustmel.run.keys import canonical

UNDEFENDED = ComponentSpec(Component("none"), {}, identity("none", {}, DEFENCES.load("none"), {}), DEFENCES.load("none"))


class Sources:
    """The sources of the attacks of a grid; what cannot be is noted, not raised.

    Args:
        linkers: Of the grid.
        defences: Of the grid.
        problems: Where they are noted.
        behind: Makes a linker and a defence one; a defence by training is another linker, which only this knows.
    """

    def __init__(
        self,
        linkers: list[ComponentSpec],
        defences: list[ComponentSpec],
        problems: list[str],
        behind: Callable[[ComponentSpec, ComponentSpec], Defended] = Defended,
    ) -> None:
        self._grid, self._behind = linkers, behind
        self._named: dict[str, ComponentSpec | None] = {linker.title: linker for linker in linkers}
        self._defences = {"none": UNDEFENDED} | {defence.title: defence for defence in defences}
        self._problems = problems

    def of(self, spec: AttackSpec, attack: ComponentSpec, victim: Defended) -> list[Source | None]:
        """The sources of an attack when it is aimed at a victim, one set each; [None] for an attack that asks nobody."""
        if attack.loaded.needs == "nothing":
            return [None]
        guard = self._guard(spec, victim)
        if spec.source == "victim":
            return [_titled(self._behind(victim.linker, guard), named=spec.source_defence != "")]
        if spec.source == "each":
            return list(self._with_gradients(spec, guard))
        if spec.source == "others":
            others: dict[str, Defended] = {}
            for source in self._with_gradients(spec, guard):
                others.setdefault(canonical(source.identity), source)  # one linker under two labels counts once
            others = {key: source for key, source in others.items() if source.linker.identity != victim.linker.identity}
            return [Ensemble(tuple(others.values()), "others")]
        titles = [spec.source] if isinstance(spec.source, str) else spec.source
        named = [linker for linker in (self._by_name(spec, title) for title in titles) if linker is not None]
        members = tuple(_titled(self._behind(linker, guard), spec.source_defence != "") for linker in named)
        return list(members) if isinstance(spec.source, str) else [Ensemble(members)]

    def check(self, spec: AttackSpec, attack: ComponentSpec, victim: Defended) -> None:
        """Notes why there is no such source for this victim."""
        several = not isinstance(spec.source, str) or spec.source in ("each", "others")
        written = f'"{spec.source}"' if isinstance(spec.source, str) else f"[{', '.join(spec.source)}]"
        if several and attack.loaded.needs == "nothing":
            self._problems.append(f"attack {spec.title} asks no linker, so source = {written} has no effect; leave it out")
            return
        if spec.source_defence not in ("", "victim", *self._defences):
            self._problems.append(
                f'attack {spec.title}: its source is behind "{spec.source_defence}", which is not a defence of the grid.'
                f" {suggestion(spec.source_defence, self._defences)}".rstrip(".")
            )
        sources = self.of(spec, attack, victim)
        if not sources and spec.source == "each":
            self._problems.append(
                f'attack {spec.title}: source = "each" needs linkers with gradients, and the grid has none; add one'
            )
        for source in sources:
            if isinstance(source, Ensemble) and spec.source == "others" and len(source.members) < 2:
                self._problems.append(
                    f'attack {spec.title}: source = "others" is an ensemble, and beside {victim.title} the grid has'
                    f' {source.names or "no linker"} with gradients; add linkers, or use source = "each"'
                )
            elif isinstance(source, Ensemble) and len({canonical(member.identity) for member in source.members}) < len(
                source.members
            ):
                self._problems.append(f"attack {spec.title}: of the ensemble {source.names} two are the same linker; drop one")

    def _guard(self, spec: AttackSpec, victim: Defended) -> ComponentSpec:
        """What the source is behind."""
        if spec.source_defence == "victim" or (spec.source_defence == "" and spec.source == "victim"):
            return victim.defence
        return self._defences.get(spec.source_defence or "none", UNDEFENDED)

    def _with_gradients(self, spec: AttackSpec, guard: ComponentSpec) -> list[Defended]:
        able = [self._behind(linker, guard) for linker in self._grid]
        return [_titled(source, spec.source_defence != "") for source in able if source.capabilities.gradients]

    def _by_name(self, spec: AttackSpec, title: str) -> ComponentSpec | None:
        if title not in self._named:
            if title in LINKERS or is_file_component(title):
                self._named[title] = component_spec(LINKERS, Component(title), self._problems)
            else:
                nameable = dict.fromkeys([*self._named, *LINKERS])
                self._problems.append(
                    f'attack {spec.title}: no linker is called "{title}". {suggestion(title, nameable)}'.rstrip(".")
                )
                return None
        return self._named[title]


def _titled(source: Defended, named: bool) -> Defended:
    """`clip-world`, `clip-world behind jpeg`; `clip-world undefended` where the grid asks for no defence by name."""
    if source.undefended:
        return replace(source, label=f"{source.linker.title} undefended") if named else source
    return replace(source, label=f"{source.linker.title} behind {source.defence.title}")
