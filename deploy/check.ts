import { checkCompose } from './checks/compose.ts';
import { checkGateways } from './checks/gateways.ts';
import { checkKustomizations } from './checks/kustomizations.ts';
import { checkPod } from './checks/pod.ts';
import { checkReferences } from './checks/references.ts';
import { checkResources } from './checks/resources.ts';

// Says what is wrong with the files that others deploy by, without a cluster or a docker to ask.
const podProblems = checkPod();
const problems = [
  ...checkResources(),
  ...checkKustomizations(),
  ...checkCompose(),
  ...podProblems,
  // Where the pod is not what it should be, there is nothing to refer to.
  ...(podProblems.length > 0 ? [] : [...checkReferences(), ...checkGateways()]),
];
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
