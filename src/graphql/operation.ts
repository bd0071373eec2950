import type { DocumentNode, OperationDefinitionNode } from 'graphql';

/** A valid operation, and what it was asked with. */
export type Operation = {
  document: DocumentNode;
  definition: OperationDefinitionNode;
  /** As they came, not coerced yet. */
  variables: Readonly<Record<string, unknown>>;
};
