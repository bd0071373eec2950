import type { Answer } from './call.ts';
import { ok, problem, skipped, type Verdict } from './verdict.ts';

/** The leeway that tokens get as well. */
const maxSkewMs = 30_000;

/**
 * Compares this machine's clock with the `Date` of an answer (RFC 9110, section 6.6.1). That names a whole second, and was
 * written at some time between request and answer; only a difference that neither explains is a problem.
 */
export function checkClock(answer: Pick<Answer, 'headers' | 'sentMs' | 'receivedMs'> | undefined): Verdict {
  if (answer === undefined) {
    return skipped('Zenskar gave no answer whose date could be read.', 'Mend the upstream first.');
  }
  const { headers, sentMs, receivedMs } = answer;
  const secondMs = Date.parse(headers.date ?? '');
  if (Number.isNaN(secondMs)) {
    return skipped('The answer has no readable date.', 'Compare the clock of this machine by other means.');
  }
  const skewMs = (sentMs + receivedMs) / 2 - (secondMs + 500);
  const uncertaintyMs = 500 + (receivedMs - sentMs) / 2;
  const size = `${inSeconds(Math.abs(skewMs))} s (give or take ${inSeconds(uncertaintyMs)} s)`;
  if (Math.abs(skewMs) - uncertaintyMs <= maxSkewMs) return ok(`The clock is within ${size} of Zenskar's.`);
  return problem(
    `The clock of this machine is ${size} ${skewMs > 0 ? 'ahead of' : 'behind'} Zenskar's.`,
    'Have it set by a time server (NTP): tokens are judged by it, and `asOf` is told by it.',
  );
}

function inSeconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
