import { getOperationAST } from 'graphql';
import type { Context } from './context.ts';
import type { DocumentStore } from './documents.ts';
import type { Operation } from './operation.ts';
import type { OperationSteps } from './operationSteps.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;
type Asked = { method: string; headers: Headers; body: unknown };
type Answer = { status: number; headers: [string, string][]; body: string };

export type Shortcut = {
  /** Undefined where Apollo Server has to be asked. */
  answer: (asked: Asked, context: Context) => Promise<Answer | undefined>;
  /** To be told what Apollo Server answered with a result, as it chose a content type for that. */
  learn: (asked: Asked, answer: Answer) => void;
};

const maxAccepts = 100;
const maxAcceptLength = 1000;

/**
 * Answers operations that are known: found valid before, and compiled. Apollo Server's pipeline would do nothing about them
 * but take 150 µs. Where anything comes out but a result, it is asked all the same, as it has the words for that.
 */
export function createShortcut(documents: DocumentStore, { admit, compiled, end }: OperationSteps): Shortcut {
  const contentTypes = new Map<string, string>();

  async function answer({ method, headers, body }: Asked, context: Context): Promise<Answer | undefined> {
    const contentType = contentTypes.get(toAccept(headers));
    const operation = method === 'POST' ? find(body) : undefined;
    if (contentType === undefined || operation === undefined || !compiled.isReady(operation))
      return undefined;
    try {
      await admit(operation, context);
    } catch {
      return undefined;
    }
    const result = await compiled.run(operation, context);
    if (result === undefined) return undefined;
    end({ operation, claimedName: undefined, result }, context);
    return { status: 200, headers: [['content-type', contentType]], body: `${JSON.stringify(result)}\n` };
  }

  function find(body: unknown): Operation | undefined {
    if (!isPlain(body)) return undefined;
    const document = documents.find(body.query);
    const definition = document && getOperationAST(document, body.operationName);
    return document && definition ? { document, definition, variables: body.variables ?? {} } : undefined;
  }

  function learn({ headers }: Asked, { status, headers: given }: Answer): void {
    const accept = toAccept(headers);
    const contentType = given.find(([name]) => name === 'content-type')?.[1];
    // What the client does not accept is answered with another status.
    // Whoever makes up more of them than there are finds no place for those, and takes nobody else's.
    const hasPlace = contentTypes.size < maxAccepts && accept.length <= maxAcceptLength;
    if (status === 200 && contentType !== undefined && hasPlace) contentTypes.set(accept, contentType);
  }
  return { answer, learn };
}

function toAccept({ accept }: Headers): string {
  return String(accept ?? '');
}

type PlainBody = {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
};

/** Whether there is nothing about this body that Apollo Server would have a word to say on. */
function isPlain(body: unknown): body is PlainBody {
  if (!isRecord(body)) return false;
  const { query, operationName, variables, extensions } = body;
  return (
    typeof query === 'string' &&
    (typeof operationName === 'string' || isNone(operationName)) &&
    (isNone(variables) || isRecord(variables)) &&
    (isNone(extensions) || (isRecord(extensions) && !('persistedQuery' in extensions)))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNone(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}
