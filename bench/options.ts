// The benchmark's command line.
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly image: 'real' | 'synthetic';
  /** Files of a synthetic image. */
  readonly files: number;
  readonly runs: number;
  /** Everything that is measured writes below this directory. */
  readonly directory: string;
  /** A row is measured if it has all of these words; none: every row. */
  readonly only: readonly string[];
  readonly quick: boolean;
}

export const USAGE = `usage: npm run bench -- [options]
  --runs N       runs of each row, medians are shown (default 3)
  --dir D        where files are written (default: a directory in /dev/shm if that has room, else bench/.work/out)
  --only WORDS   only rows with all of these words, such as "cold zstd-chunked oci-pull"
  --quick        one run, no rest between commands
  --image I      real: Debian packages and node_modules, three formats (default); synthetic: small files, zstd
  --files N      files of the synthetic image (default 10000)
environment:
  NODE24         the node that runs oci-pull (default: this one)
  BENCH_CHROOT   a Debian trixie with skopeo, to write zstd:chunked (default: bench/.work/trixie, made when needed)`;

/** Images, seeds and one unpacked image with its cache need less than this. */
const ROOM = 6 * 2 ** 30;
/** https://man7.org/linux/man-pages/man2/statfs.2.html */
const TMPFS_MAGIC = 0x01021994;

/** undefined: the usage was asked for. Throws for arguments that cannot be used. */
export function parseOptions(argv: readonly string[], work: string): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runs: { type: 'string', default: '3' },
      dir: { type: 'string' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      image: { type: 'string', default: 'real' },
      files: { type: 'string', default: '10000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.image !== 'real' && values.image !== 'synthetic')
    throw new Error('--image must be real or synthetic');
  return {
    image: values.image,
    files: positive('--files', values.files),
    runs: values.quick ? 1 : positive('--runs', values.runs),
    directory: values.dir === undefined ? defaultDirectory(work) : join(values.dir, 'oci-pull-bench'),
    only: values.only.split(/\s+/).filter((word) => word !== ''),
    quick: values.quick,
  };
}

function positive(option: string, text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`${option} must be a number from 1 to 99999999`);
  return Number(text);
}

function defaultDirectory(work: string): string {
  try {
    const { type, bavail, bsize } = statfsSync('/dev/shm');
    if (type === TMPFS_MAGIC && bavail * bsize > ROOM) return '/dev/shm/oci-pull-bench';
  } catch {
    // No such directory on this machine.
  }
  return join(work, 'out');
}
