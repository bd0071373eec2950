const form = /^\{?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\}?$/i;

/** The id in canonical form (lower case, with dashes and nothing around it), or undefined where it is no UUID. */
export function toUuid(value: unknown): string | undefined {
  return typeof value === 'string' ? form.exec(value)?.[1]?.toLowerCase() : undefined;
}
