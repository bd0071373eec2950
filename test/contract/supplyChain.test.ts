import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const { dependencies, devDependencies, optionalDependencies, overrides, allowScripts } = JSON.parse(
  read('package.json'),
);

type Locked = { integrity?: string; dev?: boolean; optional?: boolean; devOptional?: boolean };
const { '': _, ...locked } = JSON.parse(read('package-lock.json')).packages as Record<string, Locked>;

describe('the npm packages', () => {
  it('have exact versions in package.json', () => {
    const versions = Object.values({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
      ...overrides,
    });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });

  it('have integrity hashes in package-lock.json', () => {
    const withoutHash = Object.entries(locked).filter(
      ([, { integrity }]) => !integrity?.startsWith('sha512-'),
    );
    expect(withoutHash.map(([name]) => name)).toEqual([]);
  });

  it('run no install scripts', () => {
    expect(Object.values(allowScripts).filter(Boolean)).toEqual([]);
  });

  it('of production are counted in docs/security.md', () => {
    const count = Object.values(locked).filter(
      ({ dev, optional, devOptional }) => !dev && !optional && !devOptional,
    ).length;
    const sentence = `**Packages in production: ${count}**, of which ${Object.keys(dependencies).length} are asked for by name`;
    expect(read('docs/security.md')).toContain(sentence);
  });
});
