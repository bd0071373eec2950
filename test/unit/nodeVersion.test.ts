import { describe, expect, it } from '@jest/globals';
import { describeOutdatedNode } from '../../src/config/nodeVersion.ts';

describe('describeOutdatedNode', () => {
  it.each([
    ['22.23.3', '22.23.4'],
    ['22.9.9', '22.23.4'],
    ['24.22.0', '24.22.1'],
    ['24.3.5', '24.22.1'],
    ['26.12.0', '26.12.1'],
    ['26.10.4', '26.12.1'],
  ])('names the security release that Node %s lacks: %s', (version, fixed) => {
    expect(describeOutdatedNode(version)).toBe(
      `Node ${version} lacks the security fixes of ${fixed}. Install Node ${fixed} or later.`,
    );
  });

  it.each(['20.20.2', '21.7.3', '23.11.0', '25.9.9'])(
    'says that Node %s, of a major version without a security release, gets no fixes',
    (version) => {
      expect(describeOutdatedNode(version)).toBe(
        `Node ${version} gets no security fixes. Install Node 26.12.1 or later.`,
      );
    },
  );

  it.each(['22.23.4', '22.24.0', '24.22.1', '24.100.0', '26.12.1', '26.12.2', '26.13.0', '27.0.0', '28.1.0'])(
    'has no warning for Node %s',
    (version) => {
      expect(describeOutdatedNode(version)).toBeUndefined();
    },
  );
});
