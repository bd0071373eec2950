/** Everything that the log and the metrics learn about. Each event is emitted by the part in which it happens. */
export type GatewayEvent =
  | { type: 'started'; url: string; adminUrl: string | undefined; authMode: string }
  /** The value of an environment variable is ignored. */
  | { type: 'variableIgnored'; reason: string }
  | { type: 'draining'; listener: Listener }
  /** `cut`: requests that got a 503, because they outlasted the shutdown timeout. */
  | { type: 'drained'; listener: Listener; cut: number; durationMs: number }
  | { type: 'requestEnded'; listener: Listener; status: number; durationMs: number }
  /** `open`: all connections of the listener that are open now. */
  | { type: 'connectionsChanged'; listener: Listener; open: number }
  | OperationEnded
  | { type: 'upstreamCallStarted' }
  | UpstreamCallEnded
  /** Another attempt follows after the pause. `attempts`: those made so far. */
  | { type: 'upstreamRetry'; requestId: string; attempts: number; pauseMs: number }
  /** A call enters (1) or leaves (-1) the queue for the upstream. */
  | { type: 'upstreamQueueChanged'; change: 1 | -1 }
  /** `tenant`: a hash of the tenant's credentials. */
  | { type: 'circuitChanged'; tenant: string; state: 'closed' | 'open' | 'halfOpen' }
  /**
   * No calls are made for the tenant, because Zenskar answered one of them with `Retry-After` or 429. `shared`: a call of another process.
   */
  | { type: 'upstreamPaused'; tenant: string; durationMs: number; origin: 'response' | 'shared' }
  /** A cached total is not refreshed, because its last refresh has just failed. */
  | { type: 'refreshSkipped' }
  /** A valid total differs from the documented contract: `inexact_number` if its quantity has lost digits. */
  | { type: 'contractDrift'; requestId: string; kind: 'unknown_field' | 'missing_field' | 'inexact_number' }
  /** Zenskar rejected the gateway's own API key or organisation. */
  | { type: 'credentialsRejected'; requestId: string }
  | { type: 'redisChanged'; state: 'up' | 'refusing' | 'down'; reason: string | undefined }
  /** Redis answered a command with an error. */
  | { type: 'redisRefused'; command: string; reason: string }
  /** `everywhere`: false if Redis has not taken the purge yet. */
  | { type: 'purged'; everywhere: boolean }
  /** Purges that Redis has not taken yet; only with Redis. */
  | { type: 'purgesPending'; count: number }
  | RequestRejected
  /** The issuer's keys could not be fetched; the keys known so far stay in use. */
  | { type: 'keysUnavailable'; reason: string }
  /** The collector of traces did not accept a batch of this many spans. */
  | { type: 'tracesLost'; spans: number; reason: string }
  | { type: 'workersStarted'; workers: number; adminUrl: string | undefined }
  /** The primary starts another worker in its place. */
  | { type: 'workerDied'; pid: number | undefined; code: number | null; signal: string | null }
  /** A warning of Node or a library, such as of a deprecated function. */
  | {
      type: 'nodeWarning';
      name: string;
      code: string | undefined;
      message: string;
      stack: string | undefined;
    }
  /** A line of Apollo Server's own logger. */
  | { type: 'apolloMessage'; severity: 'debug' | 'error'; message: string }
  /** A thrown value that no other event describes. */
  | { type: 'unexpectedError'; requestId: string; cause: unknown };

type Listener = 'main' | 'admin';

export type OperationEnded = {
  type: 'operationEnded';
  requestId: string;
  /** Undefined without a trace. */
  traceId?: string | undefined;
  /** The operation's name in the document; null if it has none or the operation was not found. */
  operationName: string | null;
  /** The request's `operationName` if the document has no such operation: the caller's own text. */
  claimedName?: string | undefined;
  /** `partial`: some data and some errors. `cancelled`: the client closed the connection before the response. */
  outcome: 'ok' | 'partial' | 'failed' | 'cancelled';
  /** The distinct codes of its errors. */
  codes: readonly string[];
  /** Attempts that have ended before the response. A refresh in the background is not included. */
  upstreamCalls: number;
  /** The number of totals from each source, such as `memory` or `upstream`. */
  totals: Readonly<Record<string, number>>;
  responseCache: 'hit' | 'miss';
  /** `compiled`: by graphql-jit. `interpreted`: by graphql-js. Undefined if it was not executed. */
  execution: 'interpreted' | 'compiled' | undefined;
  durationMs: number;
};

type UpstreamCallEnded = {
  type: 'upstreamCallEnded';
  /** The level of its log line. */
  severity: 'debug' | 'warn' | 'error';
  requestId: string;
  traceId?: string | undefined;
  /** The HTTP status, or why there is none that counts. */
  result: number | 'error_page' | 'timeout' | 'connection' | 'aborted' | 'too_large';
  /** The connection's error code, such as `ECONNREFUSED`. */
  reason: string | undefined;
  /** Why the body of a 200 is invalid, or that the response is not Zenskar's. */
  problem: string | undefined;
  /** Response headers with which Zenskar's support finds the call. */
  upstreamIds: Readonly<Record<string, string>>;
  durationMs: number;
};

type RequestRejected = {
  type: 'requestRejected';
  listener: Listener;
  requestId: string;
  /** The code of the error in the response. */
  code: string;
  /** More than the response says; contains no credentials. */
  reason: string | undefined;
};

export type Emit = (event: GatewayEvent) => void;

/** Passes each event to all listeners, in their order. */
export function combine(...listeners: readonly Emit[]): Emit {
  return (event) => {
    for (const listener of listeners) listener(event);
  };
}
