"""Who in a group is master, worker or auxiliary. Pure: what is remembered of a process is handed in."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Roles


class Role(StrEnum):
    """A master forks and supervises, a worker serves, an auxiliary helps the server and serves nobody."""

    MASTER = "master"
    WORKER = "worker"
    AUXILIARY = "auxiliary"


class Reason(StrEnum):
    """Which rule told the role, for people."""

    TITLE = "its title says so"
    OTHER_PROGRAM = "it belongs to the group through its parent alone and runs another program"
    FORKED = "a parent in its group forked it, and it has not exec'd"
    FORKS = "it has forked processes of the same program"
    HAS_FORKED = "it had forked processes of the same program"
    THREADS = "it is the first child of its master, and alone has so few threads"
    FIRST = "it is the first child of its master"
    SIGNALS = "the signals that it handles are not those of a worker"
    JOB = "a worker forked it for a job"
    CHILD = "its parent is a master"
    INNER = "its parent is in its group and no master"
    OUTLIVED = "it keeps the role that it had under its parent"
    NO_KIN = "no process of its group is its parent or its child"


class Verdict(NamedTuple):
    role: Role
    reason: Reason


class Candidate(NamedTuple):
    """A process of a group, with what is known of it."""

    process: Process
    roles: Roles
    """Of the entry that claims it, or the ancestor through which it joined."""
    told: Role | None
    """What its title tells: :func:`by_title`."""
    joined: bool
    """No entry claims it: it is in the group because its ancestor is."""
    parent: Identity | None
    """Its parent, where that is in the group."""
    forked: bool | None
    """It has not exec'd since its parent forked it; ``None`` where that is not known."""
    same_program: bool
    """As its parent: not exec'd or, where that is not known, the same comm or argv[0]."""
    was_master: bool
    outlived: Role | None
    """The role that it had under a parent in the group that it has outlived."""
    parent_catches: int = 0
    """The signals that its parent handles, as in :class:`Process`."""


def by_title(roles: Roles, title: str) -> Role | None:
    """The role that an entry's patterns read off a title."""
    for role, pattern in (
        (Role.AUXILIARY, roles.auxiliary),
        (Role.MASTER, roles.master),
        (Role.WORKER, roles.worker),
    ):
        if pattern is not None and pattern.search(title) is not None:
            return role
    return None


def judge(group: Sequence[Candidate]) -> dict[Identity, Verdict]:
    """The role of each process of one group."""
    children: dict[Identity, list[Candidate]] = {}
    for candidate in group:
        if candidate.parent is not None and not candidate.process.ended:
            children.setdefault(candidate.parent, []).append(candidate)
    verdicts: dict[Identity, Verdict] = {}
    for candidate in _parents_first(group):
        own = children.get(candidate.process.identity, [])
        verdicts[candidate.process.identity] = _judge(candidate, own, children, verdicts)
    return verdicts


def _judge(
    candidate: Candidate,
    own_children: Iterable[Candidate],
    children: Mapping[Identity, Sequence[Candidate]],
    verdicts: Mapping[Identity, Verdict],
) -> Verdict:
    if candidate.told is None and candidate.joined and not candidate.same_program:
        return Verdict(Role.AUXILIARY, Reason.OTHER_PROGRAM)
    if candidate.told in (None, Role.WORKER):
        if candidate.told is not None and candidate.outlived is Role.AUXILIARY:
            return Verdict(Role.AUXILIARY, Reason.OUTLIVED)
        mark = _mark(candidate, children, verdicts)
        if mark is not None:
            return Verdict(Role.AUXILIARY, mark)
    if candidate.told is not None:
        return Verdict(candidate.told, Reason.TITLE)
    kinship = _kinship(candidate, children, verdicts)
    # A worker may fork for itself (multiprocessing); a new master, as in a hot upgrade, has exec'd.
    if kinship is not None and candidate.forked:
        return kinship if kinship.reason is not Reason.CHILD else Verdict(kinship.role, Reason.FORKED)
    if any(map(_is_of_the_server, own_children)):
        return Verdict(Role.MASTER, Reason.FORKS)
    if candidate.was_master:
        return Verdict(Role.MASTER, Reason.HAS_FORKED)
    return kinship or Verdict(Role.WORKER, Reason.NO_KIN)


