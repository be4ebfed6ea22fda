// Attacks that are no matter of layers alone, see ../corpus for those. `unpackRoom` checks that nothing outside has changed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dir, fifo, file, tar } from '../support/tar-builder.ts';
import { OWNERS, unpackRoom } from '../support/unpack-room.ts';

describe.each(OWNERS)('with owner %s', (owner) => {
  it('does not run programs of the image', async () => {
    using room = unpackRoom();
    const script = `#!/bin/sh\ntouch ${room.sentinel}/ran\n`;
    const tools = ['mkfifo', 'mknod', 'xargs', 'setfattr', 'python3'].map((name) =>
      file(`usr/bin/${name}`, script, { mode: 0o755 }),
    );
    await room.unpack([tar(...tools, fifo('pipe'))], { owner });
    expect(existsSync(join(room.sentinel, 'ran'))).toBe(false);
  });
});

it('says in which layer and where, and does not let names write control characters', async () => {
  using room = unpackRoom();
  const unpacking = room.unpack([tar(), tar(dir('d/'), file('../\n::error::\x1b[31m'))]);
  await expect(unpacking).rejects.toMatchObject({
    message: expect.stringMatching(/layer 2, tar entry at byte 512/),
  });
  await expect(unpacking).rejects.toMatchObject({ message: expect.not.stringMatching(/[^ -~]/) });
});
