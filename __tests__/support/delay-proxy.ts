// A TCP proxy that makes the way longer, not narrower: what comes in goes out after a fixed time, in order, at any rate.

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface DelayProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Connections it has taken. */
  readonly connections: number;
  /** Bytes that went to clients. */
  readonly bytes: number;
}

/** `roundTrip`: milliseconds added; half of it in each direction. To open a connection costs a client one round trip, too. */
export async function startDelayProxy(target: string, roundTrip: number): Promise<DelayProxy> {
  const { hostname, port } = new URL(`http://${target}`);
  const sockets = new Set<Socket>();
  const counts = { connections: 0, bytes: 0 };
  // Half open: the end of a direction is delayed like its bytes.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    counts.connections++;
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    // The kernel's handshake with this proxy takes no time; the first bytes make up for it.
    const handshake = performance.now() + roundTrip;
    delay(client, upstream, { milliseconds: roundTrip / 2, from: handshake });
    delay(upstream, client, {
      milliseconds: roundTrip / 2,
      from: 0,
      onBytes: (bytes) => {
        counts.bytes += bytes;
      },
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return counts.connections;
    },
    get bytes() {
      return counts.bytes;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface Direction {
  readonly milliseconds: number;
  /** Nothing counts as sent before this time, of performance.now(). */
  readonly from: number;
  readonly onBytes?: (bytes: number) => void;
}

interface Parcel {
  readonly due: number;
  /** undefined: the end. */
  readonly bytes: Buffer | undefined;
}

/** So much may be on its way in one direction: 64 MiB are a gigabyte a second at 60 ms. Beyond it the sender must wait. */
const MAX_UNDER_WAY = 64 << 20;

function delay(from: Socket, to: Socket, { milliseconds, from: earliest, onBytes }: Direction): void {
  const queue: Parcel[] = [];
  let underWay = 0;
  let isArranged = false;
  const arrange = () => {
    const [first] = queue;
    // Timers are late by up to a millisecond, never early.
    if (!first || isArranged) return;
    isArranged = true;
    setTimeout(deliver, Math.max(0, first.due - performance.now()));
  };
  const deliver = () => {
    isArranged = false;
    const now = performance.now();
    for (let first = queue[0]; first && first.due <= now + 0.5; first = queue[0]) {
      queue.shift();
      if (!first.bytes) to.end();
      else {
        underWay -= first.bytes.length;
        onBytes?.(first.bytes.length);
        if (!to.destroyed) to.write(first.bytes);
      }
    }
    if (underWay + to.writableLength < MAX_UNDER_WAY) from.resume();
    arrange();
  };
  const enqueue = (bytes: Buffer | undefined) => {
    queue.push({ due: Math.max(performance.now(), earliest) + milliseconds, bytes });
    arrange();
  };
  to.on('drain', () => underWay + to.writableLength < MAX_UNDER_WAY && from.resume());
  from.on('data', (bytes) => {
    underWay += bytes.length;
    if (underWay + to.writableLength >= MAX_UNDER_WAY) from.pause();
    enqueue(bytes);
  });
  from.on('end', () => enqueue(undefined));
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (from.errored) to.destroy();
  });
}
