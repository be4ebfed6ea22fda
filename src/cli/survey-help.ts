// The text of --help of the commands that only look at images.
export const SURVEY_USAGE = {
  inspect: 'usage: oci-pull inspect IMAGE [--from TAG|IMAGE] [options]',
  diff: 'usage: oci-pull diff IMAGE TAG|IMAGE [options]',
} as const;

export const SURVEY_HELP = `${SURVEY_USAGE.inspect}
       ${SURVEY_USAGE.diff.replace('usage: ', '')}

inspect tells what an image is made of: layers, formats, sizes, numbers of chunks. With --from it tells what a pull
would download if the cache held another image. Only manifests and tables of contents are fetched.

diff tells which files were added, removed and changed from the first image to the second. Of layers with a table of
contents (zstd:chunked, eStargz) nothing else is fetched; other layers are downloaded whole. Times are not compared.
The second image may be a tag or digest of the same repository, unless both are words alone: debian ubuntu.

options:
  --from TAG|IMAGE       (inspect) a tag or digest of the same repository, or the whole name of an image
  --platform P           os/architecture[/variant]; default: linux on this machine's architecture
  --json                 one JSON object on standard output
  -q, --quiet            no progress and messages
  -h, --help             this text
  --username, --password-stdin, --authfile, --mirror, --hosts-dir, --ca-file, --tls-verify
                         as for a pull: see oci-pull --help

environment:
  OCI_PULL_DEBUG=1       requests and figures: for a report of a fault

Exit status: 0 done, 1 failed, 2 wrong usage; 130 or 143 when interrupted.

An image that is called inspect or diff needs its registry in front: docker.io/library/diff.`;
