// A real proxy on loopback: tunnels by CONNECT, forwards plain requests, or speaks SOCKS5; may want a password.
import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  /** `user:password` */
  readonly credential?: string;
  /** Refuses everything with this status. */
  readonly status?: number;
  readonly socks?: boolean;
  /** Takes connections, and never answers. */
  readonly silent?: boolean;
  /** Is spoken to by TLS, with this key and certificate (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface TestProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `CONNECT host:port`, `GET http://…` or `SOCKS host:port`, in order. */
  readonly asked: string[];
  /** The Proxy-Authorization headers, in order. */
  readonly credentials: (string | undefined)[];
}

export async function startProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = options.socks ? createSocks(asked, options) : createHttp(asked, credentials, options);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    credentials,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function createHttp(asked: string[], credentials: (string | undefined)[], options: ProxyOptions): Server {
  const refusal = (request: IncomingMessage): number | undefined => {
    credentials.push(request.headers['proxy-authorization']);
    const wanted = `Basic ${Buffer.from(options.credential ?? '').toString('base64')}`;
    if (options.credential && request.headers['proxy-authorization'] !== wanted) return 407;
    return options.status;
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    const status = refusal(request);
    if (status !== undefined) return void response.writeHead(status, { 'content-length': 0 }).end();
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const upstream = httpRequest(
      String(request.url),
      { method: request.method ?? 'GET', headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(upstream).on('error', () => response.destroy());
  };
  const server = options.tls ? createHttpsServer(options.tls, handle) : createHttpServer(handle);
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (options.silent) return;
    const status = refusal(request);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    join(socket, String(request.url), () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
  });
  return server;
}

/** As far as a test needs it: https://www.rfc-editor.org/rfc/rfc1928 and, for the password, RFC 1929. */
function createSocks(asked: string[], { credential, silent }: ProxyOptions): Server {
  return createServer((socket) => {
    if (silent) return;
    socket.once('data', () => {
      socket.write(Buffer.from([5, credential ? 2 : 0]));
      const command = () =>
        socket.once('data', (bytes: Buffer) => {
          const target = socksTarget(bytes);
          asked.push(`SOCKS ${target}`);
          join(socket, target, () => socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])));
        });
      if (!credential) return command();
      socket.once('data', (bytes: Buffer) => {
        const [user, password] = credential.split(':');
        const given = bytes.toString('latin1', 2);
        const isGood = given === `${user}${String.fromCharCode(password?.length ?? 0)}${password}`;
        socket.write(Buffer.from([1, isGood ? 0 : 1]));
        if (isGood) command();
        else socket.end();
      });
    });
  });
}

function socksTarget(bytes: Buffer): string {
  const port = bytes.readUInt16BE(bytes.length - 2);
  if (bytes[3] === 1) return `${[...bytes.subarray(4, 8)].join('.')}:${port}`;
  return `${bytes.toString('latin1', 5, bytes.length - 2)}:${port}`;
}

/** Whatever name is asked for, it is this machine: names of the tests do not exist. */
function join(socket: Socket, target: string, onConnect: () => void): void {
  const upstream = connect(Number(target.split(':').at(-1)), '127.0.0.1', () => {
    onConnect();
    upstream.pipe(socket).on('error', () => upstream.destroy());
    socket.pipe(upstream).on('error', () => socket.destroy());
  });
  upstream.on('error', () => socket.destroy());
}
