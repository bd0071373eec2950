import { randomUUID } from 'node:crypto';
import { createTenant } from '../../auth/tenant.ts';
import type { Config } from '../../config/config.ts';
import { userAgent } from '../../config/version.ts';
import { noSpan } from '../../telemetry/tracing.ts';
import {
  maxBodyBytes,
  type TotalParameters,
  toCallHeaders,
  toCommonHeaders,
  toPath,
} from '../../zenskar/request.ts';
import { type Answer, call } from './call.ts';
import { describeFailure } from './describeFailure.ts';
import { judgeAnswer } from './judgeAnswer.ts';
import type { Means } from './means.ts';
import type { Verdict } from './verdict.ts';

/** One total, as the command line names it. */
export type TotalIds = Pick<TotalParameters, 'entitlementId' | 'customerId'>;

/** Ids that need not exist: an answer to them says nothing of any customer. Fixed, so that Zenskar's log can tell them. */
const probe: TotalIds = {
  entitlementId: '00000000-0000-4000-8000-000000000000',
  customerId: '00000000-0000-4000-8000-000000000000',
};

type Upstream = { verdict: Verdict; answer: Answer | undefined };

/** Calls Zenskar once as the gateway would; without ids, for a total that need not exist. */
export async function checkUpstream(
  config: Config,
  ids: TotalIds | undefined,
  means: Means,
): Promise<Upstream> {
  const { ZENSKAR_URL: base, UPSTREAM_ATTEMPT_TIMEOUT_MS: timeoutMs } = config;
  const asked = { ...(ids ?? probe), startDate: null, endDate: null };
  const path = toPath(asked);
  const credentials = toCredentialHeaders(config);
  const outcome = await call({
    url: base + path,
    headers: {
      ...toCommonHeaders({ url: base, apiVersion: config.ZENSKAR_API_VERSION, userAgent }),
      ...credentials,
    },
    timeoutMs,
    maxBytes: maxBodyBytes,
    ...means,
    byProxy: false,
  });
  if (!outcome.ok) {
    const timeoutVariable = 'UPSTREAM_ATTEMPT_TIMEOUT_MS';
    const target = { url: base, urlVariable: 'ZENSKAR_URL', timeoutMs, timeoutVariable };
    return { verdict: describeFailure(outcome.failure, target), answer: undefined };
  }
  const { answer } = outcome;
  const question = {
    asked,
    base,
    path,
    isProbe: ids === undefined,
    hasCredentials: credentials !== undefined,
  };
  return { verdict: judgeAnswer(answer, question), answer };
}

/** With `AUTH_MODE=passthrough` there need be no credentials: the callers bring theirs. */
function toCredentialHeaders(config: Config) {
  const { ZENSKAR_URL: url, ZENSKAR_API_KEY: apiKey, ZENSKAR_ORGANISATION: organisation } = config;
  if (apiKey === undefined || organisation === undefined) return undefined;
  const tenant = createTenant({ apiKey, organisation, url, apiVersion: config.ZENSKAR_API_VERSION });
  return toCallHeaders({ tenant, requestId: `doctor-${randomUUID()}`, span: noSpan });
}
