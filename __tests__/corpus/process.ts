// Runs the whole corpus in a process of its own: node process.ts POLICY UMASK [USER]. Writes the outcomes as JSON to standard output.
import type { OwnerPolicy } from '../../src/unpack/ownership.ts';
import { canRunHere } from './case.ts';
import { CORPUS } from './index.ts';
import { type Outcome, runCase } from './room.ts';

const [owner = 'runner', umask = '022', user] = process.argv.slice(2);
process.umask(Number.parseInt(umask, 8));
// Only now: that user need not be able to read Node or the checkout.
if (user !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(Number(user));
  process.setuid?.(Number(user));
}
const outcomes: Outcome[] = [];
for (const { cases } of CORPUS)
  for (const each of cases.filter(canRunHere)) outcomes.push(await runCase(each, owner as OwnerPolicy));
process.stdout.write(JSON.stringify(outcomes));
