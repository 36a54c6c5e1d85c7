# What the Ruby servers of the zoo serve: see zoo_app.py.
$heap = Array.new(Integer(ENV.fetch("HEAP_MIB", "0")) * 4) { Random.bytes(1 << 18) }

def cpu_ms
  Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :float_millisecond)
end

run lambda { |env|
  given = Hash.new(0.0)
  env["QUERY_STRING"].split("&").each { |pair| name, value = pair.split("="); given[name] = Float(value) }
  stop = cpu_ms + given["ms"]
  $heap.first(($heap.size * given["touch"] / 100).to_i).each do |block|
    0.step(block.bytesize - 1, 4096) { |at| block.getbyte(at) }
  end
  nil while cpu_ms < stop
  sleep(given["hold"] / 1000) if given["hold"] > 0
  body = Process.pid.to_s
  [200, { "Content-Type" => "text/plain", "Content-Length" => body.bytesize.to_s }, [body]]
}
