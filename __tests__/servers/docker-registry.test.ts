// docker-registry as it guards itself: not at all, with passwords, with tokens.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { skipUnless } from '../support/daemon.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { startNginx } from '../support/nginx.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { startTokenService, type TokenServiceOptions } from '../support/token-service.ts';
import { expectTree, FORMATS, fillRegistry, LOGIN, pullFrom, wayOf } from './room.ts';

const newDirectory = temporaryDirectories();
const data = newDirectory();

describe.skipIf(skipUnless('docker-registry', 'htpasswd', 'openssl'))('docker-registry', () => {
  beforeAll(() => fillRegistry(data));

  it.each(FORMATS)('that is open serves %s', async (format) => {
    await using registry = await startDockerRegistry({ data });
    expectTree(await pullFrom({ host: registry.host, format }), wayOf(format));
  });

  describe('with passwords', () => {
    const file = join(newDirectory(), 'htpasswd');
    const settings = { auth: { htpasswd: { realm: 'registry of the tests', path: file } } };
    beforeAll(() => {
      const { username, password } = LOGIN;
      writeFileSync(file, execFileSync('htpasswd', ['-Bbn', username, password]));
    });

    it.each(FORMATS)('serves %s to who has one', async (format) => {
      await using registry = await startDockerRegistry({ data, settings });
      expectTree(await pullFrom({ host: registry.host, format, login: LOGIN }), wayOf(format));
    });

    it.each([
      ['a wrong one', { ...LOGIN, password: 'another' }, /credential .*was sent and refused/],
      ['none', undefined, /No credential was sent/],
    ])('refuses %s', async (_, login, hint) => {
      await using registry = await startDockerRegistry({ data, settings });
      const { status, stderr } = await pullFrom({ host: registry.host, format: 'gzip', login });
      expect(status).toBe(1);
      expect(stderr).toMatch(/^code: UNAUTHORIZED$/m);
      expect(stderr).toMatch(hint);
      expect(stderr).not.toContain('another');
    });
  });

  describe('with tokens', () => {
    const authority = createAuthority(newDirectory());

    async function startGuarded(options: Partial<TokenServiceOptions>) {
      const service = await startTokenService({ authority, ...options });
      const registry = await startDockerRegistry({ data, settings: { auth: service.settings } });
      return {
        service,
        host: registry.host,
        async [Symbol.asyncDispose]() {
          await registry.close();
          await service[Symbol.asyncDispose]();
        },
      };
    }

    it.each(FORMATS)('serves %s for one exchange of the password', async (format) => {
      await using guarded = await startGuarded({ login: LOGIN });
      const { host, service } = guarded;
      expectTree(await pullFrom({ host, format, login: LOGIN }), wayOf(format));
      expect(service.given).toEqual([`repository:fx/${format}:pull`]);
    });

    it('serves anybody to whom the service gives a token', async () => {
      await using guarded = await startGuarded({});
      expectTree(await pullFrom({ host: guarded.host, format: 'gzip' }), 'whole');
      expect(guarded.service.given).toHaveLength(1);
    });

    it('that expire in the middle is given new ones', async () => {
      await using guarded = await startGuarded({ login: LOGIN, lifetime: 2 });
      // One connection and a slow way: the second layer is asked for when the first token is no good any more.
      await using nginx = await startNginx({ upstream: guarded.host, location: 'limit_rate 700k;' });
      const slowly = ['--concurrency', '1'];
      const run = await pullFrom({ host: nginx.host, format: 'gzip', login: LOGIN, args: slowly });
      expectTree(run, 'whole');
      const refused = nginx.log().filter(({ status }) => status === '401').length;
      // The first refusal brings the challenge, each further one is an expired token.
      expect(guarded.service.given).toHaveLength(refused);
      expect(refused).toBeGreaterThanOrEqual(2);
      expect(refused).toBeLessThanOrEqual(4);
    });

    it('tells a wrong password from a bad token', async () => {
      await using guarded = await startGuarded({ login: { ...LOGIN, password: 'another' } });
      const { stderr } = await pullFrom({ host: guarded.host, format: 'gzip', login: LOGIN });
      expect(stderr).toMatch(/^code: UNAUTHORIZED$/m);
      expect(stderr).toMatch(/token for/);
      expect(guarded.service).toMatchObject({ given: [], refused: 1 });
    });

    it('does not ask for tokens without end when the registry takes none', async () => {
      const stranger = createAuthority(newDirectory()).issue('DNS:stranger.test');
      await using guarded = await startGuarded({ signer: stranger });
      const { stderr } = await pullFrom({ host: guarded.host, format: 'gzip' });
      expect(stderr).toMatch(/^code: UNAUTHORIZED$/m);
      expect(guarded.service.given.length).toBeLessThanOrEqual(2);
    });
  });
});
