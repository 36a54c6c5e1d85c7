"""Which group and role each process has, with a memory from sample to sample."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import NamedTuple

from swap_exporter.grouping import roles, selectors
from swap_exporter.grouping.grouping import Group, Grouping, Member, by_name
from swap_exporter.grouping.roles import Candidate, Reason, Role, RoleDecision
from swap_exporter.sampling.sample import Identity, Process, Sample
from swap_exporter.settings import Configuration, Entry
from swap_exporter.settings.template import TemplateContext

OVERFLOW = "(overflow)"
"""The group of all processes whose own group would exceed ``limits.groups``."""

_ESTABLISHED_SAMPLES = 2
"""A process keeps a role only after so many samples with it. Between fork and exec, and while a server moves
itself into the background, a process briefly looks like something else."""


_Match = tuple[Entry, Mapping[str, str]]
"""The entry that claims a process, and what its patterns captured."""


class _Place(NamedTuple):
    """A group for a process, before ``limits.groups`` applies."""

    entry: Entry
    name: str
    owner: Identity
    """The process that the entry claims: this one, or the ancestor through which it joined."""
    joined: bool


@dataclass(slots=True)
class _Known:
    """What is remembered of a process until it exits."""

    process: Process
    structure: tuple[object, ...]
    """Its :data:`_structure`."""
    claim: _Place | None
    """Where the entry that claims it would put it."""
    place: _Place | None = None
    """Where it is."""
    parent: Identity | None = None
    """The first parent that was seen."""
    forked: bool | None = None
    same_program: bool = False
    title_role: tuple[Entry, Role | None] | None = None
    """The role by its title, and the entry with the patterns."""
    decision: RoleDecision | None = None
    role_since: int = 0
    """The number of the sample in which it got its role."""
    member: Member | None = None
    """In the last grouping; ``None`` if it is in no group."""


class Grouper:
    """Groups one sample after the other. An unchanged process costs a look-up and no regular expression."""

    def __init__(self, configuration: Configuration, context: TemplateContext) -> None:
        self._context = context
        self._known: dict[Identity, _Known] = {}
        self._matched: dict[tuple[str, tuple[str, ...]], _Match | None] = {}
        self._names: set[str] = set()
        self._own_names: dict[str, str] = {}
        """Names that the user's entries have produced, with their templates; the longest unused first."""
        self._sample_number = 0
        self._seen: Mapping[int, Process] = {}
        self._last = Grouping({}, (), 0)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Use another configuration. All processes are claimed again; who forked them is remembered."""
        self._entries = configuration.entries
        self._children = configuration.children
        self._limits = configuration.limits
        own = {entry.name.text: entry.name.fixed for entry in self._entries if not entry.builtin}
        self._fixed_names = {_truncated(name, self._limits.name_bytes) for name in own if own[name]}
        self._own_names = {name: text for name, text in self._own_names.items() if text in own}
        for known in self._known.values():
            known.claim, known.title_role, known.structure = self._claim(known.process), None, ()
        self._seen = {}
        self._matched.clear()

    def assign(self, sample: Sample) -> Grouping:
        """Samples come in the order of their time."""
        self._sample_number += 1
        changed, refreshed = self._track(sample.processes)
        if changed:
            self._assign_roles(sample.processes, self._assign_places(sample.processes, changed))
            self._last = self._build(sample.processes)
        elif refreshed:
            self._last = self._refresh(refreshed, sample.processes)
        return self._last

    def _track(self, processes: Mapping[int, Process]) -> tuple[list[_Known], list[_Known]]:
        """Track new processes, forget exited ones, claim changed ones again. Returns all of these, and the
        processes of which only figures are new."""
        changed, refreshed = [], []
        before, self._seen = self._seen, processes
        for process in [found for pid, found in processes.items() if found is not before.get(pid)]:
            structure = _structure(process)
            known = self._known.get(process.identity)
            if known is None:
                known = self._known[process.identity] = _Known(process, structure, self._claim(process))
                changed.append(known)
            elif known.structure != structure or known.process.ended != process.ended:
                # A process has no title any more once it has ended, and none yet during exec.
                if (
                    process.argv
                    and not process.ended
                    and _claim_fields(known.process) != _claim_fields(process)
                ):
                    known.claim, known.title_role = self._claim(process), None
                known.structure = structure
                changed.append(known)
            else:
                refreshed.append(known)
            known.process = process
        self._matched.clear()
        if len(self._known) > len(processes):
            exited = [known for known in self._known.values() if not _is_in(known.process, processes)]
            for known in exited:
                del self._known[known.process.identity]
            changed.extend(exited)
        return changed, refreshed

    def _claim(self, process: Process) -> _Place | None:
        found = self._first_match(process)
        if found is None:
            return None
        entry, matches = found
        name = entry.name.render(process, matches, self._context)
        return _Place(entry, _truncated(name, self._limits.name_bytes), process.identity, joined=False)

    def _first_match(self, process: Process) -> _Match | None:
        """Searched once per title and sample: workers that start together have the same."""
        key = (process.comm, process.argv)
        if key not in self._matched:
            claims = ((entry, selectors.claim(entry, process)) for entry in self._entries)
            self._matched[key] = next(((entry, found) for entry, found in claims if found is not None), None)
        return self._matched[key]

    def _assign_places(self, processes: Mapping[int, Process], changed: Iterable[_Known]) -> set[str]:
        """Put every process into a group. Returns the names of the groups in which anything has changed.

        An entry's claim decides. With ``children``, a process without one joins the group of its nearest
        ancestor that has a group. It stays there after its ancestors have exited, and follows the ancestor
        through which it joined into another group.
        """
        self._note_own_names()
        names = {known.place.name for known in changed if known.place is not None}
        places: dict[int, _Place | None] = {}
        for process in processes.values():
            undecided: list[Process] = []
            ancestor: Process | None = process
            while ancestor is not None and ancestor.pid not in places:
                place = places[ancestor.pid] = self._own_place(ancestor, processes)
                if place is not None or not self._children:
                    break
                undecided.append(ancestor)
                ancestor = _parent(ancestor, processes)
            inherited = places[ancestor.pid] if ancestor is not None else None
            if inherited is not None:
                inherited = inherited._replace(joined=True)
            for descendant in undecided:
                places[descendant.pid] = inherited
        for pid, place in places.items():
            known = self._known[processes[pid].identity]
            if known.place != place:
                names.update(moved.name for moved in (known.place, place) if moved is not None)
                known.place = place
        return names

    def _own_place(self, process: Process, processes: Mapping[int, Process]) -> _Place | None:
        """The place of a process; ``None`` if its present ancestors decide.

        They do not decide for a process that is claimed, nor for one that joined through an ancestor and has
        lost that ancestor or its own parent since.
        """
        known = self._known[process.identity]
        if known.claim is not None:
            place = self._with_parent(known, known.claim, process, processes)
            if self._admits(place):
                return place
        if known.place is None or not known.place.joined or not self._admits(known.place):
            return None
        owner = self._known.get(known.place.owner)
        if owner is None:
            return known.place
        orphaned = known.parent != _identity(_parent(process, processes))
        if orphaned and owner.claim is not None and self._admits(owner.claim):
            return owner.claim._replace(joined=True)
        return None

    def _note_own_names(self) -> None:
        """Remember the names that the user's entries produce. Up to ``limits.groups`` are kept after their
        last process has exited: the catalogue must not fill a group while its processes restart."""
        claims = (known.claim for known in self._known.values() if known.claim is not None)
        present = {claim.name: claim.entry.name.text for claim in claims if not claim.entry.builtin}
        empty = [name for name in self._own_names if name not in present]
        kept = empty[-self._limits.groups :]
        self._own_names = {name: self._own_names[name] for name in kept} | present

    def _admits(self, place: _Place) -> bool:
        """Whether it may be used: the catalogue adds nothing to a group that the user's own entries name."""
        if not place.entry.builtin:
            return True
        return place.name not in self._own_names and place.name not in self._fixed_names

    def _with_parent(
        self, known: _Known, claim: _Place, process: Process, processes: Mapping[int, Process]
    ) -> _Place:
        """Its claim. If the entry has ``with_parent``: in the parent's group, which an orphan keeps."""
        if not claim.entry.with_parent:
            return claim
        parent = _parent(process, processes)
        parent_claim = self._known[parent.identity].claim if parent is not None else None
        if parent_claim is not None and parent_claim.entry.builtin is claim.entry.builtin:
            return claim._replace(name=parent_claim.name)
        orphaned = known.parent is not None and known.parent != _identity(parent)
        return claim._replace(name=known.place.name) if orphaned and known.place is not None else claim

    def _assign_roles(self, processes: Mapping[int, Process], names: set[str]) -> None:
        """Decide the roles in these groups again. In the others nothing has changed that roles depend on."""
        groups: dict[str, list[Candidate]] = {}
        for known in self._known.values():
            if known.place is not None and known.place.name in names:
                candidate = self._role_candidate(known, known.place, processes)
                groups.setdefault(known.place.name, []).append(candidate)
        for group in groups.values():
            for identity, decision in roles.assign_roles(group).items():
                known = self._known[identity]
                if known.decision is None or known.decision.role is not decision.role:
                    known.role_since = self._sample_number
                known.decision = decision

    def _role_candidate(self, known: _Known, place: _Place, processes: Mapping[int, Process]) -> Candidate:
        process = known.process
        parent = _parent(process, processes)
        if known.parent is None:
            known.parent = _identity(parent)
        if parent is not None and known.parent == parent.identity:
            known.forked = _forked(process, parent)
            known.same_program = _same_program(process, parent, known.forked)
        if known.title_role is None or known.title_role[0] is not place.entry:
            known.title_role = (place.entry, roles.by_title(place.entry.roles, process.title))
        parent_place = self._known[parent.identity].place if parent is not None else None
        in_group = parent_place is not None and parent_place.name == place.name
        kept = known.decision if self._sample_number - known.role_since >= _ESTABLISHED_SAMPLES else None
        orphaned = known.parent != _identity(parent)
        return Candidate(
            process=process,
            roles=place.entry.roles,
            title_role=known.title_role[1],
            joined=place.joined,
            parent=_identity(parent) if in_group else None,
            forked=known.forked,
            same_program=known.same_program,
            was_master=kept is not None and kept.role is Role.MASTER,
            role_under_parent=kept.role if kept and orphaned and kept.reason in _FROM_PARENT else None,
            parent_catches=parent.caught_signals if parent is not None else 0,
        )

    def _build(self, processes: Mapping[int, Process]) -> Grouping:
        placed = [(process, self._known[process.identity]) for process in processes.values()]
        self._names = self._within_limit(known.place.name for _, known in placed if known.place is not None)
        members: list[Member] = []
        ungrouped: list[Process] = []
        overflow = 0
        for process, known in placed:
            place, decision = known.place, known.decision
            if place is None or decision is None:
                known.member = None
                ungrouped.append(process)
                continue
            group = place.name
            if group not in self._names:
                group, overflow = OVERFLOW, overflow + 1
            member = Member(process, group, decision.role, place.entry, place.joined, decision.reason)
            if known.member != member:
                known.member = member
            members.append(known.member)
        return Grouping(by_name(members, self._last.groups), tuple(ungrouped), overflow)

    def _refresh(self, refreshed: Iterable[_Known], processes: Mapping[int, Process]) -> Grouping:
        """The last grouping, with the new figures of the same processes."""
        last, ungrouped = self._last, self._last.ungrouped
        by_group: dict[str, dict[int, Member]] = {}
        for known in refreshed:
            if known.member is not None:
                known.member = known.member._replace(process=known.process)
                by_group.setdefault(known.member.group, {})[known.process.pid] = known.member
            else:
                ungrouped = ()
        groups = dict(last.groups)
        for name, present in by_group.items():
            members = groups[name].members
            groups[name] = Group(tuple(present.get(member.process.pid, member) for member in members))
        if ungrouped is not last.ungrouped:
            ungrouped = tuple(processes[process.pid] for process in last.ungrouped)
        return Grouping(groups, ungrouped, last.overflow)

    def _within_limit(self, wanted: Iterable[str]) -> set[str]:
        """As many names as ``limits.groups`` allows, those of the last sample first."""
        in_order = dict.fromkeys(wanted)
        names = self._names & in_order.keys()
        for name in in_order:
            if len(names) >= self._limits.groups:
                break
            names.add(name)
        return names


