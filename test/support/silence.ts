import { afterEach, beforeEach, expect } from '@jest/globals';

const methods = ['debug', 'info', 'log', 'warn', 'error'] as const;
let printed: string[];

// Console output in a test is either a forgotten line or a warning that would be overlooked.
beforeEach(() => {
  printed = [];
  for (const method of methods) {
    globalThis.console[method] = (...words: unknown[]) => {
      printed.push(`${method}: ${words.join(' ')}`);
    };
  }
});

afterEach(() => {
  expect(printed).toEqual([]);
});
