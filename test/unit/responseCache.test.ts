import { describe, expect, it } from '@jest/globals';
import { createResponseCache } from '../../src/responseCache.ts';
import { toQuestion } from '../support/questions.ts';

describe('large answers', () => {
  /** How many of so many questions have to be answered anew, each time all of them are asked. */
  function askInTurn(questions: number, times: number): number[] {
    const { find, keep } = createResponseCache({ emit: () => {}, now: () => 0 });
    const reuse = { untilMs: 1, isPurged: () => false, units: 1, operationName: null, totals: 50 };
    const made = Array.from({ length: times }, () => 0);
    for (let time = 0; time < times; time += 1) {
      for (let n = 0; n < questions; n += 1) {
        const question = toQuestion('a', String(n).padStart(7, '0').repeat(600));
        if (find(question) !== undefined) continue;
        made[time] = (made[time] ?? 0) + 1;
        keep(question, { status: 200, headers: [], body: 'b'.repeat(2000), reuse });
      }
    }
    return made;
  }

  it('are kept from the second time on, also where hundreds are asked in turn', () => {
    expect(askInTurn(500, 3)).toEqual([500, 500, 0]);
  });

  it('are not kept where each comes again later than there would be room for it', () => {
    expect(askInTurn(1500, 3)).toEqual([1500, 1500, 1500]);
  });
});
