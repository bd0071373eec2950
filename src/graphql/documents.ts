import type { ApolloServerOptions } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

export type DocumentStore = NonNullable<ApolloServerOptions<object>['documentStore']> & {
  /** The document of this very text, where it is kept. */
  find: (text: string) => DocumentNode | undefined;
};

/** Characters of all texts together. A document takes some hundred times as many bytes as its text has characters. */
const maxLength = 200_000;
/** V8 hashes longer texts by their length alone, so that a caller could make all of its own collide. */
const maxFoundLength = 16_000;

/**
 * Keeps documents that were parsed and found valid. Apollo Server's own store goes by the length of their JSON, which
 * leaves most of a document out: callers that sent ever new ones drove the gateway to 400 MiB.
 */
export function createDocumentStore(): DocumentStore {
  const keys = new Map<string, string>();
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: maxLength,
    dispose: (document) => keys.delete(textOf(document)),
  });
  return {
    get: async (key) => documents.get(key),
    set: async (key, document) => {
      const text = textOf(document);
      documents.set(key, document, { size: Math.max(1, text.length) });
      if (documents.has(key) && text.length <= maxFoundLength) keys.set(text, key);
    },
    delete: async (key) => documents.delete(key),
    find(text) {
      const key = keys.get(text);
      return key === undefined ? undefined : documents.get(key);
    },
  };
}

/** The parser always tells where a document is from. */
function textOf({ loc }: DocumentNode): string {
  return loc?.source.body ?? '';
}
