import { type Level, type LevelWithSilent, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config/config.ts';
import { secretVariables } from '../config/variables.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { createStdout, type LogDestination } from './stdout.ts';
import { createWarningThrottle } from './warningThrottle.ts';

/** Shorter secrets are not redacted: they would match ordinary words. */
const minSecretLength = 8;
/** The causes of an error are followed this deep. */
const maxCauses = 5;

/** Warnings that can come once for each request; changes of state are few and are all logged. */
const throttled: ReadonlySet<GatewayEvent['type']> = new Set([
  'upstreamCallEnded',
  'credentialsRejected',
  'contractDrift',
  'redisRefused',
  'keysUnavailable',
  'nodeWarning',
]);

type LogSettings = {
  level: LevelWithSilent;
  /** Values that no line contains, wherever they come from. */
  secrets: readonly string[];
  destination: LogDestination;
};

type LogOutput = { destination?: LogDestination | undefined; onDrop: () => void };

/** The log with the configured level, without the configured secrets; to stdout unless there is a destination. */
export function createConfiguredLog(config: Config, { destination, onDrop }: LogOutput): Emit {
  const secrets = secretVariables.flatMap((name) => config[name] ?? []);
  return createLog({ level: config.LOG_LEVEL, secrets, destination: destination ?? createStdout(onDrop) });
}

/** Writes each event as one JSON line. */
export function createLog({ level: minLevel, secrets, destination }: LogSettings): Emit {
  const logger = pino(
    {
      level: minLevel,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      // The line has the type as its message and the severity as its level.
      serializers: { type: omit, severity: omit },
      // Whole lines are redacted, so that a secret inside a message or a stack is found as well.
      hooks: { streamWrite: createRedaction(secrets) },
    },
    destination,
  );

  function write(event: GatewayEvent, repeated?: number): void {
    const fields = event.type === 'unexpectedError' ? { ...event, cause: describeCause(event.cause) } : event;
    logger[levelOf(event)](repeated === undefined ? fields : { ...fields, repeated }, event.type);
  }

  const throttle = createWarningThrottle(write);
  return (event) => {
    const level = levelOf(event);
    if (!logger.isLevelEnabled(level)) return;
    // No line may follow the last one of a gateway that stops.
    if (event.type === 'drained') throttle.flush();
    if (throttled.has(event.type) && (level === 'warn' || level === 'error')) throttle.warn(event);
    else write(event);
  };
}

function levelOf(event: GatewayEvent): Level {
  switch (event.type) {
    // One or more for each request: metrics count them.
    case 'requestEnded':
    case 'connectionsChanged':
    case 'upstreamCallStarted':
    case 'upstreamQueueChanged':
    case 'refreshSkipped':
    case 'purgesPending':
      return 'trace';
    case 'unexpectedError':
    case 'credentialsRejected':
      return 'error';
    case 'apolloMessage':
    case 'upstreamCallEnded':
      return event.severity;
    case 'redisChanged':
      return event.state === 'up' ? 'info' : 'warn';
    case 'circuitChanged':
      return event.state === 'closed' ? 'info' : 'warn';
    case 'redisRefused':
    case 'contractDrift':
    case 'upstreamPaused':
    case 'keysUnavailable':
    case 'variableIgnored':
    case 'tracesLost':
    case 'nodeWarning':
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

function omit(): undefined {}

/** Only named properties of a thrown value: an error object may carry requests, headers and keys. */
function describeCause(cause: unknown, depth = 0): object {
  if (!(cause instanceof Error)) {
    return { message: typeof cause === 'object' ? 'an object that is no error' : String(cause) };
  }
  const { name, message, stack } = cause;
  const isLast = cause.cause === undefined || depth === maxCauses;
  return {
    name: String(name),
    message: String(message),
    stack: String(stack),
    ...(isLast ? {} : { cause: describeCause(cause.cause, depth + 1) }),
  };
}

function createRedaction(secrets: readonly string[]): (line: string) => string {
  const escaped = secrets
    .filter(({ length }) => length >= minSecretLength)
    .map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => escaped.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line);
}
