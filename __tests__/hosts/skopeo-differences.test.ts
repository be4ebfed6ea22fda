// Whom skopeo asks, by its own requests, beside whom we would ask, for the same files and the same name.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findHosts } from '../../src/hosts/find-hosts.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { settingsFor } from './settings.ts';
import {
  type EmptyRegistries,
  inspectWithSkopeo,
  skipSkopeo,
  startEmptyRegistries,
  writeFiles,
} from './skopeo.ts';

const directory = temporaryDirectories();
const DIGEST = `@sha256:${'a'.repeat(64)}`;
let registries: EmptyRegistries;
beforeAll(async () => {
  registries = await startEmptyRegistries();
});
afterAll(() => registries[Symbol.asyncDispose]());

interface Case {
  readonly name: string;
  /** registries.conf; `{A}` to `{D}` are servers. */
  readonly conf: string;
  /** Below registries.conf.d. */
  readonly dropIns?: Readonly<Record<string, string>>;
  readonly image: string;
  readonly skopeo: readonly string[];
  /** Where we differ on purpose, and why. */
  readonly ours?: { readonly asked: readonly string[]; readonly because: string };
}

const TAGS_AT_THE_PRIMARY = 'a mirror decides what a tag means only if the file says so in words';

function registry(keys: string, ...mirrors: readonly string[]): string {
  const tables = mirrors.map((mirror) => `[[registry.mirror]]\ninsecure = true\n${mirror}\n`);
  return `[[registry]]\ninsecure = true\n${keys}\n${tables.join('')}`;
}

