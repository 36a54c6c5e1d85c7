// What node's cluster serves: see zoo_app.py.
const cluster = require("cluster");
const crypto = require("crypto");
const http = require("http");
const { URL } = require("url");

if (cluster.isPrimary ?? cluster.isMaster) {
  for (let i = 0; i < Number(process.env.WORKERS); i++) cluster.fork();
} else {
  const heap = [];
  for (let i = 0; i < Number(process.env.HEAP_MIB) * 4; i++) heap.push(crypto.randomBytes(1 << 18));
  const used = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1000; };
  const server = http.createServer((request, response) => {
    const given = new URL(request.url, "http://x").searchParams;
    const number = (name) => Number(given.get(name) || 0);
    const stop = used() + number("ms");
    let sum = 0;
    for (const block of heap.slice(0, Math.floor((heap.length * number("touch")) / 100)))
      for (let at = 0; at < block.length; at += 4096) sum += block[at];
    while (used() < stop);
    setTimeout(() => response.end(String(process.pid)), number("hold"));
  });
  server.keepAliveTimeout = 0;
  server.listen(Number(process.env.PORT), "127.0.0.1");
}
