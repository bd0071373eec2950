import { checkCompose, checkKustomizations } from './checks/files.ts';
import { checkGateways } from './checks/gateways.ts';
import { checkPod } from './checks/pod.ts';
import { checkReferences } from './checks/references.ts';
import { checkResources } from './checks/resources.ts';

// Checks the deployment files without a cluster or Docker; prints one line for each problem.
const podProblems = checkPod();
const problems = [
  ...checkResources(),
  ...checkKustomizations(),
  ...checkCompose(),
  ...podProblems,
  // References cannot be checked against an invalid pod template.
  ...(podProblems.length > 0 ? [] : [...checkReferences(), ...checkGateways()]),
];
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
