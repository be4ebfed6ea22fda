// The text of --help.
import { NAMED_LIMITS } from '../pull/limits.ts';
import { DEFAULT_CONCURRENCY } from '../pull/options.ts';
import { DEFAULT_STORE_SIZE } from '../pull/store-size.ts';

export const USAGE = `usage: oci-pull IMAGE DESTINATION [options]
       oci-pull inspect IMAGE [--from TAG|IMAGE] [options]
       oci-pull diff IMAGE TAG|IMAGE [options]
       oci-pull cache ls|verify|prune [options]`;

export const HELP = `${USAGE}

Pulls a container image and unpacks it into a directory as a root file system. Everything is verified against the
image's digests before DESTINATION appears. What earlier pulls left in the chunk cache is not downloaded again.

  IMAGE                  [registry/]repository[:tag][@sha256:…]; without a registry it is on Docker Hub, unless
                         registries.conf says otherwise; or a place on this machine: oci:DIR[:TAG],
                         oci-archive:FILE[:TAG], docker-archive:FILE[:NAME]
  DESTINATION            a directory (with some formats a file) that is absent, empty, or was made by an earlier pull

options:
  --platform P           os/architecture[/variant]; default: linux on this machine's architecture
  --format F             rootfs (default); oci-layout, a directory; oci-archive, docker-archive: a file; tar: one
                         archive of the whole tree with all owners, which needs no root
  --load E               docker or podman: hands the docker-archive to that engine when it is complete
  --ownership O          preserve: as in the image, which needs root, or sudo without a password; runner: all belongs to
                         this user; default: auto, which is preserve for root and runner for everybody else
  --path GLOB            what to unpack, as a path from the root of the image with *, **, ?, [a-z] and {a,b}; with !
                         before it, what to leave out; may be repeated; default: everything
                         Layers that can be fetched in parts are then proven as with --verify toc
  --verify V             what proves layers that can be fetched in parts. diff-id: the digest of the whole layer
                         (default); toc: their tables of contents, so that files which upper layers replace are spared
  --limit NAME=VALUE     a limit of what the image may hold, may be repeated; NAME is one of
                         ${NAMED_LIMITS.map(({ name }) => name).join(', ')}
  --cache-dir D          directory of the chunk cache; default: oci-pull in this user's cache directory
  --cache-dir-max-size S bytes it may hold, or a number with KiB, MiB, GiB or TiB behind it, or unlimited; what was not
                         used for the longest time goes first; default: ${DEFAULT_STORE_SIZE}
  --cache-mode M         write: read the cache and keep what is new (default); read; none
  --username U           user name for the registry of IMAGE
  --password-stdin       read the password from standard input
  --authfile F           file with credentials (auth.json or config.json), read before those of this machine
  --mirror M             host[:port][/path] to try before the registry, or registry=host[:port][/path] for the mirror
                         of that registry only; may be repeated
  --hosts-dir D          directory of containerd's hosts.toml directories
  --ca-file F            PEM file with certificates to trust besides those of the system
  --tls-verify=false     accept any certificate, and plain http
  --seed S               layout or archive to look in before the registry is asked, written as IMAGE is; one that names
                         the whole reference answers for the tag, with a warning, and the registry is not asked; may be
                         repeated
  --concurrency N        connections for layer data; default: ${DEFAULT_CONCURRENCY}
  --json                 print the result as one JSON object on standard output
  -q, --quiet            only the result, errors, and a warning where a seed answers for the tag
  -h, --help             this text
  --version              the version

other commands, each with a --help of its own:
  oci-pull inspect IMAGE [--from OLD]   what an image is made of, and what an update would cost
  oci-pull diff IMAGE TAG|IMAGE         which files differ
  oci-pull cache ls|verify|prune        looks after the chunk cache
An image of such a name needs its registry in front: docker.io/library/diff.

environment:
  OCI_PULL_DEBUG=1       requests, plan, figures of each layer: for a report of a fault

Progress and messages go to standard error. Exit status: 0 done, 1 failed, 2 wrong usage; 130 or 143 when interrupted.`;

export const CACHE_USAGE = 'usage: oci-pull cache ls|verify|prune [options]';

export const CACHE_HELP = `usage: oci-pull cache ls|verify|prune [options]

Looks after the directory that keeps chunks between pulls. Pulls may run meanwhile.

  ls                     lists the packs in it, those first that were not used for the longest time
  verify                 hashes everything in it that has a digest, and reports what is damaged. Pulls do so, too, with
                         what they use
  prune                  removes what killed pulls have left, and packs that were not used for the longest time until
                         the others fit --max-size. What running pulls may be reading stays

options:
  --cache-dir D          the directory; default: oci-pull in this user's cache directory
  --max-size S           for prune: bytes, or a number with KiB, MiB, GiB or TiB behind it, 0 or unlimited;
                         default: ${DEFAULT_STORE_SIZE}
  --remove-damaged       for verify: removes damaged packs
  --json                 print one JSON object on standard output
  -q, --quiet            only the result and errors, which is all there is
  -h, --help             this text

Exit status: 0 done, 1 failed or damage found that is still there, 2 wrong usage; 130 or 143 when interrupted.

An image that is called cache needs its registry in front: docker.io/library/cache.`;
