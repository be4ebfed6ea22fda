// The input `mirrors`.
import { PullError } from '../errors.ts';
import { canonicalHost } from '../oci/docker-hub.ts';
import { quote } from '../oci/json.ts';
import { parseReference, type Reference } from '../oci/reference.ts';
import type { Endpoint } from './endpoint.ts';

const LINE = /^(?:([^=/]+)=)?(?:(https?):\/\/)?([^=/]+)((?:\/[^/]+)*)\/?$/;

/** The mirrors of the reference's registry, in the order of the lines. Throws INPUT_INVALID for any line that cannot be used. */
export function mirrorsFromInput(lines: readonly string[], reference: Reference): readonly Endpoint[] {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const { registry = reference.registry, ...mirror } = parseLine(line);
      return canonicalHost(registry) === canonicalHost(reference.registry)
        ? [endpoint(line, mirror, reference.repository)]
        : [];
    });
}

interface Mirror {
  readonly scheme: 'http' | 'https' | undefined;
  readonly host: string;
  /** Empty, or with a slash in front. */
  readonly path: string;
}

function parseLine(line: string): Mirror & { readonly registry?: string } {
  const [, registry, scheme, host = '', path = ''] = LINE.exec(line) ?? [];
  const mirror: Mirror = { scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined, host, path };
  repositoryAt(line, mirror, 'name');
  if (registry === undefined) return mirror;
  repositoryAt(line, { scheme: undefined, host: registry, path: '' }, 'name');
  return { ...mirror, registry };
}

/** A mirror is asked for what a digest names, never what a tag means: that would let it choose the image. */
function endpoint(line: string, mirror: Mirror, repository: string): Endpoint {
  return {
    registry: mirror.host,
    repository: repositoryAt(line, mirror, repository),
    ...(mirror.scheme ? { scheme: mirror.scheme } : {}),
    headers: {},
    serves: { tags: false, digests: true },
    insecure: false,
    source: '`mirrors`',
  };
}

/** The grammar of references decides. It takes a host for one only with a dot or a port, so one without gets a port for this. */
function repositoryAt(line: string, { host, path }: Mirror, repository: string): string {
  const whole = `${path.slice(1)}${path && '/'}${repository}`;
  const checked = /:\d+$/.test(host) ? host : `${host}:443`;
  try {
    const parsed = parseReference(`${checked}/${whole}@sha256:${'0'.repeat(64)}`);
    if (parsed.registry === checked && parsed.repository === whole && parsed.tag === undefined) return whole;
  } catch {
    // told below, without the text where that may hold a password
  }
  const shown = /[@?]/.test(line) ? 'a line' : quote(line);
  throw new PullError('INPUT_INVALID', `\`mirrors\`: ${shown} is not host[:port][/path]`, {
    hint: 'Write each mirror as host[:port][/path] or registry=host[:port][/path]; https:// may stand before the host.',
  });
}
