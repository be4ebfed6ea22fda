// The sockets below the test registry: http, https or HTTP/2 on a free port of loopback.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface ListenOptions {
  /** Serve https with this key and certificate (PEM); `http2`: to clients that speak it, HTTP/2. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly http2?: boolean };
  /** Host name or address in the URLs it gives out. Default: 127.0.0.1, the one it listens on. */
  readonly hostname?: string;
  /** Default: a free one. */
  readonly port?: number;
}

export interface Listening {
  /** `hostname:port` */
  readonly host: string;
  /** Cuts what is open. */
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function listen(
  { tls, hostname = '127.0.0.1', port = 0 }: ListenOptions,
  handler: Handler,
): Promise<Listening> {
  const server = createAnyServer(tls, handler);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    host: `${hostname}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function createAnyServer(tls: ListenOptions['tls'], handler: Handler): Server {
  if (!tls) return createServer(handler);
  if (!tls.http2) return createTlsServer(tls, handler);
  // The compatibility API of node:http2 has the same requests and responses, as far as the test registry uses them.
  return createSecureServer({ ...tls, allowHTTP1: true }, handler as never);
}

/** Tells how many body bytes the response is given. Node itself counts only what whole connections wrote. */
export function countBody(response: ServerResponse, onBytes: (bytes: number) => void): void {
  const { write, end } = response;
  const counting =
    (send: typeof write | typeof end) =>
    (...args: unknown[]) => {
      const [chunk] = args;
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) onBytes(Buffer.byteLength(chunk));
      return Reflect.apply(send, response, args);
    };
  response.write = counting(write) as typeof write;
  response.end = counting(end) as typeof end;
}

/** Settles when more can be written, or nobody reads any more. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
