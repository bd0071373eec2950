import { writeFileSync } from 'node:fs';
import { wrk } from './processes.ts';

const connections = 16;

type Load = { url: string; script: string; lua: string; perSecond: number; seconds: number };

/** The 99th percentile in milliseconds at a constant rate, of the time since each request was due rather than sent. */
export async function measureP99({ url, script, lua, perSecond, seconds }: Load): Promise<number> {
  writeFileSync(script, lua + toSchedule((connections * 1000) / perSecond));
  // A thread for each connection, as each has a schedule of its own.
  const printed = await wrk(url, script, [`-t${connections}`, `-c${connections}`, `-d${seconds}`]);
  return Number(/p99 (\S+)/.exec(printed)?.[1]);
}

/** What makes wrk send at a constant rate: one request each `intervalMs` on each connection. */
function toSchedule(intervalMs: number): string {
  return `
local ffi = require("ffi")
ffi.cdef[[ typedef struct { long s, ns; } moment; int clock_gettime(int, moment *); ]]
local moment = ffi.new("moment")
local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.s) * 1000 + tonumber(moment.ns) / 1000000
end
local due
times = {}
threads = {}
setup = function(thread)
  threads[#threads + 1] = thread
  thread:set("position", #threads)
end
delay = function()
  if due == nil then
    math.randomseed(position)
    due = now() + position / ${connections} * ${intervalMs}
  end
  due = due + ${intervalMs}
  return math.max(0, math.ceil(due - now()))
end
response = function() times[#times + 1] = now() - due end
done = function()
  local all = {}
  for _, thread in ipairs(threads) do
    for _, time in ipairs(thread:get("times")) do all[#all + 1] = time end
  end
  table.sort(all)
  print("p99 "..all[math.ceil(0.99 * #all)])
end
`;
}
