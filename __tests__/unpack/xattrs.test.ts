// Both programs that set extended attributes do the same, also where some cannot be set.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findTool, runTool } from '../../src/unpack/host-tools.ts';
import { HostPaths } from '../../src/unpack/names.ts';
import { withPython, withSetfattr, type XattrJob } from '../../src/unpack/xattrs.ts';
import { takesXattrs } from '../support/takes-xattrs.ts';
import { listTree } from '../support/tree.ts';
import { unpackRoom } from '../support/unpack-room.ts';

const WAYS = [
  { tool: 'setfattr', set: withSetfattr },
  { tool: 'python3', set: withPython },
];

const isPossible = takesXattrs();

for (const { tool, set } of WAYS) {
  const path = findTool(tool);

  it.skipIf(!path || !isPossible)(
    `${tool} sets values to the byte on files with any name (needs ${tool} and xattrs)`,
    async () => {
      using room = unpackRoom();
      const odd = Buffer.from('a\n# file: b\\=\xe9', 'latin1');
      writeFileSync(Buffer.concat([Buffer.from(`${room.root}/`), odd]), '');
      const value = Buffer.from([0, 10, 0x22, 0x5c, 255]);
      const failures: unknown[] = [];
      const job: XattrJob = {
        files: [
          {
            path: odd.toString('latin1'),
            xattrs: new Map([
              ['user.a', value],
              ['user.b=\n\\x', Buffer.from('1')],
            ]),
          },
        ],
        paths: new HostPaths(room.root),
        onFailure: (...failure) => failures.push(failure),
      };
      await set(path ?? '', job);
      expect(failures).toEqual([]);
      expect(Object.values(listTree(room.root)[1]?.xattrs ?? {}).sort()).toEqual(['000a225cff', '31']);
    },
  );

  it.skipIf(!path || !isPossible)(
    `${tool} goes on after failures and tells of each (needs ${tool} and xattrs)`,
    async () => {
      using room = unpackRoom();
      writeFileSync(join(room.root, 'f\ng'), '');
      writeFileSync(join(room.root, 'good'), '');
      const one = (name: string) => new Map([[name, Buffer.from('x')]]);
      const failures: string[] = [];
      const job: XattrJob = {
        files: [
          { path: 'f\ng', xattrs: one('bogus.a') },
          { path: 'missing', xattrs: one('user.a') },
          { path: 'good', xattrs: one('user.a') },
        ],
        paths: new HostPaths(room.root),
        onFailure: (name, reason) => failures.push(`${name}: ${reason}`),
      };
      await set(path ?? '', job);
      expect(failures).toEqual(['f\ng: Operation not supported', 'missing: No such file or directory']);
      expect(listTree(room.root).find((record) => record.path === 'good')?.xattrs).toEqual({
        'user.a': '78',
      });
    },
  );

  it(`a ${tool} that cannot be run is one failure`, async () => {
    using room = unpackRoom();
    const failures: string[] = [];
    const files = [{ path: 'f', xattrs: new Map([['user.a', Buffer.from('x')]]) }];
    await set('/nonexistent/tool', {
      files,
      paths: new HostPaths(room.root),
      onFailure: (name, reason) => failures.push(name + reason),
    });
    expect(failures).toEqual([expect.stringContaining('ENOENT')]);
  });
}

it('finds programs at fixed places only, and survives one that reads nothing', async () => {
  expect(findTool('no-such-program')).toBeUndefined();
  expect(findTool('sh')).toMatch(/^\//);
  const result = await runTool(findTool('false') ?? '', [], Buffer.alloc(1 << 20));
  expect(result).toMatchObject({ status: 1, stdout: '' });
});
