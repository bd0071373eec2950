import { checkCompose } from './checks/compose.ts';
import { checkGateways } from './checks/gateways.ts';
import { checkKustomizations } from './checks/kustomizations.ts';
import { checkResources } from './checks/resources.ts';

// Says what is wrong with the files that others deploy by, without a cluster or a docker to ask.
const problems = [...checkResources(), ...checkKustomizations(), ...checkCompose(), ...checkGateways()];
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
