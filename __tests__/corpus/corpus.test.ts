// Holds the unpacker to the corpus: here, and in processes of another user and with a umask that takes everything away.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OwnerPolicy } from '../../src/unpack/ownership.ts';
import { canListXattrs, isRoot } from '../support/tree.ts';
import { type CorpusCase, canRunHere, inRoom, type UnpackedCase } from './case.ts';
import { asRunner, expectedRecords, type Listed, skippedByRunner } from './expected.ts';
import { CORPUS } from './index.ts';
import { type Failed, type Outcome, runCase, type Unpacked } from './room.ts';

const NOBODY = 65_534;
/** What another user gets is looked at in another process. */
const POLICY: OwnerPolicy = isRoot() ? 'preserve' : 'runner';
const ALL = CORPUS.flatMap(({ cases }) => cases);

interface Elsewhere {
  readonly how: string;
  readonly policy: OwnerPolicy;
  readonly umask: string;
  readonly user?: number;
  readonly skip?: boolean;
}

const OTHERS: readonly Elsewhere[] = [
  { how: 'as nobody', policy: 'runner', umask: '022', user: NOBODY, skip: !isRoot() },
  { how: 'as nobody with umask 077', policy: 'runner', umask: '077', user: NOBODY, skip: !isRoot() },
  { how: 'as this user with umask 077', policy: POLICY, umask: '077' },
];

it('has names that tell its cases apart', () => {
  const names = ALL.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe(`in this process, owner ${POLICY}`, () => {
  forEachCase(async (corpusCase) => check(corpusCase, await runCase(corpusCase, POLICY), POLICY));
});

describe.each(OTHERS)('$how', ({ policy, umask, user, skip = false }) => {
  if (skip) {
    it.skip('the corpus (only root can run something as another user)');
    return;
  }
  let outcomes = new Map<string, Outcome>();

  beforeAll(async () => {
    outcomes = await runElsewhere([policy, umask], user);
  }, 180_000);

  forEachCase(async (corpusCase) => check(corpusCase, outcomes.get(corpusCase.name), policy));
});

function forEachCase(run: (corpusCase: CorpusCase) => Promise<void>): void {
  describe.each(CORPUS)('$theme', ({ cases }) => {
    for (const corpusCase of cases)
      it.skipIf(!canRunHere(corpusCase))(corpusCase.name, () => run(corpusCase));
  });
}

async function runElsewhere(args: string[], user: number | undefined): Promise<Map<string, Outcome>> {
  const script = fileURLToPath(new URL('process.ts', import.meta.url));
  const become = user === undefined ? [] : [String(user)];
  const child = spawn(process.execPath, [script, ...args, ...become], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const outcomes = JSON.parse(await text(child.stdout)) as Outcome[];
  return new Map(outcomes.map((outcome) => [outcome.name, outcome]));
}

function check(corpusCase: CorpusCase, outcome: Outcome | undefined, policy: OwnerPolicy): void {
  if (!outcome) throw new Error('the process did not get to this case');
  expect(outcome.touched).toEqual([]);
  if ('code' in corpusCase) expect(outcome.result).toMatchObject({ code: corpusCase.code });
  else {
    const expected = expectedOf(corpusCase, outcome, policy);
    expect(withFreeTimes(outcome.result, expected)).toEqual(expected);
  }
}

function expectedOf(corpusCase: UnpackedCase, { outside, owner }: Outcome, policy: OwnerPolicy): Unpacked {
  const all = expectedRecords(inRoom(corpusCase.tree, outside));
  const listed = policy === 'preserve' ? all : asRunner(all, owner);
  const skipped = [...(corpusCase.skipped ?? []), ...(policy === 'preserve' ? [] : skippedByRunner(all))];
  const tree = canListXattrs ? listed : listed.map(({ xattrs, ...record }) => record);
  return { tree, skipped: skipped.sort() };
}

/** Takes the times away that nobody expects. */
function withFreeTimes(result: Unpacked | Failed, { tree }: Unpacked): Unpacked | Failed {
  if (!('tree' in result)) return result;
  const free = new Set(tree.filter(({ mtimeNs }) => mtimeNs === undefined).map(({ path }) => path));
  const listed = result.tree.map(
    ({ mtimeNs, ...record }): Listed => (free.has(record.path) ? record : { ...record, mtimeNs }),
  );
  return { ...result, tree: listed };
}
