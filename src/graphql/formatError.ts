import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import { AppError, errorCodes, isErrorCode, toExtensions, type ValidationError } from '../errors.ts';

/** Apollo's own complaints about the request; their messages speak of the request alone. */
const apolloCodes: ReadonlySet<unknown> = new Set(
  Object.values(ApolloServerErrorCode).filter((code) => code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR),
);

/** A message may print what it complains about, which is as long as the caller likes. */
const maxMessageLength = 1000;

type Exit = {
  requestId: string;
  /** Told of what was thrown where no code foresaw it; the client learns nothing of it. */
  onUnexpected: (cause: unknown) => void;
};

/** The one exit for errors: turns whatever went wrong into what a client may see. */
export function formatError(
  formatted: GraphQLFormattedError,
  thrown: unknown,
  { requestId, onUnexpected }: Exit,
): GraphQLFormattedError {
  const cause = unwrap(thrown);
  if (cause instanceof AppError) {
    const fieldName = thrown instanceof GraphQLError ? fieldNameOf(thrown) : undefined;
    return {
      ...formatted,
      message: cause.message,
      extensions: toFieldExtensions(cause, requestId, fieldName),
    };
  }
  const given = formatted.extensions?.code;
  const code = apolloCodes.has(given) ? given : toRefusalCode(cause);
  if (code !== undefined) {
    const retryable = isErrorCode(code) ? { retryable: errorCodes[code].retryable } : {};
    const message = formatted.message.slice(0, maxMessageLength);
    return { ...formatted, message, extensions: { code, ...retryable, requestId } };
  }
  onUnexpected(cause);
  return {
    ...formatted,
    message: 'Internal server error',
    extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId },
  };
}

/** What was thrown first, below the errors that graphql-js puts around it to tell its place. */
function unwrap(thrown: unknown): unknown {
  return thrown instanceof GraphQLError && thrown.originalError ? unwrap(thrown.originalError) : thrown;
}

/** The code of what graphql-js and Apollo refuse without one, though the caller is at fault. */
function toRefusalCode(cause: unknown): string | undefined {
  if (!(cause instanceof GraphQLError)) return undefined;
  const { code, http } = cause.extensions as { code?: unknown; http?: { status?: number } };
  if (code !== undefined) return undefined;
  // A persisted query with a wrong hash has a status and nothing else.
  if (http?.status === 400) return ApolloServerErrorCode.BAD_REQUEST;
  // A place in the document is what graphql-js found wrong in it while it executed, such as a null where a variable's
  // default hid that none may be, or a mutation where there is none.
  return cause.nodes === undefined ? undefined : ApolloServerErrorCode.BAD_USER_INPUT;
}

/** Where a field has no argument for a part of its total, or another one: the parent's id is no argument. */
const argumentNames: Readonly<Record<string, Readonly<Record<string, string | null>>>> = {
  entitlementTotal: { customerId: null },
  entitlementTotals: { customerId: null, entitlementId: 'entitlementIds' },
  customerTotal: { entitlementId: null },
};

function fieldNameOf({ nodes }: GraphQLError): string | undefined {
  const [node] = nodes ?? [];
  return node?.kind === Kind.FIELD ? node.name.value : undefined;
}

function toFieldArgument({ argument, ...rest }: ValidationError, fieldName = ''): ValidationError {
  const renamed = argument === null ? undefined : argumentNames[fieldName]?.[argument];
  return { ...rest, argument: renamed === undefined ? argument : renamed };
}

/** The complaints of an error, about the arguments that the field has. */
function toFieldExtensions(error: AppError, requestId: string, fieldName: string | undefined) {
  const { validationErrors, ...extensions } = toExtensions(error, requestId);
  if (validationErrors === undefined) return extensions;
  return { ...extensions, validationErrors: validationErrors.map((one) => toFieldArgument(one, fieldName)) };
}
