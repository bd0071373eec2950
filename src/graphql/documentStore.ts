import type { ApolloServerOptions } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

type DocumentStore = NonNullable<ApolloServerOptions<object>['documentStore']>;

/** Characters of all texts together. A document takes some hundred times as many bytes as its text has characters. */
const maxLength = 200_000;

/**
 * Keeps documents that were parsed and found valid. Apollo Server's own store goes by the length of their JSON, which
 * leaves most of a document out: callers that sent ever new ones drove the gateway to 400 MiB.
 */
export function createDocumentStore(): DocumentStore {
  const documents = new LRUCache<string, DocumentNode>({ maxSize: maxLength });
  return {
    get: async (key) => documents.get(key),
    set: async (key, document) => {
      documents.set(key, document, { size: Math.max(1, document.loc?.source.body.length ?? maxLength) });
    },
    delete: async (key) => documents.delete(key),
  };
}
