import { z } from 'zod';
import { parseJson } from '../text.ts';

const format = 'apollo-persisted-query-manifest';

const manifest = z.object({
  format: z.literal(format),
  version: z.literal(1),
  operations: z.array(
    z.object({ id: z.string().min(1), name: z.string(), type: z.string(), body: z.string() }),
  ),
});

/** The operations that clients may send, in the format of Apollo's persisted query tools. */
export type Manifest = z.output<typeof manifest>;
export type ManifestOperation = Manifest['operations'][number];

/** Parses a manifest; undefined if the text is not one. */
export function parseManifest(text: string): Manifest | undefined {
  return manifest.safeParse(parseJson(text)).data;
}

export function toManifest(operations: readonly ManifestOperation[]): Manifest {
  return { format, version: 1, operations: [...operations] };
}
