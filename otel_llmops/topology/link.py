"""What the files of a repository say together: who imports whom, in circles too, how coupled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otel_llmops.topology.coupling import ClassName, coupling
from otel_llmops.topology.cycles import Cycle, components, cycles
from otel_llmops.topology.facts import CONDITIONAL, TOP_LEVEL, TYPE_CHECKING, FileSummary
from otel_llmops.topology.imports import Dependency, Resolver, dependencies
from otel_llmops.topology.layout import Layout

__all__ = ["Linked", "link"]

_AT_IMPORT = frozenset({TOP_LEVEL, CONDITIONAL})


@dataclass(frozen=True, slots=True)
class Linked:
    """The edges between modules and classes; modules are paths but for `cycles`, which has names.

    `at_import_time` says of each cycle, in their order, whether top-level imports alone still
    make one of its modules import itself.
    """

    dependencies: Sequence[Dependency]
    external: Mapping[str, int]
    cycles: Sequence[Cycle]
    at_import_time: Sequence[bool]
    component: Mapping[str, int]
    classes_afferent: Mapping[ClassName, int]
    classes_efferent: Mapping[ClassName, int]


def link(layout: Layout, files: Mapping[str, FileSummary | None]) -> Linked:
    """Resolve the imports of all files.

    In:     path -> facts. What cannot be parsed has none, and can still be imported.
    Cost:   linear in imports and class references, beside the cycles.
    """
    resolver = Resolver(layout)
    parsed = {path: facts for path, facts in files.items() if facts is not None}
    imports = {path: facts.imports for path, facts in parsed.items()}
    targets = {
        path: [resolver.targets(path, one) for one in written] for path, written in imports.items()
    }
    found, external = dependencies(imports, targets)
    statements: Counter[tuple[str, str]] = Counter()
    at_import: dict[str, list[str]] = {}
    for edge in found:
        names = layout.names[edge.importer], layout.names[edge.imported]
        if edge.scope != TYPE_CHECKING:
            statements[names] += edge.statements
        if edge.scope in _AT_IMPORT:
            at_import.setdefault(names[0], []).append(names[1])
            at_import.setdefault(names[1], [])
    circles = cycles(statements)
    early = {name for part in components(at_import) if len(part) > 1 for name in part}
    references = {
        (path, one[1]): one[-1] for path, facts in parsed.items() for one in facts.classes
    }
    afferent, efferent = coupling(imports, targets, references)
    return Linked(
        dependencies=found,
        external=external,
        cycles=circles,
        at_import_time=[not early.isdisjoint(circle.modules) for circle in circles],
        component={
            name: number for number, circle in enumerate(circles) for name in circle.modules
        },
        classes_afferent=afferent,
        classes_efferent=efferent,
    )
