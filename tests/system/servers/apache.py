"""Apache httpd as Debian packs it, with the prefork MPM."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.system.servers.server import Server

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
KeepAlive Off
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule lua_module {modules}/mod_lua.so
StartServers {workers}
MinSpareServers {workers}
MaxSpareServers {workers}
ServerLimit {workers}
MaxRequestWorkers {workers}
LuaScope thread
LuaMapHandler "^/" {directory}/handler.lua handle
"""
HANDLER = """\
local heap

function handle(r)
  local arguments = r:parseargs()
  if r.uri == "/cpu" then
    local stop = os.clock() + tonumber(arguments["ms"]) / 1000
    while os.clock() < stop do end
  elseif r.uri == "/heap" then
    local sum = 0
    heap = heap or {blocks}
    for _, block in ipairs(heap) do
      for at = 1, #block, 4096 do sum = sum + block:byte(at) end
    end
  end
  local stat = io.open("/proc/self/stat")
  r:write(string.format("%d", stat:read("n")))
  stat:close()
  return apache2.OK
end

function blocks(megabytes)
  local random = io.open("/dev/urandom", "rb")
  local all = {}
  for i = 1, megabytes do all[i] = random:read(1048576) end
  random:close()
  return all
end
"""


class Apache(Server):
    def __init__(self, workers: int = 3, private_megabytes: int = 0) -> None:
        """A worker takes its private heap at its first ``/heap``."""
        super().__init__()
        self.count = workers
        self.private_megabytes = private_megabytes

    def missing(self) -> str | None:
        return None if BINARY.exists() else "httpd is not installed: apt install apache2"

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "apache.conf"
        configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory, port=self.port, modules=MODULES, workers=self.count
            )
        )
        handler = self.directory / "handler.lua"
        handler.write_text(HANDLER.replace("{blocks}", f"blocks({self.private_megabytes})"))
        return [str(BINARY), "-d", str(self.directory), "-f", str(configuration), "-DFOREGROUND"]

    def _ready(self) -> bool:
        return super()._ready() and len(independent.children(self.pid)) == self.count
