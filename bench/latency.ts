import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from './contestants.ts';
import { median } from './goals.ts';
import { startUpstream, wrk } from './processes.ts';
import { load, type Settings, startContestant } from './throughput.ts';
import { toLua, type Workload } from './workloads.ts';

const connections = 16;
/** By then all threads of wrk have started. */
const delaySeconds = 1;
const rounds = 3;
const seconds = 4;

/** The 99th percentile in milliseconds at half of the maximal rate: the median of the rounds, NaN if the rate was not reached. */
export async function measureP99(
  contestant: Contestant,
  workload: Workload,
  settings: Settings,
): Promise<number> {
  const upstream = await startUpstream(workload.upstreamDelayMs);
  const server = await startContestant(contestant, workload, { settings, upstream });
  try {
    await load(contestant, workload, { settings, server, seconds: settings.warmUpSeconds });
    const { perSecond } = await load(contestant, workload, { settings, server, seconds: 3 });
    const found: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const script = join(settings.folder, 'latency.lua');
      const lua = toLua(workload, contestant.idType, settings.nextSeries());
      writeFileSync(script, lua + toSchedule((connections * 1000) / (perSecond / 2)));
      found.push(await runAtConstantRate(server.url, script, perSecond / 2));
    }
    return median(found);
  } finally {
    await Promise.all([server.stop(), upstream.stop()]);
  }
}

async function runAtConstantRate(url: string, script: string, perSecond: number): Promise<number> {
  // One thread per connection, as each has its own schedule.
  const load = [`-t${connections}`, `-c${connections}`, `-d${seconds + delaySeconds}`];
  const printed = await wrk(url, script, load);
  const [, answers, wrong, p99] = /answers (\d+) wrong (\d+) p99 (\S+)/.exec(printed) ?? [];
  if (Number(wrong) > 0) throw new Error(`${wrong} answers have errors or no data.`);
  // Too few answers: wrk did not reach the rate.
  return Number(answers) < 0.97 * perSecond * seconds ? Number.NaN : Number(p99);
}

/**
 * Makes wrk send one request every `intervalMs` on each connection. A response time counts from when the request was due, not from
 * when it was sent, so that a stalled server cannot hide the requests that it delays.
 */
function toSchedule(intervalMs: number): string {
  return `
local ffi = require("ffi")
ffi.cdef[[ typedef struct { long s, ns; } instant; int clock_gettime(int, instant *); ]]
local instant = ffi.new("instant")
local function now()
  ffi.C.clock_gettime(1, instant)
  return tonumber(instant.s) * 1000 + tonumber(instant.ns) / 1000000
end
local next, due
times = {}
wrong = 0
delay = function()
  if next == nil then
    local start = math.ceil((now() + ${delaySeconds * 1000}) / ${intervalMs})
    next = (start + number / ${connections}) * ${intervalMs}
  end
  next = next + ${intervalMs}
  -- wrk waits for whole milliseconds: what it sends later for that alone is not late.
  local wait = math.ceil(next - now())
  due = wait > 0 and now() + wait or next
  return math.max(0, wait)
end
response = function(_, _, body)
  times[#times + 1] = now() - due
  if body:find('"errors"', 1, true) or not body:find('"data"', 1, true) then wrong = wrong + 1 end
end
done = function()
  local all, failed = {}, 0
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("wrong")
    for _, time in ipairs(thread:get("times")) do all[#all + 1] = time end
  end
  table.sort(all)
  print("answers "..#all.." wrong "..failed.." p99 "..all[math.ceil(0.99 * #all)])
end
`;
}
