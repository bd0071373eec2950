import { writeFileSync } from 'node:fs';
import { wrk } from './processes.ts';

const connections = 16;
/** By then all threads of wrk are there. */
const delaySeconds = 1;

type Load = { url: string; script: string; lua: string; perSecond: number; seconds: number };

/** The 99th percentile in milliseconds at a constant rate, of the time since each request was due rather than sent. */
export async function measureP99(
  { url, script, lua, perSecond, seconds }: Load,
  round: number,
): Promise<number> {
  writeFileSync(script, lua + toSchedule((connections * 1000) / perSecond, round));
  // A thread for each connection, as each has a schedule of its own.
  const length = seconds + delaySeconds;
  const printed = await wrk(url, script, [`-t${connections}`, `-c${connections}`, `-d${length}`]);
  const [, asked, p99] = /asked (\d+) p99 (\S+)/.exec(printed) ?? [];
  if (p99 === undefined || Number(asked) < 0.97 * perSecond * seconds)
    throw new Error(`wrk sent ${asked} instead of ${perSecond * seconds}`);
  return Number(p99);
}

/** What makes wrk send at a constant rate: one request each `intervalMs` on each connection, each round other ones. */
function toSchedule(intervalMs: number, round: number): string {
  return `
local ffi = require("ffi")
ffi.cdef[[ typedef struct { long s, ns; } moment; int clock_gettime(int, moment *); ]]
local moment = ffi.new("moment")
local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.s) * 1000 + tonumber(moment.ns) / 1000000
end
local next, due
times = {}
threads = {}
setup = function(thread)
  threads[#threads + 1] = thread
  thread:set("position", #threads)
end
delay = function()
  if next == nil then
    math.randomseed(position + ${connections * round})
    local grid = math.ceil((now() + ${delaySeconds * 1000}) / ${intervalMs})
    next = (grid + position / ${connections}) * ${intervalMs}
  end
  next = next + ${intervalMs}
  -- wrk waits for whole milliseconds: what it sends later for that alone is not late.
  local wait = math.ceil(next - now())
  due = wait > 0 and now() + wait or next
  return math.max(0, wait)
end
response = function() times[#times + 1] = now() - due end
done = function()
  local all = {}
  for _, thread in ipairs(threads) do
    for _, time in ipairs(thread:get("times")) do all[#all + 1] = time end
  end
  table.sort(all)
  print("asked "..#all.." p99 "..all[math.ceil(0.99 * #all)])
end
`;
}
