"""node's cluster: the primary accepts and hands connections to the workers in turn."""

import shutil
from collections.abc import Sequence

from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family


class NodeCluster(Family):
    name = "node-cluster"
    group = "node:cluster.*"
    keeps = True
    count = 2

    def missing(self) -> str | None:
        return None if shutil.which("node") else "node is not installed: apt install nodejs"

    def argv(self) -> Sequence[str]:
        node = shutil.which("node")
        assert node
        return [node, str(APPLICATIONS / "cluster.js")]


FAMILY = NodeCluster
