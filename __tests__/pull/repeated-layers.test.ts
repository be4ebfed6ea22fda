// Images that name one layer many times: its table of contents is read once, and all of them together have a limit.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseImageName } from '../../src/oci/image-name.ts';
import { inspectImage } from '../../src/pull/inspect.ts';
import type { SurveyOptions } from '../../src/pull/survey.ts';
import { buildChunkedLayer, type ChunkedLayer } from '../support/chunked-layer.ts';
import { pullHere } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { startRegistry } from '../support/registry.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { writeLayout } from '../support/write-layout.ts';

const temporary = temporaryDirectories();
const ITEMS = [{ name: 'one', body: 'first' }];

async function serve(layer: ChunkedLayer, times: number) {
  const directory = join(temporary(), 'layout');
  const { blob, diffId, descriptor } = layer;
  const { mediaType, annotations } = descriptor;
  writeLayout(directory, 'v1', Array(times).fill({ blob, diffId, mediaType, annotations }));
  return await startRegistry({ images: [{ repository: 'app', layout: directory }] });
}

function surveyOptions(image: string): SurveyOptions {
  const room = temporary();
  return {
    image: parseImageName(image),
    seeds: [],
    platform: { os: 'linux', architecture: 'amd64' },
    limits: {},
    network: {
      hosts: { tlsVerify: false, mirrors: [], env: {}, home: room, uid: 0, root: room },
      login: {},
      platform: 'linux',
    },
    concurrency: 4,
    emit: () => undefined,
    signal: new AbortController().signal,
    temporaryDirectory: room,
  };
}

it.each<[string, Parameters<typeof pullHere>[2]]>([
  ['the table of contents is the proof', { verify: 'toc' }],
  ['a part is wanted', { paths: ['one'] }],
])('asks for a table of contents once where %s', async (_, options) => {
  const layer = buildChunkedLayer(ITEMS);
  await using registry = await serve(layer, 40);
  const result = await pullHere(temporary(), `${registry.host}/app:v1`, { ...options, tlsVerify: false });
  expect(result.layers.map(({ chain }) => chain)).toEqual(Array(40).fill('toc'));
  const asked = registry.requests.filter(({ path }) => path.endsWith(layer.descriptor.digest));
  // The other is for its only chunk.
  expect(asked).toHaveLength(2);
});

it('refuses to look at an image whose tables of contents are too much to hold', async () => {
  const many = Array(900_000).fill({ type: 'dir', name: 'n' });
  const layer = buildChunkedLayer(ITEMS, { editToc: (toc) => ({ ...toc, entries: many }) });
  await using registry = await serve(layer, 6);
  const looking = inspectImage(surveyOptions(`${registry.host}/app:v1`), undefined);
  const { message } = await rejected('LIMIT_EXCEEDED', looking);
  expect(message).toBe('the TOCs of its layers together hold more than 5000000 entries');
});
