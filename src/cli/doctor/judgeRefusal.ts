import { parseJson } from '../../text.ts';
import type { TotalParameters } from '../../zenskar/request.ts';
import type { Answer } from './call.ts';
import { isObject } from './isObject.ts';
import { ok, problem, type Verdict } from './verdict.ts';
import { askForIds, inTime, quoteWords, readWords } from './words.ts';

/** What was asked of Zenskar. */
export type Question = {
  asked: TotalParameters;
  base: string;
  path: string;
  /** The ids need not exist. */
  isProbe: boolean;
  hasCredentials: boolean;
};

const checkKey =
  "Compare ZENSKAR_API_KEY with the keys in Zenskar's settings; a sandbox and the live account have one each. Then check ZENSKAR_ORGANISATION.";
const checkOrganisation =
  'Compare ZENSKAR_ORGANISATION with the id of the organisation that the key was made in. Then check ZENSKAR_API_KEY.';
const checkPath =
  'Mend ZENSKAR_URL: it is the host alone, such as https://api.zenskar.com, without a path of the API.';

/** Judges a status from 400 to 499; undefined where Zenskar is not known to give it. */
export function judgeRefusal(answer: Answer, question: Question): Verdict | undefined {
  switch (answer.status) {
    case 400:
      return judgeBadRequest(answer, question);
    case 401:
      return problem(`Wrong key, most likely: status 401${quoteWords(answer)}.`, checkKey);
    case 403:
      return judgeForbidden(answer);
    case 404:
      return judgeNotFound(answer, question);
    case 422:
      return judgeValidation(answer);
    case 429:
      return problem(
        `Zenskar limits the rate of calls: status 429${quoteWords(answer)}.`,
        'Run this again in a minute; if it stays so, ask Zenskar what your limit is.',
      );
    default:
      return undefined;
  }
}

/** Whether it is the credentials that are refused. */
export function blamesCredentials(answer: Answer): boolean {
  if (answer.status === 422) return blamedHeader(answer) !== undefined;
  return answer.status === 401 || (answer.status === 403 && !knowsNoPath(answer));
}

function judgeForbidden(answer: Answer): Verdict {
  if (knowsNoPath(answer)) {
    return problem(
      `Wrong base URL: the API gateway knows no such path: status 403${quoteWords(answer)}.`,
      checkPath,
    );
  }
  const words = `status 403${quoteWords(answer)}`;
  // An authorizer that looked and said no has taken the key; a bare refusal comes from before it.
  if (readWords(answer)?.by === 'Message')
    return problem(`Wrong organisation, most likely: ${words}.`, checkOrganisation);
  return problem(`Wrong key or organisation, the key more likely: ${words}.`, checkKey);
}

function judgeNotFound(answer: Answer, { isProbe }: Question): Verdict {
  const words = readWords(answer);
  if (words?.by !== 'detail') {
    return problem(
      `Wrong base URL: status 404${quoteWords(answer)}, and not in the form in which Zenskar says it.`,
      checkPath,
    );
  }
  // What FastAPI says by itself where no route fits, whatever the ids.
  if (words.text === 'Not Found') {
    return problem('Wrong base URL, most likely: Zenskar knows no such path (404 "Not Found").', checkPath);
  }
  if (isProbe)
    return ok(
      `${inTime(answer)} that it does not know ids that need not exist, so it took the credentials.`,
      askForIds,
    );
  return problem(
    `Zenskar does not know this entitlement or customer: status 404${quoteWords(answer)}. It took the key, so the organisation is the likelier fault.`,
    'Check both ids, and that they belong to the organisation in ZENSKAR_ORGANISATION.',
  );
}

function judgeBadRequest(answer: Answer, { isProbe }: Question): Verdict {
  if (isProbe && readWords(answer)?.by === 'detail') {
    return ok(
      `${inTime(answer)} that it refuses ids that need not exist, so it took the credentials.`,
      askForIds,
    );
  }
  return problem(
    `Zenskar refuses the call: status 400${quoteWords(answer)}. It is not said to be about key or organisation.`,
    'Check that the entitlement and the customer belong together.',
  );
}

function judgeValidation(answer: Answer): Verdict {
  switch (blamedHeader(answer)) {
    case undefined:
      return problem(
        `Zenskar refuses the arguments: status 422${quoteWords(answer)}. Neither key nor organisation is the fault.`,
        'Check the ids; if they are right, the contract may have changed: compare it with the current reference of Zenskar.',
      );
    case 'organisation':
      return problem(
        'Wrong organisation: status 422 that blames the header organisation.',
        checkOrganisation,
      );
    case 'x-api-key':
      return problem('Wrong key: status 422 that blames the header x-api-key.', checkKey);
    case 'apiversion':
      return problem(
        'Wrong API version: status 422 that blames the header apiversion.',
        'Mend ZENSKAR_API_VERSION, or unset it.',
      );
    default:
      return problem(
        'Zenskar wants a header that the gateway does not send: status 422.',
        'Compare with the current reference of Zenskar.',
      );
  }
}

function knowsNoPath(answer: Answer): boolean {
  return answer.status === 403 && readWords(answer)?.text === 'Missing Authentication Token';
}

/** The first header that a 422 complains of. */
function blamedHeader({ body }: Answer): string | undefined {
  const json = parseJson(body);
  const detail = isObject(json) ? json.detail : undefined;
  const entries: readonly unknown[] = Array.isArray(detail) ? detail : [detail];
  const places = entries.map((entry) => (isObject(entry) ? entry.loc : undefined));
  const place = places.filter(Array.isArray).find(([first]) => first === 'header');
  return place && String(place[1]).toLowerCase().replaceAll('_', '-');
}