def _kinship(
    candidate: Candidate,
    children: Mapping[Identity, Sequence[Candidate]],
    verdicts: Mapping[Identity, Verdict],
) -> Verdict | None:
    """What its parent makes of it, the one that it has outlived first."""
    if candidate.outlived is not None:
        return Verdict(candidate.outlived, Reason.OUTLIVED)
    if candidate.parent is None or candidate.parent not in verdicts:
        return None
    if verdicts[candidate.parent].role is not Role.MASTER:
        return Verdict(Role.AUXILIARY, Reason.INNER)
    reason = _stands_out(candidate, children.get(candidate.parent, ()))
    if reason is not None:
        return Verdict(Role.AUXILIARY, reason)
    return Verdict(Role.WORKER, Reason.CHILD)


def _is_of_the_server(child: Candidate) -> bool:
    """Does having forked it make a master? A worker's ffmpeg and a resource tracker do not."""
    if not child.joined or child.told is Role.WORKER:
        return True
    return child.told is not Role.AUXILIARY and child.same_program


def _mark(
    candidate: Candidate,
    children: Mapping[Identity, Sequence[Candidate]],
    verdicts: Mapping[Identity, Verdict],
) -> Reason | None:
    """What shows that a child is an auxiliary although it may have the title of a worker."""
    roles = candidate.roles
    if candidate.parent is None or candidate.parent not in verdicts:
        return None
    if roles.job_children and verdicts[candidate.parent].role is not Role.MASTER:
        return Reason.JOB
    siblings = [
        sibling.process.caught_signals
        for sibling in children.get(candidate.parent, ())
        if sibling.told is Role.WORKER or (sibling.told is None and sibling.same_program)
    ]
    caught = candidate.process.caught_signals
    if (
        roles.worker_catches is not None
        and not _catches(caught, roles.worker_catches)
        and any(_catches(other, roles.worker_catches) for other in (candidate.parent_catches, *siblings))
    ):
        return Reason.SIGNALS
    if (
        roles.auxiliary_catches is not None
        and _catches(caught, roles.auxiliary_catches)
        and not all(_catches(other, roles.auxiliary_catches) for other in siblings)
    ):
        return Reason.SIGNALS
    return None


def _catches(caught: int, signal: int) -> bool:
    return caught >> (signal - 1) & 1 == 1


def _stands_out(candidate: Candidate, siblings: Iterable[Candidate]) -> Reason | None:
    """By ``auxiliary_threads``: httpd's cgid under a threaded MPM has no other mark. By ``auxiliary_first``:
    huey's scheduler has no mark at all."""
    if candidate.joined:
        return None
    others = [
        sibling.process
        for sibling in siblings
        if not sibling.joined and sibling.process.identity != candidate.process.identity
    ]
    if not others or not all(_born(candidate.process) < _born(other) for other in others):
        return None
    if candidate.roles.auxiliary_first:
        return Reason.FIRST
    threads = candidate.roles.auxiliary_threads
    if threads == candidate.process.threads and all(other.threads > threads for other in others):
        return Reason.THREADS
    return None


def _born(process: Process) -> tuple[int, int]:
    return (process.start_ticks, process.pid)


def _parents_first(group: Sequence[Candidate]) -> list[Candidate]:
    by_identity = {candidate.process.identity: candidate for candidate in group}
    ordered: dict[Identity, Candidate] = {}
    for candidate in group:
        line: dict[Identity, Candidate] = {}
        following: Candidate | None = candidate
        while following is not None:
            identity = following.process.identity
            # Seen in this very line: parents in a circle, which only a torn reading of /proc can show.
            if identity in ordered or identity in line:
                break
            line[identity] = following
            following = by_identity.get(following.parent) if following.parent is not None else None
        ordered.update(reversed(line.items()))
    return list(ordered.values())
