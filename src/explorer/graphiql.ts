import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Config } from '../config/config.ts';
import { tabs } from './tabs.ts';

/** A file that the page loads, compressed once. */
type PageFile = { type: string; gzipped: Buffer };

export type Graphiql = { page: string; files: ReadonlyMap<string, PageFile> };

/** The origin of requests from Apollo Sandbox. */
export const sandboxOrigin = 'https://studio.apollographql.com';

/** The headers that identify callers in each mode, for the user to fill in. */
const defaultHeaders: Readonly<Record<Config['AUTH_MODE'], object | undefined>> = {
  none: undefined,
  jwt: { authorization: 'Bearer ' },
  router: { 'x-router-secret': '' },
  passthrough: { 'x-api-key': '', organisation: '' },
};

/**
 * GraphiQL as GraphQL Yoga builds it, with all its files, so that the page loads nothing from other origins. Loaded only
 * if it is turned on: it takes 40 MB of memory.
 */
export async function loadGraphiql(config: Config): Promise<Graphiql | undefined> {
  if (config.GRAPHQL_EXPLORER !== 'graphiql') return undefined;
  const { js, css, ...workers } = await import('@graphql-yoga/render-graphiql/graphiql');
  const texts: Readonly<Record<string, string>> = {
    'graphiql.js': [locateWorkers, js, toStartScript(config), fixTabRoles].join('\n'),
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

/** A part of the file names: browsers cache files by name, and replicas of another release have other files. */
function toVersion(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return hash.digest('hex').slice(0, 12);
}

/** All paths are relative, because a proxy may serve the gateway under a path prefix. */
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

/** The editor sets inline styles, so `style-src` must allow them. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
].join('; ');

const locateWorkers = `{
  const names = { json: 'json', graphql: 'graphql' };
  const here = document.currentScript.src;
  const getWorkerUrl = (_, label) => new URL((names[label] ?? 'editor') + '.worker.js', here).href;
  self.MonacoEnvironment = { globalAPI: false, getWorkerUrl };
}`;

/** Headers may hold credentials, so the browser does not store them. */
function toStartScript({ AUTH_MODE, CORS_ORIGINS }: Config): string {
  const headers = defaultHeaders[AUTH_MODE];
  const common = headers && { headers: JSON.stringify(headers, undefined, 2) };
  return `{
  const tabs = ${JSON.stringify(tabs.map((tab) => ({ ...tab, ...common })))};
  // GraphiQL restores the tabs of an earlier visit. An initial query that differs from the active tab would add a tab.
  let stored;
  try {
    stored = JSON.parse(localStorage.getItem('graphiql:tabState'));
  } catch {}
  const activeTab = stored?.tabs?.[stored.activeTabIndex] ?? tabs[0];
  const link = document.createElement('a');
  link.href = '${sandboxOrigin}/sandbox/explorer?endpoint=' + encodeURIComponent(location.origin + location.pathname);
  link.textContent = 'Apollo Sandbox';
  YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
    title: ${CORS_ORIGINS.includes(sandboxOrigin)} ? link.outerHTML : ' ',
    logo: ' ',
    defaultTabs: tabs,
    defaultHeaders: tabs[0].headers,
    initialQuery: activeTab.query,
    initialVariables: activeTab.variables,
    onEditQuery() {},
    shouldPersistHeaders: false,
  });
}`;
}

/** GraphiQL gives its tabs the role `tab`, which hides the buttons within them from screen readers. */
const fixTabRoles = `{
  const fix = () => {
    for (const element of document.querySelectorAll('[role=tablist], [role=tab]')) element.removeAttribute('role');
    for (const tab of document.querySelectorAll('.graphiql-tab[aria-selected]')) {
      tab.firstChild.setAttribute('aria-current', tab.getAttribute('aria-selected'));
      tab.removeAttribute('aria-selected');
    }
  };
  new MutationObserver(fix).observe(document.querySelector('#root'), {
    subtree: true,
    childList: true,
    attributeFilter: ['aria-selected'],
  });
}`;

/**
 * Raises the contrast of some texts (WCAG 2.2, 1.4.3), and turns the animation of tabs off, which would move them away from
 * the pointer during a click.
 */
const styles = `
.graphiql-container .graphiql-tab { transform: none !important; }
.graphiql-logo a, .graphiql-container .line-numbers { color: hsl(var(--color-neutral)) !important; }
body.graphiql-dark .mtk8 { color: #7fb26a; }
@media (prefers-color-scheme: dark) { body:not(.graphiql-light) .mtk8 { color: #7fb26a; } }
`;
