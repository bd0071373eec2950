import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { readJsonBody } from './body.ts';
import { HttpError } from './httpError.ts';
import type { Route, Routes } from './route.ts';

const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
  .toLowerCase();
const purgeBody = z.strictObject({ customerId: uuid, entitlementId: uuid.optional() });
const maxBodyBytes = 1024;

type PurgeTarget = z.output<typeof purgeBody>;

export type AdminSettings = {
  purgeToken: string;
  /** Forgets on all replicas; false where some could not be told. */
  purge: (target: PurgeTarget) => Promise<boolean>;
};

/** The routes of the admin listener. */
export function createAdminRoutes(settings: AdminSettings): Routes {
  return new Map([['/purge', createPurgeRoute(settings)]]);
}

function createPurgeRoute({ purgeToken, purge }: AdminSettings): Route {
  return {
    methods: ['POST'],
    answer: async (request) => {
      if (!isBearer(request.headers.authorization, purgeToken)) {
        throw new HttpError(401, 'Expected the purge token as a bearer token.', {
          'www-authenticate': 'Bearer',
        });
      }
      const target = purgeBody.safeParse(await readJsonBody(request, maxBodyBytes));
      if (!target.success)
        throw new HttpError(400, 'Expected {"customerId": UUID} and perhaps "entitlementId": UUID.');
      if (await purge(target.data)) return { status: 204, headers: [], body: '' };
      throw new HttpError(
        503,
        'Forgotten here, but Redis could not be reached to tell other replicas. Try again.',
      );
    },
  };
}

/** Compares in constant time; hashing makes the lengths equal. */
function isBearer(authorization: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization ?? ''), hash(`Bearer ${token}`));
}
