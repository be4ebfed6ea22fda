// What the stages report, as lines of a log.
import type { PullEvent } from './events.ts';
import { count, formatBytes } from './figures.ts';

type Of<Kind extends PullEvent['kind']> = Extract<PullEvent, { kind: Kind }>;

/** Characters of a digest that people compare. */
const SHORT_HEX = 12;

/** `docker.io/library/debian@sha256:… for linux/amd64: 49.5 MB in 1 layer` */
export function describeImage({ image, platform, compressedSize, layers }: Of<'resolved'>): string {
  return `${image} for ${platform}: ${formatBytes(compressedSize)} in ${count(layers, 'layer')}`;
}

/** `layer 2 sha256:0123456789ab: 12 ranges, 10.0 MB to fetch, 90.0 MB at hand`; after a detour `layer 2 sha256:0123456789ab again: …` */
export function describeLayer(layer: Of<'layer'>): string {
  const digest = layer.digest.replace(/(?<=:)\w+$/, (hex) => hex.slice(0, SHORT_HEX));
  const name = `layer ${layer.index + 1} ${digest}`.trim();
  const parts = [`${name}${layer.isAgain ? ' again' : ''}: ${why(layer)}`];
  if (layer.missing > 0) parts.push(`${formatBytes(layer.missing)} to fetch`);
  if (layer.cached > 0) parts.push(`${formatBytes(layer.cached)} at hand`);
  return parts.join(', ');
}

function why({ way, ranges, reason }: Of<'layer'>): string {
  if (way === 'local') return 'on this machine';
  if (way === 'ranges')
    return ranges === undefined || ranges === 0 ? 'nothing to fetch' : count(ranges, 'range');
  return reason === undefined ? way : `${way}: ${reason}`;
}
