"""Which group and role each process has, remembered over samples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, is_not, itemgetter
from typing import NamedTuple

from swap_exporter.grouping import roles, selectors
from swap_exporter.grouping.grouping import Group, Grouping, Member, by_name
from swap_exporter.grouping.roles import Candidate, Reason, Role, Verdict
from swap_exporter.sampling.sample import Identity, Process, Sample
from swap_exporter.settings import Configuration, Entry
from swap_exporter.settings.template import Context

OVERFLOW = "(overflow)"
"""The group of the processes whose group would be one more than ``limits.groups``."""

_ESTABLISHED_SAMPLES = 2
"""A role is remembered when it has stood in so many samples: between fork and exec, and while a server puts
itself into the background, processes look for a moment like what they are not."""


_Match = tuple[Entry, Mapping[str, str]]
"""The entry that claims a process, and what its patterns captured."""


class _Place(NamedTuple):
    """The group of a process before names are limited, and whose claim put it there."""

    entry: Entry
    name: str
    owner: Identity
    joined: bool


@dataclass(slots=True)
class _Known:
    """What is remembered of a process until it is gone."""

    process: Process
    structure: tuple[object, ...]
    claim: _Place | None
    place: _Place | None = None
    parent: Identity | None = None
    """The first that was seen."""
    forked: bool | None = None
    same_program: bool = False
    told: tuple[Entry, Role | None] | None = None
    verdict: Verdict | None = None
    role_since: int = 0
    """The number of the sample from which it has had its role."""
    member: Member | None = None
    """In the last grouping; ``None`` for one that is in no group."""


class Grouper:
    """Groups one sample after the other. Unchanged processes cost a look-up and no regular expression."""

    def __init__(self, configuration: Configuration, context: Context) -> None:
        self._context = context
        self._known: dict[Identity, _Known] = {}
        self._matched: dict[tuple[str, tuple[str, ...]], _Match | None] = {}
        self._names: set[str] = set()
        self._own_names: dict[str, str] = {}
        """Names that the user's entries have produced, and their templates; the longest unused first."""
        self._sample_number = 0
        self._seen: Mapping[int, Process] = {}
        self._last = Grouping({}, (), 0)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Go on under another configuration: all is claimed again, who forked whom is not forgotten."""
        self._entries = configuration.entries
        self._children = configuration.children
        self._limits = configuration.limits
        own = {entry.name.text: entry.name.fixed for entry in self._entries if not entry.builtin}
        self._fixed_names = {_truncated(name, self._limits.name_bytes) for name in own if own[name]}
        self._own_names = {name: text for name, text in self._own_names.items() if text in own}
        for known in self._known.values():
            known.claim, known.told, known.structure = self._claim(known.process), None, ()
        self._seen = {}
        self._matched.clear()

    def assign(self, sample: Sample) -> Grouping:
        """Samples come in the order of their time."""
        self._sample_number += 1
        touched, renewed = self._meet(sample.processes)
        if touched:
            self._judge(sample.processes, self._place(sample.processes, touched))
            self._last = self._group(sample.processes)
        elif renewed:
            self._last = self._renewed(renewed, sample.processes)
        return self._last

    def _meet(self, processes: Mapping[int, Process]) -> tuple[list[_Known], list[_Known]]:
        """Remember who is new, forget who is gone, claim again who has changed. Returns all of these, and
        those of which only figures are new."""
        touched, renewed = [], []
        before, self._seen = self._seen, processes
        for process in compress(
            processes.values(), map(is_not, processes.values(), map(before.get, processes))
        ):
            identity = process.identity
            structure = _structure(process)
            known = self._known.get(identity)
            if known is None:
                known = self._known[identity] = _Known(process, structure, self._claim(process))
                touched.append(known)
            elif known.structure != structure or known.process.ended != process.ended:
                # At its end a process has no title any more, and in an exec none yet.
                if process.argv and not process.ended and _titling(known.process) != _titling(process):
                    known.claim, known.told = self._claim(process), None
                known.structure = structure
                touched.append(known)
            else:
                renewed.append(known)
            known.process = process
        self._matched.clear()
        if len(self._known) > len(processes):
            gone = [known for known in self._known.values() if not _is_in(known.process, processes)]
            for known in gone:
                del self._known[known.process.identity]
            touched.extend(gone)
        return touched, renewed

    def _claim(self, process: Process) -> _Place | None:
        found = self._first_match(process)
        if found is None:
            return None
        entry, matches = found
        name = entry.name.render(process, matches, self._context)
        return _Place(entry, _truncated(name, self._limits.name_bytes), process.identity, joined=False)

    def _first_match(self, process: Process) -> _Match | None:
        """Asked once for each title of a sample: workers that start together share theirs."""
        key = (process.comm, process.argv)
        if key not in self._matched:
            claims = ((entry, selectors.claim(entry, process)) for entry in self._entries)
            self._matched[key] = next(((entry, found) for entry, found in claims if found is not None), None)
        return self._matched[key]

    def _place(self, processes: Mapping[int, Process], touched: Iterable[_Known]) -> set[str]:
        """Put everybody into a group. Returns the names of those groups in which anything has changed."""
        self._note_own_names()
        changed = {known.place.name for known in touched if known.place is not None}
        placed: dict[int, _Place | None] = {}
        for process in processes.values():
            line: list[Process] = []
            following: Process | None = process
            while following is not None and following.pid not in placed:
                settled = placed[following.pid] = self._settled(following, processes)
                if settled is not None or not self._children:
                    break
                line.append(following)
                following = _parent(following, processes)
            found = placed[following.pid] if following is not None else None
            if found is not None and not found.joined:
                found = found._replace(joined=True)
            for descendant in line:
                placed[descendant.pid] = found
        for pid, place in placed.items():
            known = self._known[processes[pid].identity]
            if known.place != place:
                changed.update(moved.name for moved in (known.place, place) if moved is not None)
                known.place = place
        return changed

    def _settled(self, process: Process, processes: Mapping[int, Process]) -> _Place | None:
        """The place of a process, where its present parents have no say in it."""
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
        if (
            owner.claim is not None
            and self._admits(owner.claim)
            and known.parent != _identity(_parent(process, processes))
        ):
            return owner.claim._replace(joined=True)
        return None

    def _note_own_names(self) -> None:
        """Remember the names that the user's entries produce. A name outlives its last process, so that the
        catalogue does not fill a group whose processes restart; ``limits.groups`` such names are kept."""
        claims = (known.claim for known in self._known.values() if known.claim is not None)
        present = {claim.name: claim.entry.name.text for claim in claims if not claim.entry.builtin}
        empty = [name for name in self._own_names if name not in present]
        kept = empty[-self._limits.groups :]
        self._own_names = {name: self._own_names[name] for name in kept} | present

    def _admits(self, place: _Place) -> bool:
        """The catalogue adds nothing to a group that the user's own entries name."""
        if not place.entry.builtin:
            return True
        return place.name not in self._own_names and place.name not in self._fixed_names

    def _with_parent(
        self, known: _Known, claim: _Place, process: Process, processes: Mapping[int, Process]
    ) -> _Place:
        """Its claim, in its parent's group where its entry asks for that. An orphan keeps that group."""
        if not claim.entry.with_parent:
            return claim
        parent = _parent(process, processes)
        above = self._known[parent.identity].claim if parent is not None else None
        if above is not None and above.entry.builtin is claim.entry.builtin:
            return claim._replace(name=above.name)
        orphaned = known.parent is not None and known.parent != _identity(parent)
        return claim._replace(name=known.place.name) if orphaned and known.place is not None else claim

    def _judge(self, processes: Mapping[int, Process], names: set[str]) -> None:
        """Tell the roles in these groups anew: in the others nothing has changed on which they depend."""
        groups: dict[str, list[Candidate]] = {}
        for known in self._known.values():
            if known.place is not None and known.place.name in names:
                candidate = self._candidate(known, known.place, processes)
                groups.setdefault(known.place.name, []).append(candidate)
        for group in groups.values():
            for identity, verdict in roles.judge(group).items():
                known = self._known[identity]
                if known.verdict is None or known.verdict.role is not verdict.role:
                    known.role_since = self._sample_number
                known.verdict = verdict

    def _candidate(self, known: _Known, place: _Place, processes: Mapping[int, Process]) -> Candidate:
        process = known.process
        parent = _parent(process, processes)
        if known.parent is None:
            known.parent = _identity(parent)
        if parent is not None and known.parent == parent.identity:
            known.forked = _forked(process, parent)
            known.same_program = _same_program(process, parent, known.forked)
        if known.told is None or known.told[0] is not place.entry:
            known.told = (place.entry, roles.by_title(place.entry.roles, process.title))
        parent_place = self._known[parent.identity].place if parent is not None else None
        in_group = parent_place is not None and parent_place.name == place.name
        was, established = known.verdict, self._sample_number - known.role_since >= _ESTABLISHED_SAMPLES
        outlived = None
        if was is not None and known.parent != _identity(parent) and was.reason in _UNDER_A_PARENT:
            outlived = was.role if established else None
        return Candidate(
            process=process,
            roles=place.entry.roles,
            told=known.told[1],
            joined=place.joined,
            parent=_identity(parent) if in_group else None,
            forked=known.forked,
            same_program=known.same_program,
            was_master=was is not None and was.role is Role.MASTER and established,
            outlived=outlived,
            parent_catches=parent.caught_signals if parent is not None else 0,
        )

    def _group(self, processes: Mapping[int, Process]) -> Grouping:
        placed = [(process, self._known[process.identity]) for process in processes.values()]
        self._names = self._admitted(known.place.name for _, known in placed if known.place is not None)
        members: list[Member] = []
        ungrouped: list[Process] = []
        overflow = 0
        for process, known in placed:
            place, verdict = known.place, known.verdict
            if place is None or verdict is None:
                known.member = None
                ungrouped.append(process)
                continue
            group = place.name
            if group not in self._names:
                group, overflow = OVERFLOW, overflow + 1
            member = Member(process, group, verdict.role, place.entry, place.joined, verdict.reason)
            if known.member != member:
                known.member = member
            members.append(known.member)
        return Grouping(by_name(members, self._last.groups), tuple(ungrouped), overflow)

    def _renewed(self, renewed: Iterable[_Known], processes: Mapping[int, Process]) -> Grouping:
        """The same grouping, of the present readings of the same processes."""
        last, ungrouped = self._last, self._last.ungrouped
        of_group: dict[str, dict[int, Member]] = {}
        for known in renewed:
            if known.member is not None:
                known.member = known.member._replace(process=known.process)
                of_group.setdefault(known.member.group, {})[known.process.pid] = known.member
            else:
                ungrouped = ()
        groups = dict(last.groups)
        for name, present in of_group.items():
            members = groups[name].members
            groups[name] = Group(tuple(present.get(member.process.pid, member) for member in members))
        if ungrouped is not last.ungrouped:
            ungrouped = tuple(processes[process.pid] for process in last.ungrouped)
        return Grouping(groups, ungrouped, last.overflow)

    def _admitted(self, wanted: Iterable[str]) -> set[str]:
        """As many names as ``limits.groups`` allows: those that were there before first."""
        in_order = dict.fromkeys(wanted)
        names = self._names & in_order.keys()
        for name in in_order:
            if len(names) >= self._limits.groups:
                break
            names.add(name)
        return names


_UNDER_A_PARENT = frozenset(
    (
        Reason.CHILD,
        Reason.FORKED,
        Reason.INNER,
        Reason.THREADS,
        Reason.FIRST,
        Reason.SIGNALS,
        Reason.JOB,
        Reason.OUTLIVED,
    )
)

_titling = attrgetter("argv", "comm", "effective_uid", "cgroups")
"""What claims and names depend on."""

_structure = itemgetter(
    *map(
        Process._fields.index,
        ("parent_pid", "threads", "layout", "argv", "comm", "effective_uid", "cgroups", "caught_signals"),
    )
)
"""With ``ended`` everything in a process that groups and roles depend on. By index, which is fast: every
process is asked at every sample."""


def _parent(process: Process, processes: Mapping[int, Process]) -> Process | None:
    """Its parent, and not a younger process that has got the parent's pid."""
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
