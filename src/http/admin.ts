import { z } from 'zod';
import { AppError } from '../errors.ts';
import { isSecret } from '../secret.ts';
import { toUuid } from '../uuid.ts';
import { readJsonBody } from './body.ts';
import { HttpError } from './httpError.ts';
import type { Route, Routes } from './route.ts';

const uuid = z.string().transform(toUuid).pipe(z.string());
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
    challenge: 'Bearer',
    answer: async (request) => {
      if (!isSecret(request.headers.authorization ?? '', `Bearer ${purgeToken}`)) {
        throw new AppError('UNAUTHENTICATED', 'Expected the purge token as a bearer token.');
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
