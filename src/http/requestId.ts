import { randomUUID } from 'node:crypto';

/**
 * The id under which a request is found in every log: the caller's where it is sane (printable ASCII, at most
 * 128 characters, so that it can be neither a second header nor a second log line), else a new one.
 */
export function toRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\x20-\x7e]{1,128}$/.test(given) ? given : randomUUID();
}
