import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { toCapacityTable } from '../../deploy/checks/capacity.ts';
import { checkResource } from '../../deploy/checks/resources.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { describeWithPromtool, promtool } from '../support/promtool.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const pathOf = (name: string) => new URL(name, root).pathname;

/** The names of the gateway's metrics and of those that Prometheus adds. */
async function readMetricNames(): Promise<string[]> {
  const metrics = createMetrics({
    config: { UPSTREAM_BREAKER_RESET_MS: 1 },
    monotonic: () => performance.now(),
  });
  metrics.count({ type: 'redisChanged', state: 'up', reason: undefined });
  metrics.count({ type: 'purgesPending', count: 0 });
  const { body } = await metrics.read();
  return [...[...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name), 'up', 'ALERTS'];
}
const metricNames = await readMetricNames();

type Rule = { alert?: string; record?: string; expr: string } & {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};
const rules: Rule[] = parse(read('deploy/prometheus/rules.yaml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const recorded = rules.flatMap(({ record }) => record ?? []);

const dashboard = JSON.parse(read('deploy/grafana/dashboard.json'));
const queries: string[] = [
  ...read('deploy/grafana/dashboard.json').matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g),
].map(([, text = '']) => JSON.parse(text));

const page = read('docs/operations.md');
/** The page without its code blocks. */
const prose = page.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
const sections = [...prose.matchAll(/^### (\w+)\n\n([\s\S]*?)(?=^#)/gm)].map(([, name = '', text = '']) => ({
  name,
  text,
}));
const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
const toAnchor = (heading: string) => heading.toLowerCase().replaceAll(/[^a-z0-9 -]/g, '');
const anchors = headings.map((heading) => toAnchor(heading).replaceAll(' ', '-'));

/** The metric names in a query: names that are not labels, functions, numbers or keywords. */
function namesIn(query: string): string[] {
  const bare = query
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\boffset\s+\w+/g, ' ');
  const words = [...bare.matchAll(/\b[a-zA-Z_:][\w:]*(?!\w|\s*\()/g)].map(([word]) => word);
  return words.filter((word) => !/^(and|or|unless|bool)$/.test(word));
}

function unknownNames(names: readonly string[]): string[] {
  const known = new Set([...metricNames, ...recorded]);
  const isKnown = (name: string) => known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, ''));
  return names.filter((name) => !isKnown(name));
}

