import { type DestinationStream, type Level, pino } from 'pino';
import type { Config } from '../config.ts';
import { secretVariables } from '../variables.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { createSampling } from './sampling.ts';

/** A line waits at most so long for others to leave with. */
const longestDelayMs = 100;

/** What is said once for each call that fails; changes of state are few, and each counts. */
const mayFlood: ReadonlySet<GatewayEvent['type']> = new Set([
  'upstreamCallEnded',
  'redisRefused',
  'keysUnavailable',
]);

type LogSettings = {
  level: Level | 'silent';
  /** Values that must not stand in any line, wherever they come from. */
  secrets: readonly string[];
  destination?: DestinationStream | undefined;
};

/** The log as the configuration wants it. */
export function createConfiguredLog(config: Config, destination?: DestinationStream): Emit {
  const secrets = secretVariables.flatMap((name) => config[name] ?? []);
  return createLog({ level: config.LOG_LEVEL, secrets, destination });
}

/** Writes each event as one JSON line. */
export function createLog({ level, secrets, destination }: LogSettings): Emit {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: createClock(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { cause: (cause: unknown) => describeCause(cause) },
      // The last gate before the line leaves: it also catches a secret inside a message or a stack.
      hooks: { streamWrite: createRedaction(secrets) },
    },
    destination ?? createStdout(),
  );
  const write = (level: Level, event: GatewayEvent, repeated?: number) => {
    const { type, ...fields } = event;
    logger[level](repeated === undefined ? fields : { ...fields, repeated }, type);
  };
  const warnings = createSampling((event, repeated) => write('warn', event, repeated));
  return (event) => {
    const level = levelOf(event);
    if (!logger.isLevelEnabled(level)) return;
    // The last line of a gateway that stops leaves nothing untold.
    if (event.type === 'drained') warnings.flush();
    if (level === 'warn' && mayFlood.has(event.type)) warnings.tell(event);
    else write(level, event);
  };
}

function levelOf(event: GatewayEvent): Level {
  switch (event.type) {
    // Too many for a log: they are there to be counted.
    case 'requestEnded':
    case 'connectionsChanged':
    case 'upstreamCallStarted':
    case 'upstreamLineChanged':
      return 'trace';
    case 'unexpectedError':
      return 'error';
    case 'apolloMessage':
      return event.severity;
    case 'upstreamCallEnded':
      return levelOfCall(event);
    case 'redisChanged':
      return event.state === 'up' ? 'info' : 'warn';
    case 'circuitChanged':
      return event.state === 'closed' ? 'info' : 'warn';
    case 'redisRefused':
    case 'tenantHeldBack':
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

/** A refusal of what the caller asked for is no trouble; its operation's line tells of it. */
function levelOfCall({ result, problem }: Extract<GatewayEvent, { type: 'upstreamCallEnded' }>): Level {
  if (result === 200) return problem === undefined ? 'debug' : 'warn';
  return result === 400 || result === 404 || result === 'aborted' ? 'debug' : 'warn';
}

/** Takes only named properties of a thrown value: an error object may carry requests, headers and keys. */
function describeCause(cause: unknown, depth = 0): unknown {
  if (!(cause instanceof Error)) {
    return { message: typeof cause === 'object' ? 'an object that is no error' : String(cause) };
  }
  const { name, message, stack } = cause;
  return {
    name,
    message,
    stack,
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
function createStdout(): DestinationStream {
  const stdout = pino.destination({ fd: 1, minLength: 3584, maxWrite: 4096, sync: true });
  setInterval(() => stdout.flush(), longestDelayMs).unref();
  process.once('exit', () => stdout.flushSync());
  return stdout;
}

/** The time as pino wants it, ISO 8601; made once for all lines of a millisecond. */
function createClock(): () => string {
  let atMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== atMs) {
      atMs = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}
