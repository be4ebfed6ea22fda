import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);
var __knownSymbol = (name, symbol) => (symbol = Symbol[name]) ? symbol : /* @__PURE__ */ Symbol.for("Symbol." + name);
var __typeError = (msg) => {
  throw TypeError(msg);
};
var __using = (stack, value, async) => {
  if (value != null) {
    if (typeof value !== "object" && typeof value !== "function") __typeError("Object expected");
    var dispose, inner;
    if (async) dispose = value[__knownSymbol("asyncDispose")];
    if (dispose === void 0) {
      dispose = value[__knownSymbol("dispose")];
      if (async) inner = dispose;
    }
    if (typeof dispose !== "function") __typeError("Object not disposable");
    if (inner) dispose = function() {
      try {
        inner.call(this);
      } catch (e) {
        return Promise.reject(e);
      }
    };
    stack.push([async, dispose, value]);
  } else if (async) {
    stack.push([async]);
  }
  return value;
};
var __callDispose = (stack, error, hasError) => {
  var E = typeof SuppressedError === "function" ? SuppressedError : function(e, s, m, _) {
    return _ = Error(m), _.name = "SuppressedError", _.error = e, _.suppressed = s, _;
  };
  var fail = (e) => error = hasError ? new E(e, error, "An error was suppressed during disposal") : (hasError = true, e);
  var next = (it) => {
    while (it = stack.pop()) {
      try {
        var result = it[1] && it[1].call(it[2]);
        if (it[0]) return Promise.resolve(result).then(next, (e) => (fail(e), next()));
      } catch (e) {
        fail(e);
      }
    }
    if (hasError) throw error;
  };
  return next();
};

// src/elevate/invoking-user.ts
function invokingUser(env) {
  const user2 = /^[0-9]{1,10}$/.test(env.SUDO_UID ?? "") ? Number(env.SUDO_UID) : 0;
  return process.geteuid?.() === 0 && user2 > 0 ? user2 : void 0;
}

