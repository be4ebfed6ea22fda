// A server that has been given a password may send it back in whatever it likes; no message holds it, however short.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { describeError, type PullError } from '../../src/errors.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { clientOptionsFor, lookup, REPOSITORY, rejection } from '../support/registry-client.ts';
import { listen } from '../support/registry-listen.ts';

const { layer } = fixtureImage();
const never = new AbortController().signal;
const PASSWORD = 'Hunter2';

type Echo = (password: string, response: ServerResponse) => void;

async function startEcho(echo: Echo) {
  const server = await listen({}, (request: IncomingMessage, response: ServerResponse) => {
    const given = Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64').toString();
    if (given) echo(given.split(':')[1] ?? '', response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  const credential = lookup({ username: 'me', password: PASSWORD });
  const client = openRegistryClient({ ...clientOptionsFor(server.host), credential });
  const close = async () => {
    await client.close();
    await server.close();
  };
  return { client, host: server.host, [Symbol.asyncDispose]: close };
}

const redirect =
  (to: (password: string) => string): Echo =>
  (password, response) =>
    response.writeHead(307, { location: to(password) }).end();
const coding: Echo = (password, response) => response.writeHead(200, { 'content-encoding': password }).end();
const manifest: Echo = (password, response) =>
  response.writeHead(200).end(JSON.stringify({ schemaVersion: 2, mediaType: password }));

describe('a password that comes back', () => {
  it.each<[string, Echo]>([
    ['the host of a redirect', redirect((password) => `ftp://${password}.example/`)],
    ['the scheme of a redirect', redirect((password) => `${password}://registry.example/`)],
    ['a host on this machine', redirect((password) => `http://${password}.localhost.:1/`)],
    ['a host that nobody knows', redirect((password) => `http://${password}.invalid/`)],
    ['a media type', manifest],
    ['the detail of a refusal', (password, response) => response.writeHead(403).end(refusal(password))],
  ])('in %s is told to nobody', async (_where, echo) => {
    await using all = await startEcho(echo);
    const error = await rejection(all.client.manifest({ target: 'v1', expected: undefined }));
    const told = `${describeError(error)} ${(error as PullError).hint}`;
    expect(told).toContain(`manifest v1 of ${all.host}/${REPOSITORY}`);
    expect(told).toContain('***');
    expect(told.toLowerCase()).not.toContain(PASSWORD.toLowerCase());
  });

  it('in the content coding of a blob is told to nobody', async () => {
    await using all = await startEcho(coding);
    const { message } = await rejection(all.client.blob(layer, { start: 0, end: 5 }, never));
    expect(message).toContain('content-encoding ***');
    expect(message.toLowerCase()).not.toContain(PASSWORD.toLowerCase());
  });
});

function refusal(message: string): string {
  return JSON.stringify({ errors: [{ code: 'DENIED', message }] });
}
