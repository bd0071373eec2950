import { createHash } from 'node:crypto';
import {
  concatAST,
  type DocumentNode,
  type FieldNode,
  Kind,
  OperationTypeNode,
  parse,
  print,
  type SelectionSetNode,
  separateOperations,
  visit,
} from 'graphql';
import type { Limits } from '../config/config.ts';
import { type Manifest, type ManifestOperation, toManifest } from '../config/manifest.ts';
import { createSafelist } from './safelist.ts';
import { createSchema } from './schema.ts';

type ManifestOptions = { plain: boolean; limits: Limits };

/**
 * Lists the operations in these documents, each with the fragments it needs. Unless `plain`, adds `__typename` in every place where Apollo
 * Client and urql add it before they send an operation. Throws if an operation has no name, a duplicate name, is not valid or
 * exceeds the limits.
 */
export function createManifest(documents: readonly string[], { plain, limits }: ManifestOptions): Manifest {
  const document = concatAST(documents.map((text) => parse(text)));
  const names = document.definitions.flatMap((node) => ('name' in node ? [node.name?.value ?? ''] : []));
  const duplicate = names.find((name, n) => names.indexOf(name) !== n);
  if (names.includes(''))
    throw new Error('An operation has no name. Every operation of a safelist needs one.');
  if (duplicate !== undefined) throw new Error(`Two operations or fragments have the name ${duplicate}.`);
  const separate = Object.entries(separateOperations(plain ? document : withTypenames(document)));
  const manifest = toManifest(separate.map(([name, document]) => toOperation(name, document)));
  if (separate.length === 0) throw new Error('The files contain no operation.');
  createSafelist(manifest.operations, { schema: createSchema(), limits });
  return manifest;
}

function toOperation(name: string, { definitions }: DocumentNode): ManifestOperation {
  const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const fragments = definitions.filter((node) => node.kind !== Kind.OPERATION_DEFINITION);
  const body = print({ kind: Kind.DOCUMENT, definitions: [...operations, ...fragments] });
  const type = operations[0]?.operation ?? OperationTypeNode.QUERY;
  return { id: createHash('sha256').update(body).digest('hex'), name, type, body };
}

const typename: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

function withTypenames(document: DocumentNode): DocumentNode {
  return visit(document, {
    SelectionSet: (node, _, parent): SelectionSetNode | undefined => {
      const isRoot = parent !== undefined && 'kind' in parent && parent.kind === Kind.OPERATION_DEFINITION;
      const isThere = node.selections.some(
        (one) => one.kind === Kind.FIELD && one.name.value.startsWith('__'),
      );
      return isRoot || isThere ? undefined : { ...node, selections: [...node.selections, typename] };
    },
  });
}
