import type { Finding, Report } from './examine.ts';

/** The report for people: the variables, one line for each finding, and what it all comes to. */
export function toText({ variables, findings }: Report): string {
  const shown = Object.entries(variables).map(([name, value]) => `  ${name}=${value}`);
  const problems = findings.filter(({ status }) => status === 'problem').length;
  return [
    'Variables (of a secret only whether it is set):',
    ...shown,
    '',
    ...findings.map(toLine),
    '',
    problems === 0 ? 'No problem found.' : `${problems} ${problems === 1 ? 'problem' : 'problems'} found.`,
    '',
  ].join('\n');
}

function toLine({ status, check, reason, next }: Finding): string {
  return `${status.padEnd(8)}${check}: ${reason}${next === undefined ? '' : ` Next: ${next}`}`;
}
