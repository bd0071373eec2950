import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';

const entitlementId = '"3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d"';
const customerId = '"9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"';

/** What examples say for each argument and each field of an input, as GraphQL writes it. */
const exampleValues: Readonly<Record<string, string>> = {
  entitlementId,
  customerId,
  startDate: '1767225600',
  endDate: '1769904000',
  entitlementIds: `[${entitlementId}]`,
  requests: `[{ entitlementId: ${entitlementId}, customerId: ${customerId}, startDate: 1767225600, endDate: 1769904000 }]`,
};

type Field = GraphQLField<unknown, unknown>;

/** A plugin of graphql-codegen: the reference of the schema as Markdown, with an example for each field that runs in the demo. */
export function plugin(schema: GraphQLSchema): string {
  const named = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('_'));
  const sections = [
    ...named.filter(isObjectType).map((type) => describeObject(type, findWays(schema))),
    ...named.filter(isInputObjectType).map(describeInput),
    ...named.filter((type) => isScalarType(type) && !isSpecifiedScalarType(type)).map(describeType),
  ];
  return `${introduction}\n${sections.join('\n')}`;
}

const introduction = `# Schema reference

Generated from \`schema/\` by \`npm run codegen\`. Every example runs in \`npm run demo\`.
The gateway also has the fields \`_service\` and \`_entities\` of a Federation 2 subgraph: see [federation.md](federation.md).
`;

/** The shortest way from the root to each type of object, as the fields to pass. */
function findWays(schema: GraphQLSchema): ReadonlyMap<GraphQLNamedType, readonly Field[]> {
  const root = schema.getQueryType();
  const ways = new Map<GraphQLNamedType, readonly Field[]>(root ? [[root, []]] : []);
  // The map grows while it is walked, nearest types first.
  for (const [type, way] of ways) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const next = getNamedType(field.type);
      if (isObjectType(next) && !ways.has(next)) ways.set(next, [...way, field]);
    }
  }
  return ways;
}

function describeObject(type: GraphQLObjectType, ways: ReturnType<typeof findWays>): string {
  const fields = Object.values(type.getFields()).filter(({ name }) => !name.startsWith('_'));
  const way = ways.get(type);
  if (way === undefined)
    throw new Error(`No field leads to ${type.name}, so that there is no example of it.`);
  const described = fields.map((field) => {
    const title = `### ${type.name}.${field.name}: \`${field.type}\``;
    const parts = [title, field.description ?? '', describeArguments(field.args), toExample(way, field)];
    return parts.filter((part) => part !== '').join('\n\n');
  });
  return [describeType(type), ...described].join('\n');
}

function describeInput(type: GraphQLInputObjectType): string {
  const fields = Object.values(type.getFields());
  const lines = fields.map(
    ({ name, type: kind, description }) => `- \`${name}: ${kind}\` ${description ?? ''}`,
  );
  return `${describeType(type)}\n${lines.join('\n')}\n\nThe example of the field that takes this input contains every field.\n`;
}

function describeType({ name, description }: GraphQLNamedType): string {
  return `## ${name}\n${description === undefined || description === null ? '' : `\n${description}\n`}`;
}

function describeArguments(args: readonly GraphQLArgument[]): string {
  return args.map(({ name, type, description }) => `- \`${name}: ${type}\` ${description ?? ''}`).join('\n');
}

function toExample(way: readonly Field[], field: Field): string {
  const asked = [
    ...way.map((step) => call(step, step.args.filter(isRequiredArgument))),
    call(field, field.args),
  ];
  const type = getNamedType(field.type);
  if (!isLeafType(type)) asked.push(isObjectType(type) ? toLeaf(type) : '');
  const lines = asked.map((line, depth) => {
    const indent = '  '.repeat(depth + 1);
    return `${indent}${line.replaceAll('\n', `\n${indent}`)}${depth + 1 < asked.length ? ' {' : ''}`;
  });
  const ends = asked.map((_, depth) => `${'  '.repeat(depth)}}`).reverse();
  return `\`\`\`graphql\n{\n${lines.join('\n')}\n${ends.join('\n')}\n\`\`\`\n`;
}

function call({ name }: Field, args: readonly GraphQLArgument[]): string {
  const given = args.map((argument) => `${argument.name}: ${toValue(argument.name)}`);
  if (given.length === 0) return name;
  return given.length === 1 ? `${name}(${given})` : `${name}(\n  ${given.join('\n  ')}\n)`;
}

function toValue(argument: string): string {
  const value = exampleValues[argument];
  if (value === undefined)
    throw new Error(`Give an example of ${argument} in src/graphql/describeSchema.ts.`);
  return value;
}

/** What one asks first of an object. */
function toLeaf(type: GraphQLObjectType): string {
  return 'quantity' in type.getFields() ? 'quantity' : 'id';
}
