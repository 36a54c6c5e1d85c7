"""Which processes of a group are master, worker or auxiliary. Pure: the caller passes the history in."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Roles


class Role(StrEnum):
    """A master forks and supervises, a worker serves requests, an auxiliary does other work."""

    MASTER = "master"
    WORKER = "worker"
    AUXILIARY = "auxiliary"


class Reason(StrEnum):
    """The rule that decided a role, as text for people."""

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


class RoleDecision(NamedTuple):
    """The role of a process, and why."""

    role: Role
    reason: Reason


class Candidate(NamedTuple):
    """A process of a group, with its history."""

    process: Process
    roles: Roles
    """From the entry that claims it, or that claims the ancestor through which it joined."""
    title_role: Role | None
    """The result of :func:`by_title`."""
    joined: bool
    """No entry claims it: it is in the group because an ancestor is."""
    parent: Identity | None
    """Its parent, if that is in the group."""
    forked: bool | None
    """It has not exec'd since its parent forked it; ``None`` if unknown."""
    same_program: bool
    """It runs its parent's program: it has not exec'd or, if unknown, has the same comm or argv[0]."""
    was_master: bool
    role_under_parent: Role | None
    """Its role under a parent in the group that has exited since."""
    parent_catches: int = 0
    """The signals that its parent handles, as in :class:`Process`."""


class _Family(NamedTuple):
    parent_role: Role | None
    """``None`` if the parent is outside of the group."""
    siblings: Sequence[Candidate]
    """The live children of the parent, the candidate included."""
    children: Sequence[Candidate]


def by_title(roles: Roles, title: str) -> Role | None:
    """The role whose pattern matches the title."""
    for role, pattern in (
        (Role.AUXILIARY, roles.auxiliary),
        (Role.MASTER, roles.master),
        (Role.WORKER, roles.worker),
    ):
        if pattern is not None and pattern.search(title) is not None:
            return role
    return None


def assign_roles(group: Sequence[Candidate]) -> dict[Identity, RoleDecision]:
    """Decide the role of each process of one group."""
    children: dict[Identity | None, list[Candidate]] = {}
    for candidate in group:
        if candidate.parent is not None and not candidate.process.ended:
            children.setdefault(candidate.parent, []).append(candidate)
    decisions: dict[Identity, RoleDecision] = {}
    for candidate in _parents_first(group):
        parent = decisions.get(candidate.parent) if candidate.parent is not None else None
        family = _Family(
            parent_role=parent.role if parent else None,
            siblings=children.get(candidate.parent, ()),
            children=children.get(candidate.process.identity, ()),
        )
        decisions[candidate.process.identity] = _decide(candidate, family)
    return decisions


def _decide(candidate: Candidate, family: _Family) -> RoleDecision:
    """The first rule that applies decides: another program, signs of an auxiliary, title, kinship."""
    title_role = candidate.title_role
    if title_role is None and candidate.joined and not candidate.same_program:
        return RoleDecision(Role.AUXILIARY, Reason.OTHER_PROGRAM)
    if title_role is Role.WORKER and candidate.role_under_parent is Role.AUXILIARY:
        return RoleDecision(Role.AUXILIARY, Reason.OUTLIVED)
    if title_role in (None, Role.WORKER) and (reason := _auxiliary_reason(candidate, family)) is not None:
        return RoleDecision(Role.AUXILIARY, reason)
    if title_role is not None:
        return RoleDecision(title_role, Reason.TITLE)
    by_parent = _by_parent(candidate, family)
    # A worker may fork for itself (multiprocessing); a new master, as in a hot upgrade, has exec'd.
    if by_parent is not None and candidate.forked:
        return RoleDecision(by_parent.role, Reason.FORKED) if by_parent.reason is Reason.CHILD else by_parent
    if any(map(_runs_the_server, family.children)):
        return RoleDecision(Role.MASTER, Reason.FORKS)
    if candidate.was_master:
        return RoleDecision(Role.MASTER, Reason.HAS_FORKED)
    return by_parent or RoleDecision(Role.WORKER, Reason.NO_KIN)


def _by_parent(candidate: Candidate, family: _Family) -> RoleDecision | None:
    """The role that follows from the parent; after the parent's exit, the one that it had before."""
    if candidate.role_under_parent is not None:
        return RoleDecision(candidate.role_under_parent, Reason.OUTLIVED)
    if family.parent_role is None:
        return None
    if family.parent_role is not Role.MASTER:
        return RoleDecision(Role.AUXILIARY, Reason.INNER)
    reason = _first_child_reason(candidate, family.siblings)
    if reason is not None:
        return RoleDecision(Role.AUXILIARY, reason)
    return RoleDecision(Role.WORKER, Reason.CHILD)


def _runs_the_server(child: Candidate) -> bool:
    """Whether having this child makes a process a master. A worker's ffmpeg and a resource tracker do not."""
    if not child.joined or child.title_role is Role.WORKER:
        return True
    return child.title_role is not Role.AUXILIARY and child.same_program


def _auxiliary_reason(candidate: Candidate, family: _Family) -> Reason | None:
    """Why a child is an auxiliary although it may have the title of a worker."""
    roles = candidate.roles
    if family.parent_role is None:
        return None
    if roles.job_children and family.parent_role is not Role.MASTER:
        return Reason.JOB
    siblings = [
        sibling.process.caught_signals
        for sibling in family.siblings
        if sibling.title_role is Role.WORKER or (sibling.title_role is None and sibling.same_program)
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


def _first_child_reason(candidate: Candidate, siblings: Iterable[Candidate]) -> Reason | None:
    """Why the first child of a master is an auxiliary. Under a threaded MPM httpd's cgid differs from workers
    only in its threads (``auxiliary_threads``), huey's scheduler in nothing (``auxiliary_first``)."""
    if candidate.joined:
        return None
    others = [
        sibling.process
        for sibling in siblings
        if not sibling.joined and sibling.process.identity != candidate.process.identity
    ]
    if not others or not all(_start_order(candidate.process) < _start_order(other) for other in others):
        return None
    if candidate.roles.auxiliary_first:
        return Reason.FIRST
    threads = candidate.roles.auxiliary_threads
    if threads == candidate.process.threads and all(other.threads > threads for other in others):
        return Reason.THREADS
    return None


def _start_order(process: Process) -> tuple[int, int]:
    return (process.start_ticks, process.pid)


def _parents_first(group: Sequence[Candidate]) -> list[Candidate]:
    by_identity = {candidate.process.identity: candidate for candidate in group}
    ordered: dict[Identity, Candidate] = {}
    for candidate in group:
        line: dict[Identity, Candidate] = {}
        following: Candidate | None = candidate
        while following is not None:
            identity = following.process.identity
            # In this line already: parents in a circle, which only a torn read of /proc can show.
            if identity in ordered or identity in line:
                break
            line[identity] = following
            following = by_identity.get(following.parent) if following.parent is not None else None
        ordered.update(reversed(line.items()))
    return list(ordered.values())
