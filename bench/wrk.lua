-- What wrk sends: each request asks for the next address. What it reports: one line of JSON, times in milliseconds.
-- Arguments: the first address's number, and the number of addresses, after which it begins anew.

local number, addresses, head, tail

function init(args)
  number, addresses = tonumber(args[1]), tonumber(args[2])
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = '{"email":"known######@example.com"}'
  local whole = wrk.format()
  local from, to = whole:find("######", 1, true)
  head, tail = whole:sub(1, from - 1), whole:sub(to + 1)
end

function request()
  local request = head .. string.format("%06d", number % addresses) .. tail
  number = number + 1
  return request
end

function done(summary, latency)
  local shares = { 0.001, 1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 99.99, 100 }
  local quantiles = {}
  for index, share in ipairs(shares) do
    quantiles[index] = string.format("%.3f", latency:percentile(share) / 1000)
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"faults":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d},"quantiles":[%s]}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status, table.concat(quantiles, ",")))
end
