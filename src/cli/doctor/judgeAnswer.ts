import type { Answer } from './call.ts';
import { describeDrift, resemblesTotal } from './describeDrift.ts';
import { blamesCredentials, judgeRefusal, type Question } from './judgeRefusal.ts';
import { ok, problem, type Verdict } from './verdict.ts';
import { askForIds, inTime, isMarkup, quoteWords, readRedirect } from './words.ts';

/** Says what an answer of Zenskar's, or of whoever answered in its place, means for the gateway. */
export function judgeAnswer(answer: Answer, question: Question): Verdict {
  const { status } = answer;
  if (status >= 300 && status < 400) return judgeRedirect(answer, question);
  if (isMarkup(answer) && status < 500) {
    return problem(
      `Wrong base URL: what answers there sends a web page (status ${status}), so it is not Zenskar's API.`,
      'Mend ZENSKAR_URL; if it is right, a proxy or portal in between answers in place of Zenskar.',
    );
  }
  if (!question.hasCredentials && blamesCredentials(answer)) {
    return ok(
      `${inTime(answer)} and refused a call without credentials, as it should: the callers bring theirs.`,
      'To check a pair, set ZENSKAR_API_KEY and ZENSKAR_ORGANISATION for this command alone.',
    );
  }
  if (status === 200) return judgeTotal(answer, question);
  if (status >= 500) return judgeOutage(answer, question);
  return judgeRefusal(answer, question) ?? judgeOddStatus(answer);
}

function judgeRedirect(answer: Answer, { base, path }: Question): Verdict {
  const place = readRedirect(answer, base + path);
  const next = place.endsWith(path)
    ? `Set ZENSKAR_URL to ${place.slice(0, -path.length)}, if that is Zenskar's.`
    : 'Mend ZENSKAR_URL; what answers there is likely no API at all.';
  return problem(
    `Redirect: the answer is ${answer.status} to ${place}; the gateway follows none, so that no other host gets the key.`,
    next,
  );
}

function judgeTotal(answer: Answer, { asked, isProbe }: Question): Verdict {
  if (!answer.isWhole) {
    return problem('The answer is far larger than any total.', "Check that ZENSKAR_URL is Zenskar's API.");
  }
  const drift = describeDrift(answer.body, asked);
  if (drift.length > 0) {
    return problem(
      `Contract drift: the answer of 200 is not as agreed: ${drift.join('; ')}.`,
      resemblesTotal(answer.body)
        ? 'Compare it with the current reference of Zenskar; unknown fields are ignored, anything else fails the total.'
        : "There is nothing of a total in it: check that ZENSKAR_URL is Zenskar's API, then its current reference.",
    );
  }
  const whatFor = isProbe ? ' for ids that need not exist' : '';
  return ok(`${inTime(answer)} with a total as agreed${whatFor}.`, isProbe ? askForIds : undefined);
}

function judgeOutage(answer: Answer, { isProbe }: Question): Verdict {
  const doubt = isProbe
    ? ' It may also stumble over ids that do not exist: give --entitlement and --customer.'
    : '';
  return problem(
    `Zenskar fails: status ${answer.status}${quoteWords(answer)}.`,
    `Run this again in a minute; if it stays so, look at Zenskar's status page.${doubt}`,
  );
}

function judgeOddStatus(answer: Answer): Verdict {
  return problem(
    `Status ${answer.status}${quoteWords(answer)}, which Zenskar is not known to give.`,
    "Check that ZENSKAR_URL is Zenskar's API and that nothing in between changes the call.",
  );
}
