import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { equalsConstantTime, toUuid } from '../text.ts';
import { readJsonBody } from './body.ts';
import { HttpError } from './errorResponse.ts';
import type { Route } from './router.ts';
import { type ConnectionLimits, createHttpServer, type HttpServer } from './server.ts';

const uuid = z.string().transform(toUuid).pipe(z.string());
const purgeBody = z.strictObject({ customerId: uuid, entitlementId: uuid.optional() });
const maxBodyBytes = 1024;

type PurgeTarget = z.output<typeof purgeBody>;

/** Purges totals on all replicas; false if Redis has not taken the purge yet. */
export type Purge = (target: PurgeTarget) => Promise<boolean>;

type AdminDependencies = {
  purge: Purge;
  readMetrics: () => Promise<{ contentType: string; body: string }>;
  config: Config;
  emit: Emit;
  monotonic: () => number;
  connectionLimits?: Partial<ConnectionLimits> | undefined;
};

/** The listener for operators: metrics and purges. */
export function createAdminListener(dependencies: AdminDependencies): HttpServer {
  const { purge, readMetrics } = dependencies;
  const { ADMIN_HOST, ADMIN_PORT, PURGE_TOKEN: purgeToken } = dependencies.config;
  const routes = new Map([['/metrics', createMetricsRoute(readMetrics)]]);
  if (purgeToken !== undefined) routes.set('/purge', createPurgeRoute(purge, purgeToken));
  const own = { listener: 'admin', routes, corsOrigins: [] } as const;
  return createHttpServer(ADMIN_HOST, ADMIN_PORT, { ...dependencies, ...own });
}

function createMetricsRoute(readMetrics: AdminDependencies['readMetrics']): Route {
  return {
    methods: ['GET', 'HEAD'],
    handle: async () => {
      const { contentType, body } = await readMetrics();
      return { status: 200, headers: [['content-type', contentType]], body };
    },
  };
}

function createPurgeRoute(purge: Purge, purgeToken: string): Route {
  return {
    methods: ['POST'],
    handle: async (request) => {
      if (!equalsConstantTime(request.headers.authorization ?? '', `Bearer ${purgeToken}`)) {
        throw new AppError('UNAUTHENTICATED', 'Expected the purge token as a bearer token.', {
          challenge: 'Bearer',
        });
      }
      const target = purgeBody.safeParse(await readJsonBody(request, maxBodyBytes));
      if (!target.success)
        throw new HttpError(400, 'Expected {"customerId": UUID}, optionally with "entitlementId": UUID.');
      if (await purge(target.data)) return { status: 204, headers: [], body: '' };
      const message =
        'Purged on this replica. The others follow when Redis takes the purge. If this replica stops before, send it again.';
      throw new AppError('SERVICE_UNAVAILABLE', message, { retryAfterSeconds: 1 });
    },
  };
}
