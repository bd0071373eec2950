/** The security releases of 21 October 2026, by major version. */
const fixedReleases = new Map([
  [22, { minor: 23, patch: 4 }],
  [24, { minor: 22, patch: 1 }],
  [26, { minor: 12, patch: 1 }],
]);
const newestMajor = 26;

/** A warning if this version of Node, such as `26.12.1`, lacks the latest known security fixes. */
export function describeOutdatedNode(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major > newestMajor) return undefined;
  const fixed = fixedReleases.get(major);
  if (fixed === undefined) return `Node ${version} gets no security fixes. Install Node 26.12.1 or later.`;
  if (minor > fixed.minor || (minor === fixed.minor && patch >= fixed.patch)) return undefined;
  const release = `${major}.${fixed.minor}.${fixed.patch}`;
  return `Node ${version} lacks the security fixes of ${release}. Install Node ${release} or later.`;
}
