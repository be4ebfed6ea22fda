// Prints layers for people: what a failing case consists of.
import type { LayerEntry, Stack } from './entry.ts';

export function showStack({ layers, endings }: Stack): string {
  return layers
    .map((entries, index) =>
      [`layer ${index + 1} (ends with ${endings[index]}):`, ...entries.map(showEntry)].join('\n  '),
    )
    .join('\n');
}

function showEntry(entry: LayerEntry): string {
  const { kind, name, link, mode, uid, gid, mtimeNs, size, regions, device, xattrs, encoding } = entry;
  const parts = [kind, JSON.stringify(name)];
  if (kind === 'symlink' || kind === 'hardlink') parts.push(`-> ${JSON.stringify(link)}`);
  if (kind === 'char' || kind === 'block') parts.push(device.join(':'));
  parts.push(`0${mode.toString(8)}`, `${uid}:${gid}`, `mtime ${mtimeNs}`);
  if (kind === 'file')
    parts.push(`${size} bytes in ${regions.map(({ offset, bytes }) => `${offset}+${bytes.length}`)}`);
  if (xattrs.length > 0)
    parts.push(xattrs.map(([key, value]) => `${key}=${value.toString('hex')}`).join(' '));
  const { format, ...rest } = encoding;
  const odd = Object.entries(rest).filter(([key, value]) => value && !(key === 'fileType' && value === '0'));
  return [...parts, format, ...odd.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ');
}
