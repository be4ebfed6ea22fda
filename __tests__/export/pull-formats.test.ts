// Whole pulls into other formats: what may be replaced, what is left after a failure, what an engine gets.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { OUTPUT_FORMATS } from '../../src/unpack/output.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { pullHere, readFiles, writeFiles } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { expectedTree } from '../support/tree.ts';

const temporary = temporaryDirectories();
const IMAGE = `oci:${fixtureLayout('zstd-chunked')}:v1`;
const FILES = OUTPUT_FORMATS.filter((format) => format !== 'oci-layout');

/** A fresh place for a destination. */
const place = () => join(temporary(), 'made');
/** All that stands beside a destination, and under its name. */
const beside = (path: string) => readdirSync(dirname(path)).sort();

async function startDocker(status: number, answer: string) {
  const socket = join(temporary(), 'docker.sock');
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    bodies.push(await buffer(request));
    response.writeHead(status).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    bodies,
    [Symbol.dispose]: () => void server.close().closeAllConnections(),
  };
}

describe('a pull into another format', () => {
  it.each(OUTPUT_FORMATS)('leaves %s, its config and its record, and nothing else', async (format) => {
    const destination = place();
    const result = await pullHere(temporary(), IMAGE, { format, destination });
    expect(beside(destination)).toEqual(['made', 'made.config.json', 'made.oci-pull.json']);
    expect(lstatSync(destination).isDirectory()).toBe(format === 'oci-layout');
    expect(lstatSync(destination).mode & 0o444).toBe(0o444);
    const image = fixtureImage('v1', 'zstd-chunked');
    expect(readFileSync(result.configPath)).toEqual(image.bytes(image.config));
  });

  it.each(OUTPUT_FORMATS)('of each format can be had in place of any other (%s)', async (format) => {
    const destination = place();
    await pullHere(temporary(), IMAGE, { format: format === 'tar' ? 'oci-layout' : 'tar', destination });
    await pullHere(temporary(), IMAGE, { format, destination });
    await pullHere(temporary(), IMAGE, { destination });
    expect(readdirSync(destination).sort()).toEqual(
      expectedTree('v1').flatMap(({ path }) => (path !== '' && !path.includes('/') ? [path] : [])),
    );
    await pullHere(temporary(), IMAGE, { format, destination });
    expect(beside(destination)).toEqual(['made', 'made.config.json', 'made.oci-pull.json']);
  });

  it.each(FILES)('does not replace a file that no pull has made (%s)', async (format) => {
    const destination = place();
    writeFileSync(destination, 'mine');
    await rejected('DESTINATION_UNSAFE', pullHere(temporary(), IMAGE, { format, destination }));
    expect(readFileSync(destination, 'utf8')).toBe('mine');
    expect(beside(destination)).toEqual(['made']);
  });

  it('does not replace a directory that somebody has filled', async () => {
    const destination = place();
    mkdirSync(destination);
    writeFileSync(join(destination, 'mine'), '');
    await rejected('DESTINATION_UNSAFE', pullHere(temporary(), IMAGE, { format: 'oci-layout', destination }));
    expect(readdirSync(destination)).toEqual(['mine']);
  });

  it.each(OUTPUT_FORMATS)('holds the limit of all bytes (%s)', async (format) => {
    const destination = place();
    const limits = { totalSize: 5_000_000 };
    await rejected('LIMIT_EXCEEDED', pullHere(temporary(), IMAGE, { format, destination, limits }));
    expect(beside(destination)).toEqual([]);
  });

  it.each(OUTPUT_FORMATS)('leaves what was there when a layer turns out damaged (%s)', async (format) => {
    const destination = place();
    await pullHere(temporary(), IMAGE, { format, destination });
    const before = lstatSync(destination, { bigint: true }).ino;
    const layout = writeFiles(temporary(), readFiles(fixtureLayout('gzip')));
    const { layer } = fixtureImage('v2', 'gzip');
    const blob = join(layout, 'blobs', layer.digest.replace(':', '/'));
    const bytes = readFileSync(blob);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(blob, bytes);
    await rejected('DIGEST_MISMATCH', pullHere(temporary(), `oci:${layout}:v2`, { format, destination }));
    expect(lstatSync(destination, { bigint: true }).ino).toBe(before);
    expect(beside(destination)).toEqual(['made', 'made.config.json', 'made.oci-pull.json']);
  });

  it('writes names of a docker-archive as the reference has them', async () => {
    const room = temporary();
    const first = await pullHere(room, IMAGE, { format: 'docker-archive', destination: join(room, 'a.tar') });
    expect(first.format).toBe('docker-archive');
    const again = await pullHere(room, `docker-archive:${first.rootPath}`, {
      format: 'tar',
      destination: join(room, 'b.tar'),
    });
    const direct = await pullHere(room, IMAGE, { format: 'tar', destination: join(room, 'c.tar') });
    expect(readFileSync(again.rootPath).equals(readFileSync(direct.rootPath))).toBe(true);
  });
});

describe('a pull that loads', () => {
  it('sends Docker the archive that is at the destination afterwards', async () => {
    using docker = await startDocker(200, '{"stream":"Loaded image: app:1"}');
    const destination = place();
    const more = { format: 'docker-archive', load: 'docker', env: docker.env, destination } as const;
    const result = await pullHere(temporary(), IMAGE, more);
    expect(docker.bodies).toHaveLength(1);
    expect(docker.bodies[0]?.equals(readFileSync(destination))).toBe(true);
    expect(result).toMatchObject({ loaded: 'docker' });
    expect(result.notes).toContain('docker: Loaded image: app:1');
  });

  it('leaves nothing at the destination where Docker does not take it', async () => {
    using docker = await startDocker(500, '{"message":"no room"}');
    const destination = place();
    const more = { format: 'docker-archive', load: 'docker', env: docker.env, destination } as const;
    const error = await rejected('LOAD_FAILED', pullHere(temporary(), IMAGE, more));
    expect(error).toMatchObject({ message: expect.stringContaining('no room') });
    expect(existsSync(destination)).toBe(false);
    expect(beside(destination).filter((name) => name.includes(basename(destination)))).toEqual([]);
  });
});
