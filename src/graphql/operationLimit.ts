import { HeaderMap } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from './context.ts';
import { isCountFixed, weighOperation } from './cost.ts';
import type { Operation } from './operation.ts';

/** Fields of an answer for each total that an operation may ask for: four times what there are to ask for. */
const fieldsPerTotal = 20;
/** More than any input has. Refused inputs are printed into messages as often as they have something wrong. */
const maxInputFields = 100;

export type OperationLimit = (operation: Operation, context: Context) => Promise<void>;

/**
 * Refuses an operation that asks for more than allowed, before anything is loaded, and charges its caller for all totals but
 * the first, which was charged when the request came in. Rejects with a `GraphQLError`.
 */
export function createOperationLimit(maxTotals: number): OperationLimit {
  const limits = { totals: maxTotals, weight: Math.max(1000, maxTotals * fieldsPerTotal) };
  // Counting fifty aliases took a tenth of the time; where no variable has a say in it, once is enough.
  const fixed = new WeakMap<OperationDefinitionNode, ReturnType<typeof weighOperation> | 'varies'>();

  function weigh({ document, definition, variables }: Operation) {
    const known = fixed.get(definition);
    if (known !== undefined && known !== 'varies') return known;
    const counted = { operation: definition, fragments: fragmentsOf(document) };
    const found = weighOperation({ ...counted, variables }, limits);
    if (known === undefined) fixed.set(definition, isCountFixed(counted) ? found : 'varies');
    return found;
  }

  return async (operation, context) => {
    const { totals, weight } = weigh(operation);
    if (totals > limits.totals) throw refuse(`asks for more than ${limits.totals} totals.`);
    if (weight > limits.weight) throw refuse(`asks for more than ${limits.weight} fields.`);
    if (Object.values(operation.variables).some((value) => isTooWide(value)))
      throw refuse(`has an input of more than ${maxInputFields} fields.`);
    context.outcome.units = Math.max(1, totals);
    if (totals > 1 && context.charge !== undefined) await context.charge(totals - 1).catch(rethrow);
  };
}

/** Only as deep as inputs go, and messages print them. */
function isTooWide(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > 3) return false;
  if (!Array.isArray(value) && Object.keys(value).length > maxInputFields) return true;
  return Object.values(value).some((one) => isTooWide(one, depth + 1));
}

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
}

function refuse(complaint: string): GraphQLError {
  return toRefusal(new AppError('BAD_USER_INPUT', `The operation ${complaint}`));
}

function rethrow(error: unknown): never {
  throw error instanceof AppError ? toRefusal(error) : error;
}

/** The operation is well formed, and routers lose the reason of a 4xx. */
function toRefusal(error: AppError): GraphQLError {
  const { message, retryAfterSeconds } = error;
  const headers = new HeaderMap(
    retryAfterSeconds === undefined ? [] : [['retry-after', String(retryAfterSeconds)]],
  );
  return new GraphQLError(message, { originalError: error, extensions: { http: { status: 200, headers } } });
}
