/** What a check came to; `next` says what to do, where there is something to do. */
export type Verdict = { status: 'ok' | 'problem' | 'skipped'; reason: string; next?: string };

export function ok(reason: string, next?: string): Verdict {
  return { status: 'ok', reason, ...(next === undefined ? {} : { next }) };
}

export function problem(reason: string, next: string): Verdict {
  return { status: 'problem', reason, next };
}

export function skipped(reason: string, next: string): Verdict {
  return { status: 'skipped', reason, next };
}
