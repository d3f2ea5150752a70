-- Script of wrk: posts mails of one visitor after the other, and writes the results as JSON.
local headers = {["Content-Type"] = "application/json"}
local visitor = 0
local before = '{"to": "owner@inbox.example", "subject": "A question", "reply_to": "Visitor <visitor'
local after = '@example.org>", "body": "' .. string.rep("I would like to know more about this. ", 18) .. '"}'

request = function()
  visitor = visitor + 1
  return wrk.format("POST", nil, headers, before .. visitor .. after)
end

done = function(summary, latency, requests)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"seconds": %.6f, "answers": %d, "refused": %d, "lost": %d, "p50": %.6f, "p99": %.6f, "longest": %.6f}\n',
    summary.duration / 1e6, summary.requests, errors.status, lost,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