describe('the alerts', () => {
  it('have a severity, a summary, and a section with first steps in docs/operations.md', () => {
    for (const { alert = '', labels: { severity = '' } = {}, annotations } of alerts) {
      expect(['critical', 'warning']).toContain(severity);
      expect(annotations).toEqual({
        summary: expect.stringMatching(/^.{10,100}\.$/),
        runbook: `docs/operations.md#${alert.toLowerCase()}`,
      });
      const [section] = sections.filter(({ name }) => name === alert);
      expect(section?.text.toLowerCase()).toMatch(new RegExp(`^${severity}\\. `));
      expect(section?.text).toMatch(/^- \S/m);
      expect(anchors).toContain(alert.toLowerCase());
    }
  });

  it('are the only sections under "Alerts" in docs/operations.md, in the same order', () => {
    const [, alertSections = ''] = /^## Alerts\n([\s\S]*?)^## /m.exec(prose) ?? [];
    const described = [...alertSections.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(described).toEqual(alerts.map(({ alert }) => alert));
  });

  it('each have a test case in which they fire and one in which they do not', () => {
    const { tests } = parse(read('deploy/prometheus/rules.test.yaml'));
    const cases: { alertname: string; exp_alerts: unknown[] }[] = tests.flatMap(
      (one: { alert_rule_test?: [] }) => one.alert_rule_test ?? [],
    );
    const named = (fires: boolean) =>
      cases.filter((one) => one.exp_alerts.length > 0 === fires).map((one) => one.alertname);
    const all = new Set(alerts.map(({ alert }) => alert));
    expect(new Set(named(true))).toEqual(all);
    expect(new Set(named(false))).toEqual(all);
  });
});

describe('the metrics in rules, dashboard and docs/operations.md', () => {
  it('exist', () => {
    expect(queries.length).toBeGreaterThan(25);
    expect(rules.flatMap(({ expr }) => unknownNames(namesIn(expr)))).toEqual([]);
    expect(queries.flatMap((query) => unknownNames(namesIn(query)))).toEqual([]);
    const named = [...prose.matchAll(/`([a-z]+(?:_[a-z0-9]+)+)(?:\{[^`]*\})?`/g)].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(unknownNames(named)).toEqual([]);
  });

  it('are found in a query that also has labels, ranges, functions, numbers and keywords', () => {
    const query =
      'sum by (job, le) (rate(a_b{x="c_d"}[5m] offset 1h)) / on(job) job:e:f > 2e3 or vector(0) and g';
    expect(namesIn(query)).toEqual(['a_b', 'job:e:f', 'g']);
  });

  it('are selected by job first in each query with a selector', () => {
    const expressions = [...rules.map(({ expr }) => expr), ...queries];
    const withoutJob = expressions.filter((query) => /\b(?:up|[a-z]+(?:_[a-z0-9]+)+)\{(?!job=)/.test(query));
    expect(withoutJob).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('links only to headings that it has', () => {
    const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });

  it('lists the rows of the dashboard', () => {
    const [, table = ''] = /\| row \| asks \|.*\n\|---.*\n((?:\|.*\n)+)/.exec(page) ?? [];
    const rows = dashboard.panels.filter(({ type }: { type: string }) => type === 'row');
    expect([...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, name]) => name)).toEqual(
      rows.map(({ title }: { title: string }) => title),
    );
  });

  it('has the capacity table of the latest measurement, which `node deploy/capacity.ts` updates', () => {
    expect(page).toContain(`<!-- capacity -->\n\n${toCapacityTable(read('docs/performance.md'))}\n`);
  });
});

describe('schema check of the Kubernetes manifests', () => {
  const service = parse(read('deploy/kubernetes/base/service.yaml'));

  it.each([
    [
      'a misspelt field',
      { ...service, spec: { ...service.spec, selectors: {} } },
      '/spec/selectors is not a field of Service.',
    ],
    ['a misspelt top-level field', { ...service, sepc: {} }, '/sepc is not a field of Service.'],
    [
      'a wrong type',
      { ...service, spec: { ports: [{ port: '80' }] } },
      'data/spec/ports/0/port must be integer',
    ],
    [
      'an unknown kind',
      { ...service, kind: 'Servise' },
      'No model for this apiVersion and kind; add it to the models.',
    ],
  ])('reports %s', (_, resource, problem) => {
    expect(checkResource(service)).toEqual([]);
    expect(checkResource(resource)).toEqual([problem]);
  });
});

describeWithPromtool('promtool', () => {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const content = (words: string) => ({ isContent: true, output: expect.stringContaining(words) });

  it('accepts the rules and the configuration that loads them', async () => {
    const found = content(`${rules.length} rules found`);
    expect(await promtool('check', 'rules', pathOf('deploy/prometheus/rules.yaml'))).toEqual(found);
    const config = pathOf('deploy/prometheus/prometheus.yaml');
    expect(await promtool('check', 'config', config)).toEqual(content('SUCCESS'));
  });

  it('passes the unit tests of the alerts', async () => {
    const tests = pathOf('deploy/prometheus/rules.test.yaml');
    expect(await promtool('test', 'rules', tests)).toEqual(content('SUCCESS'));
  }, 60_000);

  it('parses every query of the dashboard', async () => {
    const expandedQueries = queries.map((query) =>
      query.replaceAll('$job', 'any').replaceAll('$__rate_interval', '1m'),
    );
    const file = join(folder, 'dashboard.yaml');
    const list = expandedQueries.map((expr, n) => ({ record: `query:${n}`, expr }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: list }] }));
    expect(await promtool('check', 'rules', file)).toEqual(content(`${list.length} rules found`));
  });
});