const CASES: readonly Case[] = [
  {
    name: 'a registry without mirrors',
    conf: registry('location = "{A}"'),
    image: '{A}/team/app:1',
    skopeo: ['{A}/team/app'],
  },
  {
    name: 'a location takes the place of the prefix',
    conf: registry('prefix = "example.com/team"\nlocation = "{A}/other/place"'),
    image: 'example.com/team/app:1',
    skopeo: ['{A}/other/place/app'],
  },
  {
    name: 'a prefix that is the whole repository',
    conf: registry('prefix = "example.com/team/app"\nlocation = "{A}/one"'),
    image: `example.com/team/app${DIGEST}`,
    skopeo: ['{A}/one'],
  },
  {
    name: 'a prefix of Docker Hub has library/ in the name',
    conf: registry('prefix = "docker.io/library"\nlocation = "{A}/hub"'),
    image: 'ubuntu:24.04',
    skopeo: ['{A}/hub/ubuntu'],
  },
  {
    name: 'Docker Hub as a whole',
    conf: registry('prefix = "docker.io"\nlocation = "{A}"'),
    image: 'docker.io/ubuntu:24.04',
    skopeo: ['{A}/library/ubuntu'],
  },
  {
    name: 'the longest prefix counts',
    conf:
      registry('prefix = "example.com"\nlocation = "{A}"') +
      registry('prefix = "example.com/team/app"\nlocation = "{C}/c"') +
      registry('prefix = "example.com/team"\nlocation = "{B}"'),
    image: 'example.com/team/app:1',
    skopeo: ['{C}/c'],
  },
  {
    name: 'a prefix ends where a part of the name ends',
    conf:
      registry('prefix = "example.com"\nlocation = "{A}"') +
      registry('prefix = "example.com/te"\nlocation = "{B}"'),
    image: 'example.com/team/app:1',
    skopeo: ['{A}/team/app'],
  },
  {
    name: 'a host without a port stands for the same host with one',
    conf: registry('prefix = "127.0.0.1"\nlocation = "127.0.0.1"'),
    image: '{A}/team/app:1',
    skopeo: ['{A}/team/app'],
  },
  {
    name: 'a wildcard stands for all hosts of a domain',
    conf: registry('prefix = "*.example.com"\nlocation = "{A}"'),
    image: 'a.b.example.com/team/app:1',
    skopeo: ['{A}/team/app'],
  },
  {
    name: 'a wildcard is not the domain itself, nor part of a path',
    conf:
      registry('prefix = "*.example.com"\nlocation = "{A}"') +
      registry('prefix = "example.com"\nlocation = "{B}"') +
      registry('prefix = "example.org"\nlocation = "{C}"'),
    image: 'example.org/a.example.com/app:1',
    skopeo: ['{C}/a.example.com/app'],
  },
  {
    name: 'a wildcard wins over a name as long as it',
    conf:
      registry('prefix = "a.example.com"\nlocation = "{A}"') +
      registry('prefix = "*.example.com"\nlocation = "{B}"'),
    image: 'a.example.com/app:1',
    skopeo: ['{B}/app'],
  },
  {
    name: 'mirrors come in the order of the file, the registry itself last, for a digest',
    conf: registry('location = "{A}"', 'location = "{B}"', 'location = "{C}/cache"'),
    image: `{A}/team/app${DIGEST}`,
    skopeo: ['{B}/team/app', '{C}/cache/team/app', '{A}/team/app'],
  },
  {
    name: 'a tag',
    conf: registry('location = "{A}"', 'location = "{B}"', 'location = "{C}/cache"'),
    image: '{A}/team/app:1',
    skopeo: ['{B}/team/app', '{C}/cache/team/app', '{A}/team/app'],
    ours: { asked: ['{A}/team/app'], because: TAGS_AT_THE_PRIMARY },
  },
  {
    name: 'a tag, with each value of pull-from-mirror',
    conf: registry(
      'location = "{A}"',
      'location = "{B}"\npull-from-mirror = "digest-only"',
      'location = "{C}"\npull-from-mirror = "tag-only"',
      'location = "{D}"\npull-from-mirror = "all"',
    ),
    image: '{A}/team/app:1',
    skopeo: ['{C}/team/app', '{D}/team/app', '{A}/team/app'],
  },
  {
    name: 'a digest, with each value of pull-from-mirror',
    conf: registry(
      'location = "{A}"',
      'location = "{B}"\npull-from-mirror = "digest-only"',
      'location = "{C}"\npull-from-mirror = "tag-only"',
      'location = "{D}"\npull-from-mirror = "all"',
    ),
    image: `{A}/team/app${DIGEST}`,
    skopeo: ['{B}/team/app', '{D}/team/app', '{A}/team/app'],
  },
  {
    name: 'a tag, with mirror-by-digest-only',
    conf: registry('location = "{A}"\nmirror-by-digest-only = true', 'location = "{B}"'),
    image: '{A}/team/app:1',
    skopeo: ['{A}/team/app'],
  },
  {
    name: 'a digest, with mirror-by-digest-only',
    conf: registry('location = "{A}"\nmirror-by-digest-only = true', 'location = "{B}"'),
    image: `{A}/team/app${DIGEST}`,
    skopeo: ['{B}/team/app', '{A}/team/app'],
  },
  {
    name: 'a mirror and a location that both replace the prefix',
    conf: registry('prefix = "example.com/team"\nlocation = "{A}/a"', 'location = "{B}/b/b"'),
    image: `example.com/team/app${DIGEST}`,
    skopeo: ['{B}/b/b/app', '{A}/a/app'],
  },
  {
    name: 'slashes at the end of a prefix and a location do not count',
    conf: registry('prefix = "example.com/"\nlocation = "{A}/a//"'),
    image: 'example.com/app:1',
    skopeo: ['{A}/a/app'],
  },
  {
    name: 'a slash at the end of a mirror',
    conf: registry('location = "{A}"', 'location = "{B}/"'),
    image: `{A}/app${DIGEST}`,
    skopeo: [],
    ours: { asked: ['{B}/app', '{A}/app'], because: 'newer versions of skopeo let it not count either' },
  },
  {
    name: 'keys in other letters',
    conf: '[[Registry]]\nPrefix = "example.com"\nLocation = "{A}"\nINSECURE = true\n',
    image: 'example.com/app:1',
    skopeo: ['{A}/app'],
  },
  {
    name: 'of equal prefixes in one file the first counts',
    conf:
      registry('prefix = "example.com"\nlocation = "{A}"') +
      registry('prefix = "example.com"\nlocation = "{B}"'),
    image: 'example.com/app:1',
    skopeo: ['{A}/app'],
  },
  {
    name: 'a drop-in replaces a table of the same prefix as a whole, and adds others',
    conf: registry('prefix = "example.com"\nlocation = "{A}"', 'location = "{B}"'),
    dropIns: {
      '10.conf': registry('prefix = "example.com"\nlocation = "{C}"'),
      '20.conf': registry('prefix = "example.com/team"\nlocation = "{D}"'),
      '30.txt': registry('prefix = "example.com"\nlocation = "{A}"'),
    },
    image: `example.com/app${DIGEST}`,
    skopeo: ['{C}/app'],
  },
  {
    name: 'of drop-ins the one that sorts last counts',
    conf: '',
    dropIns: {
      '9.conf': registry('prefix = "example.com"\nlocation = "{A}"'),
      '10.conf': registry('prefix = "example.com"\nlocation = "{B}"'),
    },
    image: 'example.com/app:1',
    skopeo: ['{A}/app'],
  },
  {
    name: 'a mirror that is blocked itself is passed over',
    conf:
      registry('prefix = "example.com"\nlocation = "{A}"', 'location = "{B}"', 'location = "{C}"') +
      registry('location = "{B}"\nblocked = true'),
    image: `example.com/app${DIGEST}`,
    skopeo: ['{C}/app', '{A}/app'],
  },
  {
    name: 'of a blocked registry the mirrors are asked, also for a tag',
    conf: registry('location = "{A}"\nblocked = true', 'location = "{B}"'),
    image: '{A}/app:1',
    skopeo: ['{B}/app'],
  },
  {
    name: 'of a blocked location the mirrors are asked, also for a tag',
    conf:
      registry('prefix = "example.com"\nlocation = "{A}"', 'location = "{B}"') +
      registry('prefix = "{A}/app"\nlocation = "{C}"\nblocked = true'),
    image: 'example.com/app:1',
    skopeo: ['{B}/app'],
  },
  {
    name: 'a blocked registry',
    conf: registry('location = "{A}"\nblocked = true'),
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'a blocked prefix with another location',
    conf: registry('prefix = "example.com"\nlocation = "{A}"\nblocked = true'),
    image: 'example.com/app:1',
    skopeo: ['{A}/app'],
    ours: {
      asked: [],
      because: 'blocked is written beside the prefix, and its manual says that it forbids the prefix',
    },
  },
  {
    name: 'a location that makes no name',
    conf: registry('prefix = "example.com"\nlocation = "{A}/Upper"'),
    image: 'example.com/app:1',
    skopeo: [],
  },
  {
    name: 'a location on Docker Hub without library/',
    conf: registry('prefix = "example.com"\nlocation = "docker.io"', 'location = "{A}"'),
    image: 'example.com/app:1',
    skopeo: [],
  },
  ...[
    ['a scheme in a location', 'location = "http://{A}"'],
    ['pull-from-mirror beside a registry', 'location = "{A}"\npull-from-mirror = "all"'],
    ['neither prefix nor location', 'blocked = false'],
    ['a prefix without location', 'prefix = "example.com"'],
    ['a wildcard with a path', 'prefix = "*.example.com/a"\nlocation = "{A}"'],
    ['a string for a flag', 'location = "{A}"\nblocked = "true"'],
  ].map(([name = '', keys = '']) => ({
    name: `refused: ${name}`,
    conf: registry('location = "{A}"') + `[[registry]]\n${keys}\n`,
    image: '{A}/app:1',
    skopeo: [],
  })),
  ...[
    ['a mirror without location', 'location = ""'],
    ['an unknown pull-from-mirror', 'location = "{A}"\npull-from-mirror = "never"'],
  ].map(([name = '', mirror = '']) => ({
    name: `refused: ${name}`,
    conf: registry('location = "{A}"', mirror),
    image: '{A}/app:1',
    skopeo: [],
  })),
  {
    name: 'refused: mirror-by-digest-only together with pull-from-mirror',
    conf: registry(
      'location = "{A}"\nmirror-by-digest-only = true',
      'location = "{B}"\npull-from-mirror = "digest-only"',
    ),
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'refused: one location with and without insecure',
    conf: registry('location = "{A}"') + '[[registry]]\nprefix = "example.com"\nlocation = "{A}"\n',
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'refused: an alias that names no registry, whatever image is meant',
    conf: `${registry('location = "{A}"')}[aliases]\nubuntu = "library/ubuntu"\n`,
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'refused: an alias for a name with a tag',
    conf: `${registry('location = "{A}"')}[aliases]\n"ubuntu:1" = "docker.io/library/ubuntu"\n`,
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'refused: an unknown short-name-mode',
    conf: `short-name-mode = "prompt"\n${registry('location = "{A}"')}`,
    image: '{A}/app:1',
    skopeo: [],
  },
  {
    name: 'version 1 of the format',
    conf: '[registries.insecure]\nregistries = ["{A}"]\n',
    image: '{A}/app:1',
    skopeo: ['{A}/app'],
    ours: { asked: [], because: 'newer versions of skopeo refuse it too' },
  },
];

