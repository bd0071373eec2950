import type { Emit } from './events.ts';

/**
 * Logs the warnings of Node and of libraries from now on. Node's own listener, which this removes, prints them on stderr. In a file of
 * its own, because `main.ts` loads no library before it has checked the configuration.
 */
export function logNodeWarnings(emit: Emit): void {
  process.removeAllListeners('warning').on('warning', (warning: Error & { code?: string }) => {
    const { name, code, message, stack } = warning;
    emit({ type: 'nodeWarning', name, code, message, stack });
  });
}
