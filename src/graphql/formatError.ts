import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import { AppError, errorCodes, isErrorCode, toExtensions, type ValidationError } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { nameTokensLimit } from './documentLimits.ts';

/** Apollo Server's own codes. Their messages describe the request only. */
const apolloCodes: ReadonlySet<unknown> = new Set(
  Object.values(ApolloServerErrorCode).filter((code) => code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR),
);

/** A message may quote the caller's input, which may be long. */
const maxMessageLength = 1000;

/** `formatted` is the form that the error would have otherwise; by default its own. */
export type FormatError = (
  thrown: unknown,
  requestId: string,
  formatted?: GraphQLFormattedError,
) => GraphQLFormattedError;

/** Turns an error of an operation into what the client gets. Logs unexpected errors, of which the client learns nothing. */
export function createFormatError(emit: Emit): FormatError {
  return (thrown, requestId, formatted = toGraphQLError(thrown).toJSON()) => {
    const cause = unwrap(thrown);
    if (cause instanceof AppError) {
      const fieldName = thrown instanceof GraphQLError ? fieldNameOf(thrown) : undefined;
      const extensions = toFieldExtensions(cause, requestId, fieldName);
      return { ...formatted, message: cause.message, extensions };
    }
    const code = apolloCodes.has(formatted.extensions?.code)
      ? formatted.extensions?.code
      : toCallerCode(thrown, cause);
    if (code !== undefined) {
      const retryable = isErrorCode(code) ? { retryable: errorCodes[code].retryable } : {};
      const message = nameTokensLimit(formatted.message.slice(0, maxMessageLength));
      return { ...formatted, message, extensions: { code, ...retryable, requestId } };
    }
    emit({ type: 'unexpectedError', requestId, cause });
    const extensions = { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId };
    return { ...formatted, message: 'Internal server error', extensions };
  };
}

function toGraphQLError(thrown: unknown): GraphQLError {
  return thrown instanceof GraphQLError ? thrown : new GraphQLError(String(thrown));
}

/** The original error inside those that graphql-js wraps around it to add a path. */
function unwrap(thrown: unknown): unknown {
  return thrown instanceof GraphQLError && thrown.originalError ? unwrap(thrown.originalError) : thrown;
}

/** The code of an error that graphql-js or Apollo Server raise without one although the caller is at fault. */
function toCallerCode(thrown: unknown, cause: unknown): string | undefined {
  if (thrown instanceof GraphQLError && thrown.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION)
    return ApolloServerErrorCode.BAD_USER_INPUT;
  if (!(cause instanceof GraphQLError)) return undefined;
  const { code, http } = cause.extensions as { code?: unknown; http?: { status?: number } };
  if (code !== undefined) return undefined;
  // The error about a wrong hash of a persisted query has a status only.
  if (http?.status === 400) return ApolloServerErrorCode.BAD_REQUEST;
  // graphql-js adds nodes when it finds a fault in the document or variables, such as a mutation that does not exist.
  return cause.nodes === undefined ? undefined : ApolloServerErrorCode.BAD_USER_INPUT;
}

/** Fields whose arguments have other names than the parts of a total; null: the part is the parent's id. */
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

/** The extensions of an error, with `validationErrors` about the arguments that the field has. */
function toFieldExtensions(error: AppError, requestId: string, fieldName: string | undefined) {
  const { validationErrors, ...extensions } = toExtensions(error, requestId);
  if (validationErrors === undefined) return extensions;
  return {
    ...extensions,
    validationErrors: validationErrors.map((entry) => toFieldArgument(entry, fieldName)),
  };
}
