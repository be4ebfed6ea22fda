// What is told of layers when an attempt has taken a detour.
import { expect, it } from 'vitest';
import { scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { runProgram } from '../support/program.ts';
import { startRegistry } from '../support/registry.ts';

it('each layer has one line, and one more only where more of it is fetched', async () => {
  using dir = scratch();
  const { layer } = fixtureImage('v1', 'gzip');
  await using registry = await startRegistry({
    images: [{ repository: 'app', layout: fixtureLayout('gzip') }],
    faults: [{ kind: 'corrupt', offset: 9000, on: layer.digest, times: 1 }],
  });
  const args = [`${registry.host}/app:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache')];
  const { status, stderr } = await runProgram([...args, '--platform=linux/amd64'], { home: dir.path });
  expect([status, stderr]).toEqual([0, expect.stringContaining('arrived damaged and is fetched again')]);
  const lines = [...stderr.matchAll(/^layer \d+ (sha256:\w+)( again)?: whole/gm)];
  const damaged = layer.digest.slice(0, 'sha256:'.length + 12);
  expect(lines.filter(([, , again]) => !again).length).toBe(2);
  expect(lines.filter(([, , again]) => again).map(([, digest]) => digest)).toEqual([damaged]);
});
