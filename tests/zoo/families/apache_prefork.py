"""httpd with the prefork MPM; a worker takes its heap at its first request, as mod_php and mod_perl do."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family

BINARY = Path("/usr/sbin/apache2")
MODULES = Path("/usr/lib/apache2/modules")
CONFIGURATION = """\
ServerRoot {directory}
ServerName localhost
PidFile {directory}/apache.pid
ErrorLog /proc/self/fd/2
Listen 127.0.0.1:{port}
User www-data
Group www-data
{mpm}
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule lua_module {modules}/mod_lua.so
LuaMapHandler "^/" {directory}/handler.lua handle
"""
PREFORK = """\
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
KeepAlive Off
StartServers {count}
MinSpareServers {count}
MaxSpareServers {count}
ServerLimit {count}
MaxRequestWorkers {count}
LuaScope thread
"""


class Apache(Family):
    mpm: str

    def missing(self) -> str | None:
        return None if BINARY.exists() else "httpd is not installed: apt install apache2"

    def argv(self) -> Sequence[str]:
        # The workers run as www-data, which cannot read a checkout in a home directory.
        shutil.copy(APPLICATIONS / "handler.lua", self.directory)
        configuration = self.directory / "apache.conf"
        mpm = self.mpm.format(modules=MODULES, count=self.count)
        configuration.write_text(
            CONFIGURATION.format(directory=self.directory, port=self.port, modules=MODULES, mpm=mpm)
        )
        return [str(BINARY), "-d", str(self.directory), "-f", str(configuration), "-DFOREGROUND"]

    def filled(self, pid: int) -> bool:
        return True


class ApachePrefork(Apache):
    name = "apache-prefork"
    group = "httpd.*"
    mpm = PREFORK


FAMILY = ApachePrefork
