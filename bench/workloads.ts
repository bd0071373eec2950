import { simulatedQuantity } from '../src/simulator/behaviours.ts';

const entitlementId = '3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d';
const hotCustomers = 500;

/** `hot`: the same bytes each time. `varied`: other customers each time, all of them asked for before. `cold`: never. */
type Variety = 'hot' | 'varied' | 'cold';

export type Workload = {
  name: string;
  meaning: string;
  variety: Variety;
  /** Totals of one operation. */
  size: number;
  asEntities: boolean;
  upstreamDelayMs: number;
};

const workload = (name: string, meaning: string, rest: Partial<Workload> = {}): Workload => {
  return { name, meaning, variety: 'hot', size: 1, asEntities: false, upstreamDelayMs: 0, ...rest };
};

export const workloads: readonly Workload[] = [
  workload('W1', 'one total, hot'),
  workload('W2', '50 aliases, hot', { size: 50 }),
  workload('W2v', '50 aliases, hot, another body each time', { size: 50, variety: 'varied' }),
  workload('W2c', '50 aliases, cold', { size: 50, variety: 'cold' }),
  workload('W3', 'one total, cold', { variety: 'cold' }),
  workload('W3s', 'one total, cold, upstream of 20 ms', { variety: 'cold', upstreamDelayMs: 20 }),
  workload('W4', '50 entities, hot', { size: 50, asEntities: true }),
  workload('W4v', '50 entities, hot, another body each time', {
    size: 50,
    asEntities: true,
    variety: 'varied',
  }),
];

const idOf = (n: number, base = 0) =>
  `${base.toString(16).padStart(8, '0')}-7777-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** What ids are called differs between the contestants. */
function toQuery({ size, asEntities }: Workload, idType: string): string {
  if (asEntities)
    return `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { entitlementTotal(entitlementId: "${entitlementId}") { quantity } } } }`;
  const count = Array.from({ length: size }, (_, n) => n);
  const fields = count.map(
    (n) =>
      `a${n}: customerEntitlementTotal(entitlementId: "${entitlementId}", customerId: $c${n}) { quantity }`,
  );
  return `query (${count.map((n) => `$c${n}: ${idType}!`).join(', ')}) { ${fields.join(' ')} }`;
}

/** One question and its right answer. */
export function toSample(workload: Workload, idType: string, base: number) {
  const ids = Array.from({ length: workload.size }, (_, n) =>
    idOf(n, workload.variety === 'cold' ? base : 0),
  );
  const variables = workload.asEntities
    ? { r: ids.map((id) => ({ __typename: 'Customer', id })) }
    : Object.fromEntries(ids.map((id, n) => [`c${n}`, id]));
  const totals = ids.map((customerId) => ({
    quantity: simulatedQuantity({ entitlementId, customerId, startDate: null, endDate: null }),
  }));
  const data = workload.asEntities
    ? { _entities: totals.map((entitlementTotal) => ({ entitlementTotal })) }
    : Object.fromEntries(totals.map((total, n) => [`a${n}`, total]));
  return { body: JSON.stringify({ query: toQuery(workload, idType), variables }), answer: { data } };
}

/** `base` keeps the customers of one cold run apart from those of all others. */
type Asking = { idType: string; base: number; token?: string | undefined };

/** The same as a program for wrk. It takes as little time as can be: where workers are compared, it shares a core with one. */
export function toLua(workload: Workload, { idType, base, token }: Asking): string {
  const { variety, size, asEntities } = workload;
  const query = JSON.stringify(toQuery(workload, idType)).slice(1, -1);
  const item = asEntities ? `'{"__typename":"Customer","id":"'..id..'"}'` : `'"c'..n..'":"'..id..'"'`;
  const [open, close] = asEntities ? ['{"r":[', ']}'] : ['{', '}'];
  const customer = {
    hot: 'item(n, n)',
    varied: `known[n][math.random(0, ${hotCustomers - 1})]`,
    cold: 'item(n, fresh())',
  }[variety];
  return `
local head = '{"query":"'..[[${query}]]..'","variables":${open}'
local seen = 0
local function fresh() seen = seen + 1; return seen end
local function item(n, customer)
  local id = string.format("${(variety === 'cold' ? base : 0).toString(16).padStart(8, '0')}-7777-4000-8000-%012x", customer)
  return ${item}
end
local known = {}
for n = 0, ${size - 1} do
  known[n] = {}
  for customer = 0, ${hotCustomers - 1} do known[n][customer] = item(n, customer) end
end
local items = {}
local function body()
  for n = 0, ${size - 1} do items[n + 1] = ${customer} end
  return head..table.concat(items, ",")..'${close}}'
end
math.randomseed(${base})
local made = body()
local headers = { ["content-type"] = "application/json"${token === undefined ? '' : `, authorization = "Bearer ${token}"`} }
request = function()
  return wrk.format("POST", "/graphql", headers, ${variety === 'hot' ? 'made' : 'body()'})
end
`;
}
