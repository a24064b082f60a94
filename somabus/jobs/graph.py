"""A graph of drafts: who comes after whom, by the labels that they have within one batch."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from somabus.errors import JobRefusedError
from somabus.model.job import JobDraft


def ordered(drafts: Sequence[JobDraft]) -> list[int]:
    """Return the drafts' places in an order in which each comes after all that it waits for.

    Raises:
        JobRefusedError: they wait for each other in a circle; it is named. A label stands twice.
    """
    labels: dict[str, int] = {}
    for index, draft in enumerate(drafts):
        if draft.key is not None:
            raise JobRefusedError("a job with a key is submitted alone, not among many")
        if draft.label is not None and labels.setdefault(draft.label, index) != index:
            raise JobRefusedError(f"the label {draft.label!r} stands twice")
    graph: TopologicalSorter[int] = TopologicalSorter()
    for index, draft in enumerate(drafts):
        graph.add(index, *(labels[each] for each in draft.depends_on if each in labels))
        if draft.parent in labels:
            graph.add(labels[draft.parent], index)
    try:
        return list(graph.static_order())
    except CycleError as error:
        circle = " -> ".join(str(drafts[index].label) for index in error.args[1])
        raise JobRefusedError(f"these wait for each other in a circle: {circle}") from None
