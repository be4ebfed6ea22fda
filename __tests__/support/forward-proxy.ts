// The Debian tinyproxy as a forward proxy on loopback, with a log of what was asked of it.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDaemon } from './daemon.ts';
import { freePort } from './docker-registry.ts';

export interface ForwardProxy extends AsyncDisposable {
  readonly url: string;
  /** Request lines so far: `CONNECT host:port HTTP/1.1`, `GET http://host:port/path HTTP/1.1`. */
  requests(): string[];
}

export interface ForwardProxyOptions {
  /** Refuses everybody else. */
  readonly login?: { readonly username: string; readonly password: string };
}

export async function startForwardProxy({ login }: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'tinyproxy-'));
  const port = await freePort();
  const log = join(directory, 'log');
  const lines = [
    `Port ${port}`,
    'Listen 127.0.0.1',
    'Timeout 60',
    `LogFile "${log}"`,
    'LogLevel Connect',
    'MaxClients 100',
    'Allow 127.0.0.1',
    ...(login ? [`BasicAuth ${login.username} ${login.password}`] : []),
  ];
  writeFileSync(join(directory, 'tinyproxy.conf'), `${lines.join('\n')}\n`);
  const daemon = await startDaemon('tinyproxy', ['-d', '-c', join(directory, 'tinyproxy.conf')], port);
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => {
      const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
      return [...text.matchAll(/Request \(file descriptor \d+\): (.*)$/gm)].map(([, line = '']) => line);
    },
    async [Symbol.asyncDispose]() {
      await daemon.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
