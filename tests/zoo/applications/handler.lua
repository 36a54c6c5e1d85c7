-- What httpd serves: see zoo_app.py. A worker takes its heap at its first request.
local heap
local megabytes = tonumber(os.getenv("HEAP_MIB") or "0")

local function blocks()
  local random = io.open("/dev/urandom", "rb")
  local all = {}
  for i = 1, megabytes * 4 do all[i] = random:read(262144) end
  random:close()
  return all
end

function handle(r)
  local given = r:parseargs()
  heap = heap or blocks()
  local stop = os.clock() + tonumber(given["ms"] or "0") / 1000
  local sum = 0
  for i = 1, math.floor(#heap * tonumber(given["touch"] or "0") / 100) do
    for at = 1, #heap[i], 4096 do sum = sum + heap[i]:byte(at) end
  end
  while os.clock() < stop do end
  local hold = tonumber(given["hold"] or "0")
  if hold > 0 then r.usleep(hold * 1000) end
  local stat = io.open("/proc/self/stat")
  local body = string.format("%d", stat:read("n"))
  stat:close()
  r.headers_out["Content-Length"] = tostring(#body)
  r:write(body)
  return apache2.OK
end
