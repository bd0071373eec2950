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

/** The operations that an application may send, in the form Apollo's tools write and read. */
export type Manifest = z.output<typeof manifest>;
export type ManifestOperation = Manifest['operations'][number];

/** Reads a manifest; undefined where the text is none. */
export function parseManifest(text: string): Manifest | undefined {
  return manifest.safeParse(parseJson(text)).data;
}

/** A manifest of these operations. */
export function toManifest(operations: readonly ManifestOperation[]): Manifest {
  return { format, version: 1, operations: [...operations] };
}
