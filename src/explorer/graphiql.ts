import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Config } from '../config/config.ts';
import { tabs } from './tabs.ts';

/** Something a page loads, as it goes over the wire. */
type PageFile = { type: string; gzipped: Buffer };

export type Graphiql = { page: string; files: ReadonlyMap<string, PageFile> };

/** Where Apollo Sandbox asks from. */
export const sandboxOrigin = 'https://studio.apollographql.com';

/** What callers are known by, for who asks to fill in. */
const defaultHeaders: Readonly<Record<Config['AUTH_MODE'], object | undefined>> = {
  none: undefined,
  jwt: { authorization: 'Bearer ' },
  router: { 'x-router-secret': '' },
  passthrough: { 'x-api-key': '', organisation: '' },
};

/**
 * GraphiQL and all that it loads, from here and nowhere else, as GraphQL Yoga builds and ships it. Undefined where it
 * is not asked for, as it takes some 40 MB of memory.
 */
export async function loadGraphiql(config: Config): Promise<Graphiql | undefined> {
  if (config.GRAPHQL_EXPLORER !== 'graphiql') return undefined;
  const { js, css, ...workers } = await import('@graphql-yoga/render-graphiql/graphiql');
  const texts: Readonly<Record<string, string>> = {
    'graphiql.js': [findWorkers, js, start(config), mendTabs].join('\n'),
    'graphiql.css': css + styles,
    'editor.worker.js': workers.editorWorkerService,
    'json.worker.js': workers.jsonWorker,
    'graphql.worker.js': workers.graphqlWorker,
  };
  const version = toVersion(Object.values(texts));
  const files = Object.entries(texts).map(([name, text]): [string, PageFile] => {
    const type = `text/${name.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`;
    return [`/graphql/${version}/${name}`, { type, gzipped: gzipSync(text) }];
  });
  return { page: toPage(version), files: new Map(files) };
}

/** Browsers keep files for as long as they are called the same; replicas of other releases have none of this name. */
function toVersion(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return hash.digest('hex').slice(0, 12);
}

/** All paths are relative: a proxy may serve the gateway below a path of its own. */
function toPage(version: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <title>Zenskar GraphQL gateway</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="graphql/${version}/graphiql.css">
    <script defer src="graphql/${version}/graphiql.js"></script>
  </head>
  <body>
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root" style="height: 100vh"></div>
  </body>
</html>
`;
}

/** The editor sets styles of its own on elements, so that these cannot be forbidden. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
].join('; ');

const findWorkers = `{
  const names = { json: 'json', graphql: 'graphql' };
  const here = document.currentScript.src;
  const getWorkerUrl = (_, label) => new URL((names[label] ?? 'editor') + '.worker.js', here).href;
  self.MonacoEnvironment = { globalAPI: false, getWorkerUrl };
}`;

/** Headers may be credentials, so they do not stay in the browser when the page is left. */
function start({ AUTH_MODE, CORS_ORIGINS }: Config): string {
  const headers = defaultHeaders[AUTH_MODE];
  const common = headers && { headers: JSON.stringify(headers, undefined, 2) };
  return `{
  const tabs = ${JSON.stringify(tabs.map((tab) => ({ ...tab, ...common })))};
  // Whoever was here before finds what was left. What is shown first must be said, or it is taken for one tab more.
  let left;
  try {
    left = JSON.parse(localStorage.getItem('graphiql:tabState'));
  } catch {}
  const shown = left?.tabs?.[left.activeTabIndex] ?? tabs[0];
  const link = document.createElement('a');
  link.href = '${sandboxOrigin}/sandbox/explorer?endpoint=' + encodeURIComponent(location.origin + location.pathname);
  link.textContent = 'Apollo Sandbox';
  YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
    title: ${CORS_ORIGINS.includes(sandboxOrigin)} ? link.outerHTML : ' ',
    logo: ' ',
    defaultTabs: tabs,
    defaultHeaders: tabs[0].headers,
    initialQuery: shown.query,
    initialVariables: shown.variables,
    onEditQuery() {},
    shouldPersistHeaders: false,
  });
}`;
}

/** GraphiQL says that its tabs are tabs, in which nobody who listens to a page is told of the buttons that they hold. */
const mendTabs = `{
  const mend = () => {
    for (const element of document.querySelectorAll('[role=tablist], [role=tab]')) element.removeAttribute('role');
    for (const tab of document.querySelectorAll('.graphiql-tab[aria-selected]')) {
      tab.firstChild.setAttribute('aria-current', tab.getAttribute('aria-selected'));
      tab.removeAttribute('aria-selected');
    }
  };
  new MutationObserver(mend).observe(document.querySelector('#root'), {
    subtree: true,
    childList: true,
    attributeFilter: ['aria-selected'],
  });
}`;

/**
 * What is too pale in GraphiQL to be read by all (WCAG 2.2, 1.4.3). And its tabs are still about to move to where they are
 * when they are pressed: they would jump away from under the pointer.
 */
const styles = `
.graphiql-container .graphiql-tab { transform: none !important; }
.graphiql-logo a, .graphiql-container .line-numbers { color: hsl(var(--color-neutral)) !important; }
body.graphiql-dark .mtk8 { color: #7fb26a; }
@media (prefers-color-scheme: dark) { body:not(.graphiql-light) .mtk8 { color: #7fb26a; } }
`;
