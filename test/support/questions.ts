import { crc32 } from 'node:zlib';

/** As the response cache is asked. */
export function toQuestion(asker: string, text: string) {
  return { asker, posted: { text, crc: crc32(text) } };
}

export type Question = ReturnType<typeof toQuestion>;
