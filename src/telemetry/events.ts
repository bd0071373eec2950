/** What happened in the gateway, as told by the part where it happened. */
export type GatewayEvent =
  | { type: 'started'; url: string; adminUrl: string | undefined; authMode: string }
  | { type: 'draining'; listener: 'main' | 'admin' }
  | { type: 'drained'; listener: 'main' | 'admin'; cut: number; durationMs: number }
  | { type: 'requestEnded'; listener: 'main' | 'admin'; status: number; durationMs: number }
  | { type: 'connectionsChanged'; listener: 'main' | 'admin'; open: number }
  | OperationEnded
  | { type: 'upstreamCallStarted' }
  | UpstreamCallEnded
  | { type: 'upstreamRetry'; requestId: string; attempts: number; pauseMs: number }
  /** A call steps into the line before the upstream, or out of it. */
  | { type: 'upstreamQueueChanged'; change: 1 | -1 }
  | { type: 'circuitChanged'; tenant: string; state: 'closed' | 'open' | 'halfOpen' }
  /** A 429 asked for a pause of all the tenant's calls. */
  | { type: 'upstreamPaused'; tenant: string; durationMs: number }
  | { type: 'redisChanged'; state: 'up' | 'down'; reason: string | undefined }
  | { type: 'redisRefused'; reason: string }
  | { type: 'purged'; everywhere: boolean }
  /** Somebody was not let in, or not for now. `reason` says more than the answer did, and nothing of the credentials. */
  | {
      type: 'requestRejected';
      listener: 'main' | 'admin';
      requestId: string;
      code: string;
      reason: string | undefined;
    }
  /** The issuer's keys could not be fetched; those that are known stay in use. */
  | { type: 'keysUnavailable'; reason: string }
  /** A collector did not take what was recorded. */
  | { type: 'tracesLost'; spans: number; reason: string }
  | { type: 'workersStarted'; workers: number; adminUrl: string | undefined }
  /** Another is started in its place. */
  | { type: 'workerDied'; pid: number | undefined; code: number | null; signal: string | null }
  /** Apollo Server speaking for itself. */
  | { type: 'apolloMessage'; severity: 'debug' | 'error'; message: string }
  /** An error that no code of ours foresaw; `cause` is what was thrown. */
  | { type: 'unexpectedError'; requestId: string; cause: unknown };

export type OperationEnded = {
  type: 'operationEnded';
  requestId: string;
  /** Undefined where there is no trace. */
  traceId?: string | undefined;
  /** The name that its document gives it; null where it has none or could not be found. */
  operationName: string | null;
  /** What the client calls one that could not be found: may be anything. */
  claimedName?: string | undefined;
  /** `partial`: some data and some errors. `cancelled`: the client left before the answer. */
  outcome: 'ok' | 'partial' | 'failed' | 'cancelled';
  /** The distinct codes of its errors. */
  codes: readonly string[];
  upstreamCalls: number;
  /** How many totals came from where. */
  totals: Readonly<Record<string, number>>;
  /** Whether the whole answer was there already. */
  responseCache: 'hit' | 'miss';
  /** How it was executed; undefined where it was not. */
  execution: 'interpreted' | 'compiled' | undefined;
  durationMs: number;
};

type UpstreamCallEnded = {
  type: 'upstreamCallEnded';
  requestId: string;
  traceId?: string | undefined;
  /** The HTTP status, or why there is none. */
  result: number | 'timeout' | 'connection' | 'aborted' | 'too_large';
  /** The connection's error code, such as `ECONNREFUSED`. */
  reason: string | undefined;
  /** What is wrong with the body of a 200. */
  problem: string | undefined;
  /** The level of its log line. */
  severity: 'debug' | 'warn' | 'error';
  /** The ids by which the upstream's support would find this call. */
  upstreamIds: Readonly<Record<string, string>>;
  durationMs: number;
};

export type Emit = (event: GatewayEvent) => void;

/** Tells several of each event. */
export function combine(...listeners: readonly Emit[]): Emit {
  return (event) => {
    for (const tell of listeners) tell(event);
  };
}