// src/elevate/serve.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/errors.ts
var ERROR_CODES = {
  INPUT_INVALID: {
    meaning: "An input or an argument has a value that cannot be used.",
    hint: "The README lists all inputs with what they may be, and `oci-pull --help` all options."
  },
  REFERENCE_INVALID: {
    meaning: "The image reference does not follow the reference grammar.",
    hint: "Write it as [registry/]repository[:tag][@sha256:…], in lower case."
  },
  CONFIG_INVALID: {
    meaning: "A configuration file of this machine (registries.conf, hosts.toml, config.json, a certificate) cannot be used.",
    hint: "Correct the file that the message names; nothing was downloaded."
  },
  IMAGE_BLOCKED: {
    meaning: "The registries.conf of this machine forbids to pull from where the image is.",
    hint: "Ask whoever looks after this machine; the message names the file."
  },
  DESTINATION_UNSAFE: {
    meaning: "The destination directory must not be replaced by a root file system.",
    hint: "Choose a directory that is absent, empty, or was made by an earlier pull."
  },
  ROOT_REQUIRED: {
    meaning: "Owners are to be preserved, or files of other users to be replaced, and this user cannot become root.",
    hint: "Run it as root, let sudo work without a password, or set `ownership` to runner. Nothing was downloaded."
  },
  UNAUTHORIZED: {
    meaning: "The registry refused the request for lack of a valid credential.",
    hint: "Check `username` and `password`, and that the account may pull from this repository."
  },
  NOT_FOUND: {
    meaning: "The registry does not know the repository, tag or digest.",
    hint: 'Check the spelling; many registries answer "not found" for private repositories without a credential.'
  },
  RATE_LIMITED: {
    meaning: "The registry refused the request because too many were made.",
    hint: "Sign in to raise the limit, name a copy of the image in another registry, or try again later."
  },
  REGISTRY_UNAVAILABLE: {
    meaning: "The registry could not be reached or kept failing.",
    hint: "Check the host name and the network; the message names the last failure."
  },
  TLS_FAILED: {
    meaning: "No trusted connection to the registry came about: its certificate was not accepted.",
    hint: "Give the authority's certificate by `ca-file` or a certs.d directory; set `tls-verify` to false only on a network you trust."
  },
  RESPONSE_INVALID: {
    meaning: "The registry answered with something the distribution specification does not allow.",
    hint: "Something between here and the registry may be altering answers."
  },
  LAYOUT_INVALID: {
    meaning: "An image layout or archive on this machine is absent, malformed, or does not hold the image.",
    hint: "Write it again with skopeo copy, docker save or docker buildx build --output."
  },
  PLATFORM_NOT_FOUND: {
    meaning: "The image has no manifest for the wanted platform.",
    hint: "Set `platform` to one of those that the message lists."
  },
  MEDIA_TYPE_UNSUPPORTED: {
    meaning: "The manifest, config or a layer is of a kind that cannot become a root file system.",
    hint: "Only OCI images and Docker schema 2 images with tar layers can be unpacked."
  },
  MANIFEST_INVALID: {
    meaning: "A manifest, index or config is malformed.",
    hint: "Push the image again with a current tool."
  },
  DIGEST_MISMATCH: {
    meaning: "Bytes do not hash to the digest that names them.",
    hint: "The registry or something on the way serves damaged data; nothing was kept."
  },
  SIZE_MISMATCH: {
    meaning: "A blob is longer or shorter than its descriptor says.",
    hint: "The registry or something on the way serves damaged data; nothing was kept."
  },
  LIMIT_EXCEEDED: {
    meaning: "Something in the image is larger than its limit.",
    hint: "Real images stay far below the limits. If you trust this one, raise the limit, where the README lists it."
  },
  TAR_INVALID: {
    meaning: "A layer is not a well-formed tar archive, or not compressed as its media type says.",
    hint: "The image itself is broken; build and push it again."
  },
  PATH_UNSAFE: {
    meaning: "An entry of a layer has a name that leads out of the root file system or cannot exist in it.",
    hint: "Do not use this image unless you know why it holds such an entry."
  },
  UNPACK_FAILED: {
    meaning: "The operating system refused to create the root file system or an entry of it.",
    hint: "The message names the path and the reason. Choose a destination where this user may write."
  },
  LOAD_FAILED: {
    meaning: "The container engine that the image was to be loaded into could not be reached, or did not take it.",
    hint: "Check that the engine runs and that this user may talk to it: docker info, podman info."
  },
  DISK_FULL: {
    meaning: "The disk is full.",
    hint: "Free some space or choose a destination and a cache directory on a larger disk."
  },
  STORE_FAILED: {
    meaning: "The chunk store could not be read or written.",
    hint: "Check that the cache directory is a directory this user may write."
  },
  WORKER_EXITED: {
    meaning: "A worker thread, or the process that unpacks as root, ended before it had answered.",
    hint: "This is most often a lack of memory; please report it if it is not."
  },
  ABORTED: {
    meaning: "The pull was cancelled.",
    hint: "The destination is as it was before."
  },
  INTERNAL: {
    meaning: "A fault in this program.",
    hint: "Please report it with the output of a run with debug logging (action) or OCI_PULL_DEBUG=1 (command line)."
  }
};
var PullError = class extends Error {
  name = "PullError";
  code;
  hint;
  constructor(code, message, details = {}) {
    super(redactUrls(message), details.cause === void 0 ? void 0 : { cause: details.cause });
    this.code = code;
    this.hint = redactUrls(details.hint ?? ERROR_CODES[code].hint);
  }
};
function redactUrls(text) {
  return text.replace(/\b(https?:\/\/)(?:[^\s/?#]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?/gi, "$1$2");
}
function describeError(error) {
  if (!(error instanceof Error)) return redactUrls(String(error));
  const code = error.code;
  const own = code && !error.message.includes(code) && !(error instanceof PullError) ? `${error.message || error.name} (${code})` : error.message || error.name;
  const text = redactUrls(own).replace(OPENSSL, "$1 ").trim();
  const cause = error.cause === void 0 ? "" : describeError(error.cause);
  return text.includes(cause) ? text : `${text}: ${cause}`;
}
var OPENSSL = /(?:[0-9A-F]+:)?error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*):\S*:\d+:(?:SSL alert number \d+)?\s*/g;
function toErrorData(error) {
  const known = toPullError(error);
  const cause = known.cause === void 0 ? {} : { cause: describeError(known.cause) };
  return { code: known.code, message: known.message, hint: known.hint, ...cause };
}
function fromErrorData(data) {
  return new PullError(data.code, data.message, {
    hint: data.hint,
    ...data.cause === void 0 ? {} : { cause: new Error(data.cause) }
  });
}
function toPullError(error, context) {
  if (error instanceof PullError) return error;
  const errno = error?.code;
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    const path = error.path;
    return new PullError("DISK_FULL", `no space left on the disk${path ? ` for ${path}` : ""}`, {
      cause: error
    });
  }
  if (error?.name === "AbortError")
    return new PullError("ABORTED", "the pull was cancelled", { cause: error });
  if (context) return new PullError(context.code, context.message, { cause: error });
  return new PullError("INTERNAL", describeError(error), { cause: error });
}

// src/workers/progress-board.ts
var ABORT_MARK = 1n << 60n;
var ProgressBoard = class _ProgressBoard {
  memory;
  /** Slot 0 is not used as a counter: it is non-zero once the board is aborted. */
  #slots;
  constructor(memory) {
    this.memory = memory;
    this.#slots = new BigInt64Array(memory);
  }
  static create(counters) {
    return new _ProgressBoard(new SharedArrayBuffer((counters + 1) * BigInt64Array.BYTES_PER_ELEMENT));
  }
  add(counter, amount) {
    Atomics.add(this.#slots, counter + 1, BigInt(amount));
    Atomics.notify(this.#slots, counter + 1);
  }
  /** All present and future waiters get ABORTED. */
  abort() {
    for (let slot = 0; slot < this.#slots.length; slot++) {
      Atomics.add(this.#slots, slot, ABORT_MARK);
      Atomics.notify(this.#slots, slot);
    }
  }
  get counters() {
    return this.#slots.length - 1;
  }
  get isAborted() {
    return Atomics.load(this.#slots, 0) !== 0n;
  }
  /** What a counter stands at; of no use once the board is aborted. */
  at(counter) {
    return Number(Atomics.load(this.#slots, counter + 1));
  }
  /** true once `counter` has reached `amount`. Throws ABORTED. */
  has(counter, amount) {
    if (this.isAborted) throw new PullError("ABORTED", "the pull was cancelled");
    return Atomics.load(this.#slots, counter + 1) >= BigInt(amount);
  }
  async waitFor(counter, amount) {
    while (!this.has(counter, amount)) {
      const seen = Atomics.load(this.#slots, counter + 1);
      if (seen >= BigInt(amount)) continue;
      const { async, value } = Atomics.waitAsync(this.#slots, counter + 1, seen);
      if (async) await value;
    }
  }
};

// src/elevate/board-relay.ts
function applyChanges(board, { counters, amounts }) {
  counters.forEach((counter, index) => {
    board.add(counter, amounts[index]);
  });
}

// src/elevate/frames.ts
import v8 from "node:v8";
var HEADER_BYTES = 4;
function writeMessage(output, message, maxBytes) {
  const body = v8.serialize(message);
  if (body.length > maxBytes)
    throw new PullError(
      "LIMIT_EXCEEDED",
      `a message of ${body.length} bytes is larger than ${maxBytes} bytes`
    );
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(body.length);
  output.cork();
  output.write(header);
  output.write(body);
  output.uncork();
}
async function* readMessages(input, maxBytes) {
  let target = Buffer.alloc(HEADER_BYTES);
  let [filled, isHeader] = [0, true];
  for await (const piece of input) {
    for (let at = 0; at < piece.length; ) {
      const step = piece.copy(target, filled, at);
      filled += step;
      at += step;
      if (filled < target.length) continue;
      if (isHeader) target = bodyFor(target, maxBytes);
      else {
        yield v8.deserialize(target);
        target = Buffer.alloc(HEADER_BYTES);
      }
      [filled, isHeader] = [0, !isHeader];
    }
  }
  if (filled > 0 || !isHeader)
    throw new PullError("INTERNAL", "the other process stopped inside of a message");
}
function bodyFor(header, maxBytes) {
  const length = header.readUInt32LE();
  if (length === 0 || length > maxBytes)
    throw new PullError("INTERNAL", `the other process announced a message of ${length} bytes`);
  return Buffer.allocUnsafeSlow(length);
}

// src/elevate/helpers.ts
import { readdirSync, readFileSync } from "node:fs";
function killHelpers() {
  for (const pid of helperIds()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
    }
  }
}
function helperIds() {
  try {
    const threads = readdirSync("/proc/self/task");
    return threads.flatMap(
      (thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number)
    );
  } catch {
    return [];
  }
}

// src/elevate/protocol.ts
var MAX_REQUEST_BYTES = 1 << 30;
var MAX_REPLY_BYTES = 64 << 20;

// src/elevate/staged-tree.ts
import { fchmodSync, fchownSync, readdirSync as readdirSync2, rmdirSync, rmSync, statSync as statSync2 } from "node:fs";
import { basename, dirname, isAbsolute, resolve } from "node:path";

// src/elevate/held-directory.ts
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
var { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
var HeldDirectory = class _HeldDirectory {
  #descriptor;
  constructor(descriptor) {
    this.#descriptor = descriptor;
  }
  /** `links`: whether the last component may be a symbolic link. Throws the system's error, or that /proc is not this system's. */
  static open(path, links) {
    const flags = O_RDONLY | O_DIRECTORY | (links === "refuse" ? O_NOFOLLOW : 0);
    const held = new _HeldDirectory(openSync(path, flags));
    const [here, there] = [held.stat(), statSync(held.path, { bigint: true, throwIfNoEntry: false })];
    if (there && here.dev === there.dev && here.ino === there.ino) return held;
    held[Symbol.dispose]();
    throw new Error("/proc does not show this process");
  }
  /**
   * Leads to the directory whatever its name has become, also in programs that this process starts. It ends in a dot, so that it is
   * the directory and not a link to it: https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
   */
  get path() {
    return `/proc/${process.pid}/fd/${this.#descriptor}/.`;
  }
  get descriptor() {
    return this.#descriptor;
  }
  stat() {
    return fstatSync(this.#descriptor, { bigint: true });
  }
  [Symbol.dispose]() {
    closeSync(this.#descriptor);
  }
};

// src/elevate/inode.ts
function isInode(found, name, parent) {
  const [number, birth] = String(name).split(" ");
  if (number !== `${found.ino}`) return false;
  return birth === `${found.birthtimeNs}` || [found, parent].every((each) => hidesBirth(each, found));
}
function hidesBirth({ dev, birthtimeNs, ctimeNs }, found) {
  return dev === found.dev && birthtimeNs === ctimeNs;
}

// src/elevate/staging-name.ts
var STAGING_NAME = /^\..+\.oci-pull-[0-9a-f]{12}(\.old)?$/s;
function isStagingName(name) {
  return STAGING_NAME.test(name);
}

// src/elevate/staged-tree.ts
var MODE_BITS = 0o777n;
var OWNER_ONLY = 448;
var WRITABLE_BY_OTHERS = 0o022n;
var STICKY = 0o1000n;
var CLOSE_PARENT = "Close that directory to other users (chmod go-w), choose a destination in another one, or set ownership to runner.";
function takeOverRoot(root, user2) {
  const { parent, tree } = hold(root, user2);
  parent[Symbol.dispose]();
  try {
    refuseUsed(root, tree, user2);
    fchownSync(tree.descriptor, 0, 0);
    fchmodSync(tree.descriptor, OWNER_ONLY);
    return tree;
  } catch (error) {
    tree[Symbol.dispose]();
    throw failed(error, root);
  }
}
function letsOthersRename({ mode }) {
  return (mode & WRITABLE_BY_OTHERS) !== 0n && (mode & STICKY) === 0n;
}
function removeStagedTree(named, user2) {
  var _stack = [];
  try {
    const held = holdIfThere(named, user2);
    if (!held) return;
    const parent = __using(_stack, held.parent);
    const tree = __using(_stack, held.tree);
    try {
      fchmodSync(tree.descriptor, OWNER_ONLY);
      const base = Buffer.from(`${tree.path}/`);
      for (const name of readdirSync2(tree.path, { encoding: "buffer" }))
        rmSync(Buffer.concat([base, name]), { recursive: true, force: true });
      rmdirSync(`${parent.path}/${basename(named.path)}`);
    } catch (error) {
      throw failed(error, named);
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    __callDispose(_stack, _error, _hasError);
  }
}
function holdIfThere(named, user2) {
  try {
    return hold(named, user2);
  } catch (error) {
    if (error instanceof PullError && error.cause?.code === "ENOENT")
      return void 0;
    throw error;
  }
}
function hold(named, user2) {
  const { path, inode } = named;
  if (!isAbsolute(path) || resolve(path) !== path || !isStagingName(basename(path)))
    throw refused(named, "it has not the name of a staging directory");
  try {
    var _stack = [];
    try {
      const held = __using(_stack, new DisposableStack());
      const parent = held.use(HeldDirectory.open(dirname(path), "follow"));
      if (parent.stat().uid !== BigInt(user2)) throw refused(named, "it lies in a directory of somebody else");
      if (letsOthersRename(parent.stat()))
        throw refused(named, "others can write to the directory that it lies in", CLOSE_PARENT);
      const tree = held.use(HeldDirectory.open(`${parent.path}/${basename(path)}`, "refuse"));
      if (!isInode(tree.stat(), inode, parent.stat()))
        throw refused(named, "it is another directory than it was");
      held.move();
      return { parent, tree };
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      __callDispose(_stack, _error, _hasError);
    }
  } catch (error) {
    throw failed(error, named);
  }
}
function refuseUsed(root, tree, user2) {
  const { uid, mode } = tree.stat();
  if (uid !== BigInt(user2)) throw refused(root, "it belongs to somebody else");
  if ((mode & MODE_BITS) !== BigInt(OWNER_ONLY)) throw refused(root, "it is open to others");
  if (readdirSync2(tree.path).length > 0) throw refused(root, "it is not empty");
}
function refused({ path }, reason, hint) {
  const message = `root does not touch the directory ${path}: ${reason}`;
  return new PullError("UNPACK_FAILED", message, hint === void 0 ? {} : { hint });
}
function failed(cause, { path }) {
  return toPullError(cause, { code: "UNPACK_FAILED", message: `root cannot work in the directory ${path}` });
}

// src/elevate/serve.ts
var STOP_INTERVAL_MS = 50;
var STOP_TIMEOUT_MS = 15e3;
async function serveAsRoot(unpack, user2, { input, output }) {
  output.on("error", () => input.destroy());
  const server = new RootServer(unpack, user2, (reply) => writeMessage(output, reply, MAX_REPLY_BYTES));
  server.greet();
  try {
    for await (const message of readMessages(input, MAX_REQUEST_BYTES)) server.take(message);
  } catch {
  }
  await server.end();
}
var RootServer = class {
  #unpack;
  #user;
  #reply;
  #underWay;
  #board;
  #root;
  constructor(unpack, user2, reply) {
    this.#unpack = unpack;
    this.#user = user2;
    this.#reply = reply;
  }
  greet() {
    this.#reply({ kind: "ready" });
  }
  take(message) {
    if (message.kind === "progress") {
      if (this.#board) applyChanges(this.#board, message);
    } else if (message.kind === "abort") void this.#stop();
    else if (this.#underWay) throw new PullError("INTERNAL", "root was asked for two things at once");
    else this.#begin(message);
  }
  /** Nothing is running afterwards, and no half-made tree is left. */
  async end() {
    await this.#stop();
    try {
      if (this.#root) removeStagedTree(this.#root, this.#user);
    } catch {
    }
  }
  #begin(request) {
    const stop = new AbortController();
    const settled = this.#answer(request, stop.signal).finally(() => {
      this.#underWay = void 0;
      this.#board = void 0;
    });
    this.#underWay = { stop, settled };
  }
  async #answer(request, signal) {
    try {
      const output = request.kind === "remove" ? this.#remove(request) : await this.#fill(request, signal);
      if (signal.aborted) throw new PullError("ABORTED", "the pull was cancelled");
      this.#reply({ kind: "done", output });
    } catch (error) {
      this.#reply({ kind: "failed", error: toErrorData(error) });
    }
  }
  #remove({ tree }) {
    removeStagedTree(tree, this.#user);
    return void 0;
  }
  async #fill({ root, job, counters }, signal) {
    var _stack = [];
    try {
      const board = ProgressBoard.create(counters);
      this.#board = board;
      signal.addEventListener("abort", () => board.abort(), { once: true });
      const held = __using(_stack, takeOverRoot(root, this.#user));
      this.#root = root;
      const onEvent = (event) => this.#reply({ kind: "event", event });
      const whole = { ...job, root: held.path, owner: "preserve", board: board.memory };
      return await this.#unpack(whole, { signal, onEvent });
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      __callDispose(_stack, _error, _hasError);
    }
  }
  async #stop() {
    const request = this.#underWay;
    request?.stop.abort();
    const giveUp = Date.now() + STOP_TIMEOUT_MS;
    while (this.#underWay === request && request && Date.now() < giveUp) {
      killHelpers();
      await Promise.race([request.settled, sleep(STOP_INTERVAL_MS)]);
    }
  }
};

// src/export/passes.ts
function planPasses(format, layers) {
  if (format === "tar") return { reads: "ring", passes: 2 };
  const isLayout = format === "oci-layout" || format === "oci-archive";
  return { reads: isLayout && layers.every(({ kind }) => kind === "plain") ? "stored" : "ring", passes: 1 };
}
function layersToStream(layers, { reads, passes }) {
  if (passes === 2) return [...layers, ...layers.map((layer) => withKept(layer, true))];
  return reads === "stored" ? [...layers] : layers.map((layer) => withKept(layer, false));
}
function withKept(layer, isKept) {
  return layer.kind === "plain" ? { ...layer, isKept } : layer;
}

// src/unpack/ring.ts
var SLOT_BYTES = 256 << 10;
var SLOTS = 32;
var FILLED = 0;
var READ = { hash: 1, apply: 2 };
var STOPPED = 3;
var PROVEN = 4;
var LENGTHS = 5;
var CONTROL_BYTES = (LENGTHS + SLOTS) * Int32Array.BYTES_PER_ELEMENT;
var RESULT_BYTES = 128;
var WAIT_MS = 1e3;
function createRing() {
  return new SharedArrayBuffer(CONTROL_BYTES + RESULT_BYTES + SLOTS * SLOT_BYTES);
}
function proveRing(memory) {
  new Ring(memory).advance(PROVEN);
}
function stopRing(memory) {
  new Ring(memory).stop();
}
var Ring = class {
  control;
  result;
  #slots;
  constructor(memory) {
    this.control = new Int32Array(memory, 0, LENGTHS + SLOTS);
    this.result = new Uint8Array(memory, CONTROL_BYTES, RESULT_BYTES);
    const first = CONTROL_BYTES + RESULT_BYTES;
    this.#slots = Array.from(
      { length: SLOTS },
      (_, index) => Buffer.from(memory, first + index * SLOT_BYTES, SLOT_BYTES)
    );
  }
  slot(count) {
    return this.#slots[count % SLOTS];
  }
  /** Blocks this thread until `word` is no longer `value`. Throws ABORTED once the ring is stopped. */
  waitWhile(word, value) {
    while (Atomics.load(this.control, word) === value) {
      if (Atomics.load(this.control, STOPPED) !== 0) throw new PullError("ABORTED", "the pull was cancelled");
      Atomics.wait(this.control, word, value, WAIT_MS);
    }
  }
  advance(word) {
    Atomics.add(this.control, word, 1);
    Atomics.notify(this.control, word);
  }
  stop() {
    Atomics.store(this.control, STOPPED, 1);
    for (const word of [FILLED, READ.hash, READ.apply, PROVEN]) Atomics.notify(this.control, word);
  }
};

// src/compression/zstd-frames.ts
var MAX_BLOCK_SIZE = 128 * 1024;
var MAX_WINDOW_SIZE = 2 ** 27;

// src/compression/zstd.ts
var MAX_BATCH_OUTPUT = 64 << 20;
var MAX_EXCESS = 8 << 20;

// src/compression/zstd-stream.ts
var BATCH_BYTES = 256 << 10;
var BATCH_OUTPUT = 1 << 20;
var STREAM_FROM = 4 << 20;
var STREAM_CHUNK = 1 << 20;

// src/compression/decompress.ts
var GUNZIP_CHUNK = 1 << 20;

// src/oci/digest.ts
function digestAlgorithm(digest) {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

// src/unpack/inputs.ts
var PIECE_BYTES = 1 << 20;

// src/unpack/limits.ts
var GIB = 2 ** 30;
var DEFAULT_LIMITS = {
  entries: 5e6,
  fileSize: 64 * GIB,
  totalSize: 256 * GIB,
  pathLength: 4096,
  componentLength: 255,
  depth: 1024,
  symlinkSteps: 255
};
var MAX_FOLLOWED_BYTES = 256 << 20;
var MAX_PENDING_XATTR_BYTES = 64 << 20;
var MAX_XATTR_INPUT = 4 << 20;
var MAX_LINK_TARGET_BYTES = 256 << 20;
var MAX_HELD_NAME_BYTES = 256 << 20;
var MAX_HELD_PROGRESS = 16 << 20;
var MAX_NAMED_SKIP_BYTES = 4 << 20;

// src/layer/tar-split.ts
var MAX_LINE_BYTES = 16 << 20;
var SEGMENT_START = Buffer.from('{"type":2,"payload":"');

// src/unpack/rebuild.ts
var MAX_TAR_SPLIT_SIZE = 2 ** 30;

// src/unpack/piece.ts
var SMALL_STORED = 256 << 10;
var SMALL_OUTPUT = 8 << 20;

// src/unpack/run.ts
var RUN_BYTES = 256 << 10;
var RUN_OUTPUT = 1 << 20;
var LARGE_CHUNK = 32 << 20;

// src/unpack/stream.ts
function blobAlgorithms(layers) {
  return layers.flatMap(({ kind, digest }) => kind === "plain" ? [digestAlgorithm(digest)] : []);
}
function streamAlgorithms(layers) {
  return layers.map((layer) => needsDiffId(layer) ? digestAlgorithm(layer.diffId) : void 0);
}
function needsDiffId(layer) {
  return layer.kind === "chunked" ? !layer.entries : !layer.isKept;
}

// src/workers/pool.ts
import { Worker } from "node:worker_threads";
var WorkerPool = class {
  #script;
  #size;
  #idle = [];
  #busy = /* @__PURE__ */ new Map();
  #waiting = [];
  #closed = false;
  #nextId = 1;
  constructor(script, size) {
    this.#script = script;
    this.#size = size;
  }
  /** Rejects with the job's PullError, or WORKER_EXITED where the thread ended first. */
  run(name, input, options = {}) {
    if (this.#closed) return Promise.reject(cancelled());
    return new Promise((resolve2, reject) => {
      const { onTurn } = options;
      const onEvent = options.onEvent;
      this.#waiting.push({ name, input, onTurn, onEvent, resolve: resolve2, reject });
      this.#dispatch();
    });
  }
  [Symbol.asyncDispose]() {
    return this.close();
  }
  /** Ends all threads; jobs under way, waiting or still to come are rejected with ABORTED. */
  async close() {
    this.#closed = true;
    for (const task of this.#waiting.splice(0)) task.reject(cancelled());
    const workers = [...this.#idle, ...this.#busy.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  #dispatch() {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? (this.#busy.size < this.#size ? this.#start() : void 0);
      if (!worker) return;
      const task = this.#waiting.shift();
      this.#busy.set(worker, task);
      try {
        task.onTurn?.();
      } catch (error) {
        this.#settle(worker)?.reject(toPullError(error));
        continue;
      }
      const request = { id: this.#nextId++, name: task.name, input: task.input };
      try {
        worker.postMessage(request);
      } catch (cause) {
        this.#settle(worker)?.reject(
          new PullError("INTERNAL", `the input of job ${task.name} cannot be sent`, { cause })
        );
      }
    }
  }
  #start() {
    const worker = new Worker(this.#script);
    worker.on("message", (reply) => this.#onReply(worker, reply));
    worker.on("error", (cause) => this.#onExit(worker, cause));
    worker.on("exit", () => this.#onExit(worker, void 0));
    return worker;
  }
  #onReply(worker, reply) {
    if (reply.kind === "event") {
      this.#busy.get(worker)?.onEvent?.(reply.event);
      return;
    }
    const task = this.#settle(worker);
    if (reply.kind === "done") task?.resolve(reply.output);
    else task?.reject(fromErrorData(reply.error));
    this.#dispatch();
  }
  #settle(worker) {
    const task = this.#busy.get(worker);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    return task;
  }
  #onExit(worker, cause) {
    const task = this.#busy.get(worker);
    this.#busy.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at !== -1) this.#idle.splice(at, 1);
    const error = this.#closed ? cancelled() : new PullError("WORKER_EXITED", `the worker thread for ${task?.name} ended`, { cause });
    task?.reject(error);
    if (!this.#closed) this.#dispatch();
  }
};
function cancelled() {
  return new PullError("ABORTED", "the pull was cancelled");
}

// src/pull/jobs.ts
function openPool(threads, signal) {
  const pool = new WorkerPool(workerScript(), threads);
  const stop = () => void pool.close();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return {
    run: pool.run.bind(pool),
    [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", stop);
      return pool.close();
    }
  };
}
function workerScript() {
  return import.meta.url.endsWith(".ts") ? new URL("../worker.ts", import.meta.url) : new URL("./worker.js", import.meta.url);
}

// src/pull/unpack-here.ts
var FINAL = ["ABORTED", "DISK_FULL"];
var THREADS = 4;
async function unpackHere(job, hooks) {
  const outcome = await runThreads(job, hooks);
  if (outcome.kind !== "failed") return outcome;
  const { layer, error } = outcome;
  if (layer === void 0 || FINAL.includes(error.code)) throw fromErrorData(error);
  return diagnosed(job, { index: layer, error }, hooks.signal);
}
async function diagnosed({ files, arriving, board, layers, limits }, { index, error }, signal) {
  var _stack = [];
  try {
    const pool = __using(_stack, openPool(1, signal), true);
    const layer = layers[index];
    const job = { files, arriving, board, layer, index, error };
    return await pool.run("diagnose", { ...job, ...limits && { limits } });
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function runThreads(job, { signal, onEvent }) {
  var _stack = [];
  try {
    const pool = __using(_stack, openPool(THREADS, signal), true);
    const ring = createRing();
    const stored = createRing();
    const stop = () => {
      stopRing(ring);
      stopRing(stored);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const { files, arriving, board, layers, output, ...options } = job;
    const passes = output && planPasses(output.format, layers);
    const streams = passes ? layersToStream(layers, passes) : layers;
    const failed2 = Promise.withResolvers();
    const watched = async (running) => {
      const outcome = await running;
      if (outcome.kind !== "failed") return outcome;
      failed2.resolve(outcome);
      return new Promise(() => void 0);
    };
    const streamed = watched(
      pool.run("stream", {
        files,
        arriving,
        board,
        layers: streams,
        ring,
        stored,
        limits: options.limits ?? {},
        reads: passes?.reads
      }).then((outcome) => inImage(outcome, layers.length))
    );
    const applied = watched(
      output ? pool.run(
        "export",
        { ...options, output, ring, stored, layers: layers.map(describeLayer) },
        { onEvent }
      ) : pool.run("apply", { ...options, ring, layers: layers.map(describeLayer) }, { onEvent })
    );
    const hash = (memory, algorithms) => algorithms.some(Boolean) ? pool.run("hash", { ring: memory, algorithms }) : void 0;
    const hashed = [hash(ring, streamAlgorithms(streams)), hash(stored, blobAlgorithms(streams))];
    const proven = streamed.then(() => proveRing(ring));
    try {
      const all = Promise.all([applied, proven, ...hashed]).then(([image]) => image);
      return await Promise.race([failed2.promise, all]);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function describeLayer({ kept, isStargz, diffId, digest, ...layer }) {
  const entries = layer.kind === "chunked" ? layer.entries : void 0;
  return { kept, isStargz, diffId, digest, kind: layer.kind, entries };
}
function inImage(outcome, layerCount) {
  if (outcome.kind !== "failed" || outcome.layer === void 0) return outcome;
  return { ...outcome, layer: outcome.layer % layerCount };
}

// src/workers/heap.ts
import v82 from "node:v8";
function limitYoungGeneration() {
  v82.setFlagsFromString("--semi-space-growth-factor=1");
}

// src/elevated.ts
limitYoungGeneration();
var user = invokingUser(process.env);
if (user === void 0) {
  process.stderr.write("this program is started by oci-pull, through sudo, and for nothing else\n");
  process.exit(1);
}
await serveAsRoot(unpackHere, user, { input: process.stdin, output: process.stdout });
process.exit();
