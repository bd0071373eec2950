import sonicBoom from 'sonic-boom';
import type { Config } from '../config/config.ts';
import { secretVariables } from '../config/variables.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { createWarningThrottle } from './warningThrottle.ts';

/** A line waits at most so long for others to leave with. */
const longestDelayMs = 100;

/** Characters that wait while nothing can be written; what comes then is lost. */
const mostWaiting = 1_048_576;

/** What is said once for each call that fails; changes of state are few, and each counts. */
const mayFlood: ReadonlySet<GatewayEvent['type']> = new Set([
  'upstreamCallEnded',
  'redisRefused',
  'keysUnavailable',
]);

/** How much each level matters; nothing is written below the one that is configured. */
const severities = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: 70 };
type Level = keyof typeof severities;

/** Takes whole lines. */
export type LogDestination = { write: (line: string) => unknown };

type LogSettings = {
  level: Level;
  /** Values that must not stand in any line, wherever they come from. */
  secrets: readonly string[];
  destination?: LogDestination | undefined;
};

/** The log as the configuration wants it. */
export function createConfiguredLog(config: Config, destination?: LogDestination): Emit {
  const secrets = secretVariables.flatMap((name) => config[name] ?? []);
  return createLog({ level: config.LOG_LEVEL, secrets, destination });
}

/** Writes each event as one JSON line. */
export function createLog({ level: least, secrets, destination = createStdout() }: LogSettings): Emit {
  const redact = createRedaction(secrets);
  const toTime = createClock();

  function write(level: Level, event: GatewayEvent, repeated?: number): void {
    const { type } = event;
    const { severity: _, ...printed } = { severity: undefined, ...event };
    const fields = toFields(event.type === 'unexpectedError' ? toDescribed(event) : printed, 'type');
    const more = repeated === undefined ? '' : `,"repeated":${repeated}`;
    const line = `{"level":"${level}","time":"${toTime()}"${fields}${more},"msg":"${type}"}\n`;
    // The last gate before the line leaves: it also catches a secret inside a message or a stack.
    destination.write(redact(line));
  }

  const warnings = createWarningThrottle((event, repeated) => write(levelOf(event), event, repeated));
  return (event) => {
    const level = levelOf(event);
    if (severities[level] < severities[least]) return;
    // The last line of a gateway that stops leaves nothing untold.
    if (event.type === 'drained') warnings.flush();
    if ((level === 'warn' || level === 'error') && mayFlood.has(event.type)) warnings.warn(event);
    else write(level, event);
  };
}

function levelOf(event: GatewayEvent): Level {
  switch (event.type) {
    // Too many for a log: they are there to be counted.
    case 'requestEnded':
    case 'connectionsChanged':
    case 'upstreamCallStarted':
    case 'upstreamQueueChanged':
      return 'trace';
    case 'unexpectedError':
      return 'error';
    case 'apolloMessage':
    case 'upstreamCallEnded':
      return event.severity;
    case 'redisChanged':
      return event.state === 'up' ? 'info' : 'warn';
    case 'circuitChanged':
      return event.state === 'closed' ? 'info' : 'warn';
    case 'redisRefused':
    case 'upstreamPaused':
    case 'keysUnavailable':
    case 'tracesLost':
    case 'workerDied':
      return 'warn';
    case 'purged':
      return event.everywhere ? 'info' : 'warn';
    case 'upstreamRetry':
      return 'debug';
    case 'drained':
      return event.cut > 0 ? 'warn' : 'info';
    default:
      return 'info';
  }
}

function toDescribed(event: Extract<GatewayEvent, { type: 'unexpectedError' }>) {
  return { ...event, cause: describeCause(event.cause) };
}

/** Takes only named properties of a thrown value: an error object may carry requests, headers and keys. */
function describeCause(cause: unknown, depth = 0): unknown {
  if (!(cause instanceof Error)) {
    return { message: typeof cause === 'object' ? 'an object that is no error' : String(cause) };
  }
  const { name, message, stack } = cause;
  return {
    name: String(name),
    message: String(message),
    stack: String(stack),
    ...(cause.cause === undefined || depth === 5 ? {} : { cause: describeCause(cause.cause, depth + 1) }),
  };
}

function createRedaction(secrets: readonly string[]): (line: string) => string {
  // A secret shorter than this is none, and would eat ordinary words of the line.
  const escaped = secrets.filter(({ length }) => length >= 8).map((s) => JSON.stringify(s).slice(1, -1));
  return (line) => escaped.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line);
}

/**
 * Under load, lines leave together: a call of the system for each took a tenth of the time. Never more than a pipe takes
 * in one piece, so that lines of several workers do not mix.
 */
function createStdout(): LogDestination {
  const together = { minLength: 3584, maxWrite: 4096, periodicFlush: longestDelayMs };
  // Its types describe the default export otherwise to a bundler than to Node.
  const { SonicBoom } = sonicBoom as unknown as typeof import('sonic-boom');
  const stdout = new SonicBoom({ fd: 1, sync: true, maxLength: mostWaiting, ...together });
  // Nobody's answer should suffer for a log that cannot be written. What a full disk did not take is tried again.
  stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // Whoever read it has gone.
    if (code === 'EPIPE') stdout.destroy();
  });
  const isGone = () => 'destroyed' in stdout && stdout.destroyed === true;
  process.once('exit', () => isGone() || flush(stdout));
  return { write: (line) => isGone() || stdout.write(line) };
}

function flush(stdout: { flushSync: () => void }): void {
  try {
    stdout.flushSync();
  } catch {
    // It cannot be told any longer.
  }
}

/** ISO 8601, of which all but the milliseconds are made once a second. */
function createClock(): () => string {
  let madeSecond = 0;
  let upToSecond = '';
  return () => {
    const nowMs = Date.now();
    const second = Math.floor(nowMs / 1000);
    if (second !== madeSecond) upToSecond = new Date(nowMs).toISOString().slice(0, -4);
    madeSecond = second;
    return `${upToSecond}${String(nowMs % 1000).padStart(3, '0')}Z`;
  };
}

const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * The members of an object as JSON, each behind a comma, all but one. `JSON.stringify` takes twice as long for objects as
 * small as these.
 */
function toFields(fields: Readonly<Record<string, unknown>>, left?: string): string {
  let text = '';
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined && name !== left) text += `,"${name}":${toJson(value)}`;
  }
  return text;
}

function toJson(value: unknown): string {
  if (typeof value === 'string') return plainText.test(value) ? `"${value}"` : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  if (isRecord(value)) return `{${toFields(value).slice(1)}}`;
  // A number that JSON has no word for is null there.
  return JSON.stringify(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
