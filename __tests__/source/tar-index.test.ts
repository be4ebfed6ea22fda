import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexTar } from '../../src/source/tar-index.ts';
import { rejected } from '../support/pull-error.ts';
import { END, tarEntry } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const { signal } = new AbortController();

const long = tarEntry({ name: 'x', type: 'x', body: '10 path=a\n' });
const global = tarEntry({ name: 'g', type: 'g', body: '10 path=g\n' });
const member = tarEntry({ name: 'b', body: 'b' });

function index(parts: readonly Buffer[], maxMembers?: number) {
  const path = join(temporary(), 'archive.tar');
  const bytes = Buffer.concat([...parts, END]);
  writeFileSync(path, bytes);
  return indexTar({ path, size: bytes.length }, signal, maxMembers);
}

const times = (count: number, ...parts: readonly Buffer[]) =>
  Array.from({ length: count }, () => parts).flat();

describe('an index of a tar archive', () => {
  it.each([
    ['members', times(10, member)],
    ['members with an extended header each', times(10, long, member)],
    ['members with extended and global headers', times(10, global, long, member)],
  ])('takes as many %s as are allowed', async (_, parts) => {
    await index(parts, 10);
    expect((await rejected('LIMIT_EXCEEDED', index([...parts, member], 10))).message).toContain('10 members');
  });

  it('takes no headers without end that are about no member', async () => {
    const error = await rejected('LIMIT_EXCEEDED', index(times(41, global), 10));
    expect(error.message).toContain('40 headers');
  });

  it('takes 200,000 members unless told', async () => {
    const many = Buffer.alloc(200_000 * 512, tarEntry({ name: 'a' }));
    expect((await index([many])).find('b')).toBeUndefined();
    await rejected('LIMIT_EXCEEDED', index([many, member]));
  }, 60_000);

  it('finds members of any size, wherever they lie', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(2000), fc.integer({ min: 200_000, max: 600_000 })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (all) => {
        const items = all.map((size, number) => ({ name: `m${number}`, body: Buffer.alloc(size, number) }));
        const found = await index(items.map(tarEntry));
        let at = 0;
        for (const { name, body } of items) {
          expect(found.find(name)).toMatchObject({ offset: at + 512, size: body.length });
          at += 512 + Math.ceil(body.length / 512) * 512;
        }
      }),
      { numRuns: 30 },
    );
  });
});
