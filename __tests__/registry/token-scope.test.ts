import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { collect, REPOSITORY, startPair } from '../support/registry-client.ts';
import { BEARER, CREDENTIAL, scopesOf, tokenRequests, trace, traceManifest, V1 } from './traced-pull.ts';

const { layer } = fixtureImage();

describe('authorisation', () => {
  it('takes the scope of the registry once its own has not been enough', async () => {
    const auth = { ...BEARER, neededScope: `repository:${REPOSITORY}:pull,metadata_read` };
    expect(await traceManifest(auth)).toEqual([
      'v2 none 401',
      'token basic 200',
      'v2 bearer 401',
      'token basic 200',
      'v2 bearer 200',
    ]);
  });

  it('does not ask again and again for a token that is never taken', async () => {
    await using pair = await startPair({ auth: { ...BEARER, tokenUses: 0 } }, { credential: CREDENTIAL });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(trace(pair.registry.requests)).toEqual(['v2 none 401', 'token basic 200', 'v2 bearer 401']);
  });

  it('takes a wider scope at once where the registry says what a good token lacks, and keeps it', async () => {
    const neededBlobScope = `repository:${REPOSITORY}:pull,metadata_read`;
    await using pair = await startPair({ auth: { ...BEARER, neededBlobScope } }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    const range = { start: 0, end: 100 };
    const read = () => pair.client.blob(layer, range, new AbortController().signal);
    await Promise.all(Array.from({ length: 8 }, async () => collect((await read()).chunks)));
    const scopes = tokenRequests(pair.registry.requests).map(scopesOf);
    expect(scopes).toEqual([[`repository:${REPOSITORY}:pull`], [neededBlobScope]]);
  });

  it('names each of several scopes by itself', async () => {
    const neededScope = `repository:${REPOSITORY}:pull,metadata_read repository:other:pull`;
    await using pair = await startPair({ auth: { ...BEARER, neededScope } }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    const last = tokenRequests(pair.registry.requests).at(-1);
    expect(scopesOf(last)).toEqual(neededScope.split(' '));
  });

  it('is content with a server that grants only the first of several scopes', async () => {
    expect(await traceManifest({ ...BEARER, firstScopeOnly: true })).toHaveLength(3);
  });

  it('does not follow a registry that names another scope every time', async () => {
    let refusals = 0;
    const challenge = (standard: string) =>
      standard.replace(
        /scope="[^"]*"/,
        () => `scope="repository:x${refusals++}:pull",error="insufficient_scope"`,
      );
    const auth = { ...BEARER, tokenUses: 0, challenge };
    await using pair = await startPair({ auth }, { credential: CREDENTIAL });
    for (let pulls = 0; pulls < 3; pulls++)
      await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(tokenRequests(pair.registry.requests)).toHaveLength(2);
  });
});
