// Every failure a user can meet: one class, a closed list of codes. docs/errors.md is generated from this list.

/** What each code means and, where no call site knows better, what the user can do about it. */
export const ERROR_CODES = {
  INPUT_INVALID: {
    meaning: 'An input or an argument has a value that cannot be used.',
    hint: 'The README lists all inputs with what they may be, and `oci-pull --help` all options.',
  },
  REFERENCE_INVALID: {
    meaning: 'The image reference does not follow the reference grammar.',
    hint: 'Write it as [registry/]repository[:tag][@sha256:…], in lower case.',
  },
  CONFIG_INVALID: {
    meaning:
      'A configuration file of this machine (registries.conf, hosts.toml, config.json, a certificate) cannot be used.',
    hint: 'Correct the file that the message names; nothing was downloaded.',
  },
  IMAGE_BLOCKED: {
    meaning: 'The registries.conf of this machine forbids to pull from where the image is.',
    hint: 'Ask whoever looks after this machine; the message names the file.',
  },
  DESTINATION_UNSAFE: {
    meaning: 'The destination directory must not be replaced by a root file system.',
    hint: 'Choose a directory that is absent, empty, or was made by an earlier pull.',
  },
  ROOT_REQUIRED: {
    meaning:
      'Owners are to be preserved, or files of other users to be replaced, and this user cannot become root.',
    hint: 'Run it as root, let sudo work without a password, or set `ownership` to runner. Nothing was downloaded.',
  },
  UNAUTHORIZED: {
    meaning: 'The registry refused the request for lack of a valid credential.',
    hint: 'Check `username` and `password`, and that the account may pull from this repository.',
  },
  NOT_FOUND: {
    meaning: 'The registry does not know the repository, tag or digest.',
    hint: 'Check the spelling; many registries answer "not found" for private repositories without a credential.',
  },
  RATE_LIMITED: {
    meaning: 'The registry refused the request because too many were made.',
    hint: 'Sign in to raise the limit, name a copy of the image in another registry, or try again later.',
  },
  REGISTRY_UNAVAILABLE: {
    meaning: 'The registry could not be reached or kept failing.',
    hint: 'Check the host name and the network; the message names the last failure.',
  },
  TLS_FAILED: {
    meaning: 'No trusted connection to the registry came about: its certificate was not accepted.',
    hint: "Give the authority's certificate by `ca-file` or a certs.d directory; set `tls-verify` to false only on a network you trust.",
  },
  RESPONSE_INVALID: {
    meaning: 'The registry answered with something the distribution specification does not allow.',
    hint: 'Something between here and the registry may be altering answers.',
  },
  LAYOUT_INVALID: {
    meaning: 'An image layout or archive on this machine is absent, malformed, or does not hold the image.',
    hint: 'Write it again with skopeo copy, docker save or docker buildx build --output.',
  },
  PLATFORM_NOT_FOUND: {
    meaning: 'The image has no manifest for the wanted platform.',
    hint: 'Set `platform` to one of those that the message lists.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    meaning: 'The manifest, config or a layer is of a kind that cannot become a root file system.',
    hint: 'Only OCI images and Docker schema 2 images with tar layers can be unpacked.',
  },
  MANIFEST_INVALID: {
    meaning: 'A manifest, index or config is malformed.',
    hint: 'Push the image again with a current tool.',
  },
  DIGEST_MISMATCH: {
    meaning: 'Bytes do not hash to the digest that names them.',
    hint: 'The registry or something on the way serves damaged data; nothing was kept.',
  },
  SIZE_MISMATCH: {
    meaning: 'A blob is longer or shorter than its descriptor says.',
    hint: 'The registry or something on the way serves damaged data; nothing was kept.',
  },
  LIMIT_EXCEEDED: {
    meaning: 'Something in the image is larger than its limit.',
    hint: 'Real images stay far below the limits. If you trust this one, raise the limit, where the README lists it.',
  },
  TAR_INVALID: {
    meaning: 'A layer is not a well-formed tar archive, or not compressed as its media type says.',
    hint: 'The image itself is broken; build and push it again.',
  },
  PATH_UNSAFE: {
    meaning: 'An entry of a layer has a name that leads out of the root file system or cannot exist in it.',
    hint: 'Do not use this image unless you know why it holds such an entry.',
  },
  UNPACK_FAILED: {
    meaning: 'The operating system refused to create the root file system or an entry of it.',
    hint: 'The message names the path and the reason. Choose a destination where this user may write.',
  },
  LOAD_FAILED: {
    meaning:
      'The container engine that the image was to be loaded into could not be reached, or did not take it.',
    hint: 'Check that the engine runs and that this user may talk to it: docker info, podman info.',
  },
  DISK_FULL: {
    meaning: 'The disk is full.',
    hint: 'Free some space or choose a destination and a cache directory on a larger disk.',
  },
  STORE_FAILED: {
    meaning: 'The chunk store could not be read or written.',
    hint: 'Check that the cache directory is a directory this user may write.',
  },
  WORKER_EXITED: {
    meaning: 'A worker thread, or the process that unpacks as root, ended before it had answered.',
    hint: 'This is most often a lack of memory; please report it if it is not.',
  },
  ABORTED: {
    meaning: 'The pull was cancelled.',
    hint: 'The destination is as it was before.',
  },
  INTERNAL: {
    meaning: 'A fault in this program.',
    hint: 'Please report it with the output of a run with debug logging (action) or OCI_PULL_DEBUG=1 (command line).',
  },
} as const satisfies Record<string, { meaning: string; hint: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure as plain data, so that it can cross a thread boundary. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly cause?: string;
}

