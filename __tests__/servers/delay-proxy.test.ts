// The tests' own proxy with a long way: it must add time and nothing else.
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DelayProxy, startDelayProxy } from '../support/delay-proxy.ts';

const ROUND_TRIP = 60;
const LARGE = Buffer.alloc(64 << 20, 'large');

describe('a delaying proxy', () => {
  const server = createServer((request, response) =>
    response.end(request.url === '/large' ? LARGE : 'small'),
  );
  let proxy: DelayProxy;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await startDelayProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`, ROUND_TRIP);
    return () => proxy[Symbol.asyncDispose]();
  });
  afterAll(() => {
    agent.destroy();
    server.close();
  });

  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  function timed(path: string): Promise<{ milliseconds: number; body: Buffer }> {
    const start = performance.now();
    return new Promise((resolve, reject) => {
      const request = get(`http://${proxy.host}${path}`, { agent }, async (answer) => {
        const body = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>));
        resolve({ milliseconds: performance.now() - start, body });
      });
      request.once('error', reject);
    });
  }

  it('adds two round trips to the first request of a connection and one to the next', async () => {
    const [first, second] = [await timed('/small'), await timed('/small')];
    expect(proxy.connections).toBe(1);
    expect(first.milliseconds).toBeGreaterThanOrEqual(2 * ROUND_TRIP - 2);
    expect(second.milliseconds).toBeGreaterThanOrEqual(ROUND_TRIP - 2);
    expect(second.milliseconds).toBeLessThan(first.milliseconds);
  });

  it('does not narrow the way', async () => {
    const { milliseconds, body } = await timed('/large');
    expect(body.equals(LARGE)).toBe(true);
    // A window of 64 KiB, as a proxy that sent one piece a round trip would have, would take a minute.
    expect(milliseconds).toBeLessThan(10_000);
    expect(proxy.bytes).toBeGreaterThan(LARGE.length);
  });
});
