import type { HttpAnswer, Routes } from './route.ts';

type File = { type: string; gzipped: Buffer };

/**
 * Files that never change under their address (RFC 8246). They go out as they were compressed once, as every browser takes
 * that. A script of theirs that runs as a worker may load nothing.
 */
export function createFileRoutes(files: ReadonlyMap<string, File> = new Map()): Routes {
  const toAnswer = ({ type, gzipped }: File): HttpAnswer => {
    const headers: [string, string][] = [
      ['content-type', type],
      ['content-encoding', 'gzip'],
      ['cache-control', 'public, max-age=31536000, immutable'],
      ['content-security-policy', "default-src 'none'"],
    ];
    return { status: 200, headers, body: gzipped };
  };
  return new Map(
    Array.from(files, ([path, file]) => [path, { methods: ['GET', 'HEAD'], answer: () => toAnswer(file) }]),
  );
}
