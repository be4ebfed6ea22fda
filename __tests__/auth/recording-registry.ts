// A registry that takes any login, knows no image, and writes down who asks for what.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordingRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** The Authorization that came with the last question for a manifest of this repository: undefined if none did. */
  sentFor(repository: string): string | undefined;
}

export async function startRecordingRegistry(): Promise<RecordingRegistry> {
  const sent = new Map<string, string | undefined>();
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    const [, repository] = /^\/v2\/(.+)\/manifests\//.exec(request.url ?? '') ?? [];
    if (repository) sent.set(repository, authorization);
    // Also where a manifest is asked for without a login: what follows must not depend on the image.
    const status = repository ? 404 : authorization ? 200 : 401;
    response.writeHead(status, { 'www-authenticate': 'Basic realm="test"' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    sentFor(repository) {
      if (!sent.has(repository)) throw new Error(`nobody asked for ${repository}`);
      return sent.get(repository);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
