// A pull of one manifest from a registry that wants a credential, told request by request.
import { expect } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import type { RequestLog } from '../support/registry.ts';
import type { RegistryAuth } from '../support/registry-auth.ts';
import { startPair } from '../support/registry-client.ts';

export const CREDENTIAL = { username: 'reader', password: 'hunter2-hunter2-hunter2' };
export const BEARER = { kind: 'bearer', ...CREDENTIAL } as const;
export const V1 = { target: 'v1', expected: undefined };

/** `v2 bearer 200`, in order. */
export function trace(requests: readonly RequestLog[]): string[] {
  return requests.map((one) => `${one.path.split(/[?/]/)[1]} ${one.authorization ?? 'none'} ${one.status}`);
}

/** Fetches the manifest and returns the requests that took. */
export async function traceManifest(auth: RegistryAuth): Promise<string[]> {
  await using pair = await startPair({ auth }, { credential: CREDENTIAL });
  expect((await pair.client.manifest(V1)).digest).toBe(fixtureImage().digest);
  return trace(pair.registry.requests);
}

/** The requests for a token. */
export function tokenRequests(requests: readonly RequestLog[]): RequestLog[] {
  return requests.filter((one) => one.path.startsWith('/token'));
}

/** The scopes a token was asked for. */
export function scopesOf(request: RequestLog | undefined): string[] {
  return new URL(request?.path ?? '', 'http://registry').searchParams.getAll('scope');
}