_FROM_PARENT = frozenset(Reason) - {
    Reason.TITLE,
    Reason.OTHER_PROGRAM,
    Reason.FORKS,
    Reason.HAS_FORKED,
    Reason.NO_KIN,
}
"""The rules that depend on the parent."""

_claim_fields = attrgetter("argv", "comm", "effective_uid", "cgroups")
"""What claims and names depend on."""

_structure = itemgetter(
    *map(
        Process._fields.index,
        ("parent_pid", "threads", "layout", "argv", "comm", "effective_uid", "cgroups", "caught_signals"),
    )
)
"""All that groups and roles depend on, beside ``ended``. By index, which is fast: it runs for every process
that was read again."""


def _parent(process: Process, processes: Mapping[int, Process]) -> Process | None:
    """Its parent, unless a younger process has reused the parent's pid."""
    parent = processes.get(process.parent_pid)
    if parent is None or parent is process or parent.start_ticks > process.start_ticks:
        return None
    return parent


def _is_in(process: Process, processes: Mapping[int, Process]) -> bool:
    return _identity(processes.get(process.pid)) == process.identity


def _identity(process: Process | None) -> Identity | None:
    return process.identity if process is not None else None


def _forked(process: Process, parent: Process) -> bool | None:
    if process.layout is None or parent.layout is None:
        return None
    return process.layout == parent.layout


def _same_program(process: Process, parent: Process, forked: bool | None) -> bool:
    if forked is not None:
        return forked
    return process.comm == parent.comm or (bool(process.argv) and process.argv[:1] == parent.argv[:1])


def _truncated(name: str, size: int) -> str:
    encoded = name.encode(errors="replace")
    return name if len(encoded) <= size else encoded[:size].decode(errors="ignore")
