import { createHash } from 'node:crypto';
import type { Config } from '../config.ts';
import { tabs } from './tabs.ts';

/** Something a page loads. */
type PageFile = { type: string; text: string };

export type Graphiql = { page: string; files: ReadonlyMap<string, PageFile> };

/** Where Apollo Sandbox asks from. */
export const sandboxOrigin = 'https://studio.apollographql.com';

/**
 * GraphiQL and all that it loads, from here and nowhere else, as GraphQL Yoga builds and ships it. Undefined where it
 * is not asked for: it takes 9 MB.
 */
export async function loadGraphiql(config: Config): Promise<Graphiql | undefined> {
  if (config.GRAPHQL_EXPLORER !== 'graphiql') return undefined;
  const { js, css, ...workers } = await import('@graphql-yoga/render-graphiql/graphiql');
  const toScript = (text: string) => ({ type: 'text/javascript; charset=utf-8', text });
  const script = [findWorkers, js, start(config.CORS_ORIGINS.includes(sandboxOrigin)), mendTabs].join('\n');
  const files = new Map<string, PageFile>([
    ['/graphql/graphiql.js', toScript(script)],
    ['/graphql/graphiql.css', { type: 'text/css; charset=utf-8', text: css + styles }],
    ['/graphql/editor.worker.js', toScript(workers.editorWorkerService)],
    ['/graphql/json.worker.js', toScript(workers.jsonWorker)],
    ['/graphql/graphql.worker.js', toScript(workers.graphqlWorker)],
  ]);
  return { page: toPage(toVersion(files)), files };
}

/** Files are kept by browsers until their names change, and so do the names. */
function toVersion(files: ReadonlyMap<string, PageFile>): string {
  const hash = createHash('sha256');
  for (const { text } of files.values()) hash.update(text);
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
    <link rel="stylesheet" href="graphql/graphiql.css?${version}">
    <script defer src="graphql/graphiql.js?${version}" data-version="${version}"></script>
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
  const { version } = document.currentScript.dataset;
  const names = { json: 'json', graphql: 'graphql' };
  const getWorkerUrl = (_, label) => \`graphql/\${names[label] ?? 'editor'}.worker.js?\${version}\`;
  self.MonacoEnvironment = { globalAPI: false, getWorkerUrl };
}`;

/** Headers may be credentials, so they do not stay in the browser when the page is left. */
function start(isSandboxAllowed: boolean): string {
  return `{
  const tabs = ${JSON.stringify(tabs)};
  // Whoever was here before finds what was left. What is shown first must be said, or it is taken for one tab more.
  const left = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}');
  const shown = left.tabs?.[left.activeTabIndex] ?? tabs[0];
  const link = document.createElement('a');
  link.href = '${sandboxOrigin}/sandbox/explorer?endpoint=' + encodeURIComponent(location.origin + location.pathname);
  link.textContent = 'Apollo Sandbox';
  YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
    title: ${isSandboxAllowed} ? link.outerHTML : ' ',
    logo: ' ',
    defaultTabs: tabs,
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