/**
 * The one error class. `message` states the fact with its context, `hint` says what the user can do, `cause` is kept.
 * The constructor redacts URL queries and user information from the message, because signed URLs are secrets.
 */
export class PullError extends Error {
  override readonly name = 'PullError';
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(
    code: ErrorCode,
    message: string,
    details: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(redactUrls(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = redactUrls(details.hint ?? ERROR_CODES[code].hint);
  }
}

/** Removes what may be secret in URLs inside a text: user information, query and fragment. */
export function redactUrls(text: string): string {
  return text.replace(/\b(https?:\/\/)(?:[^\s/?#]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?/gi, '$1$2');
}

/** The text of anything that was thrown, with its causes, without secrets. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return redactUrls(String(error));
  const code = (error as NodeJS.ErrnoException).code;
  const own =
    code && !error.message.includes(code) && !(error instanceof PullError)
      ? `${error.message || error.name} (${code})`
      : error.message || error.name;
  const text = redactUrls(own).replace(OPENSSL, '$1 ').trim();
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  // Wrappers like to repeat what they wrap.
  return text.includes(cause) ? text : `${text}: ${cause}`;
}

/** What lies behind an error; undefined: nothing that its message does not say itself. */
export function describeCause({ message, cause }: Error): string | undefined {
  const isInIt = cause instanceof Error && cause.cause === undefined && message.includes(cause.message);
  const text = cause === undefined || isInIt ? '' : describeError(cause);
  return message.includes(text) ? undefined : text;
}

/** `00CA…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…c:350:`: all but the reason is for its makers. */
const OPENSSL = /(?:[0-9A-F]+:)?error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*):\S*:\d+:(?:SSL alert number \d+)?\s*/g;

export function toErrorData(error: unknown): ErrorData {
  const known = toPullError(error);
  const cause = known.cause === undefined ? {} : { cause: describeError(known.cause) };
  return { code: known.code, message: known.message, hint: known.hint, ...cause };
}

export function fromErrorData(data: ErrorData): PullError {
  return new PullError(data.code, data.message, {
    hint: data.hint,
    ...(data.cause === undefined ? {} : { cause: new Error(data.cause) }),
  });
}

/** Is it only the echo of a cancellation? */
export function isAbort(error: unknown): boolean {
  return error instanceof PullError && error.code === 'ABORTED';
}

/** Anything thrown, as a PullError: system errors get the code that fits them, the rest is INTERNAL. */
export function toPullError(error: unknown, context?: { code: ErrorCode; message: string }): PullError {
  if (error instanceof PullError) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const path = (error as NodeJS.ErrnoException).path;
    return new PullError('DISK_FULL', `no space left on the disk${path ? ` for ${path}` : ''}`, {
      cause: error,
    });
  }
  if ((error as Error | undefined)?.name === 'AbortError')
    return new PullError('ABORTED', 'the pull was cancelled', { cause: error });
  if (context) return new PullError(context.code, context.message, { cause: error });
  return new PullError('INTERNAL', describeError(error), { cause: error });
}