/** What one machine has, and what is asked of which host, or nothing where that is an error. */
function lay(each: Case): string {
  const machine = directory();
  const place = 'home/.config/containers/registries.conf';
  writeFiles(machine, { [place]: registries.fill(each.conf) });
  for (const [name, text] of Object.entries(each.dropIns ?? {}))
    writeFiles(machine, { [`${place}.d/${name}`]: registries.fill(text) });
  return machine;
}

async function askedByUs(image: string, machine: string): Promise<readonly string[]> {
  const reference = parseReference(registries.fill(image));
  const found = await findHosts({ reference }, settingsFor(machine)).catch((error: unknown) => {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(CONFIG_INVALID|IMAGE_BLOCKED)$/) });
    return { hosts: [] };
  });
  return found.hosts
    .filter(({ serves }) => (reference.digest ? serves.digests : serves.tags))
    .map((host) => registries.name(`${host.registry}/${host.repository}`));
}

describe('whom we ask', () => {
  it.each(CASES)('$name', async (each) => {
    expect(await askedByUs(each.image, lay(each))).toEqual(each.ours?.asked ?? each.skopeo);
  });
});

describe.skipIf(skipSkopeo())('whom skopeo asks', () => {
  it.each(CASES)('$name', async (each) => {
    const home = settingsFor(lay(each)).home;
    registries.takeAsked();
    const said = await inspectWithSkopeo(registries.fill(each.image), home);
    expect({ asked: registries.takeAsked(), said }).toEqual({
      asked: each.skopeo,
      said: expect.stringContaining('level=fatal'),
    });
  });
});
