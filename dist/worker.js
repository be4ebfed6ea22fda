import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);
var __knownSymbol = (name2, symbol) => (symbol = Symbol[name2]) ? symbol : /* @__PURE__ */ Symbol.for("Symbol." + name2);
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

// src/export/export-job.ts
import { join as join2 } from "node:path";

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
  constructor(code2, message, details = {}) {
    super(redactUrls(message), details.cause === void 0 ? void 0 : { cause: details.cause });
    this.code = code2;
    this.hint = redactUrls(details.hint ?? ERROR_CODES[code2].hint);
  }
};
function redactUrls(text) {
  return text.replace(/\b(https?:\/\/)(?:[^\s/?#]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?/gi, "$1$2");
}
function describeError(error) {
  if (!(error instanceof Error)) return redactUrls(String(error));
  const code2 = error.code;
  const own = code2 && !error.message.includes(code2) && !(error instanceof PullError) ? `${error.message || error.name} (${code2})` : error.message || error.name;
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

// src/layer/packed-entries.ts
import v8 from "node:v8";
function packEntries(entries) {
  const rows = entries.filter(({ isOwn }) => !isOwn).map(toRow);
  const packed = v8.serialize(rows);
  return new Uint8Array(packed);
}
function unpackEntries(packed) {
  return v8.deserialize(packed).map(toEntry);
}
function toRow({ entry, firstChunk, endChunk, contentDigest }) {
  const { kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs } = entry;
  return [
    kind,
    path,
    linkPath,
    mode,
    uid,
    gid,
    mtime,
    size,
    deviceMajor,
    deviceMinor,
    xattrs,
    firstChunk,
    endChunk,
    contentDigest
  ];
}
function toEntry(row) {
  const [kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs] = row;
  const entry = { kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs };
  const contentDigest = row[13] === void 0 ? {} : { contentDigest: row[13] };
  return { entry, firstChunk: row[11], endChunk: row[12], isOwn: false, ...contentDigest };
}

// src/tar/entry.ts
var MAX_SHOWN_NAME = 300;
function showName(raw) {
  const cut = raw.length > MAX_SHOWN_NAME ? `${raw.slice(0, MAX_SHOWN_NAME)}…` : raw;
  const text = Buffer.from(cut, "latin1").toString("utf8");
  return JSON.stringify(raw === cut ? text : `${text.slice(0, -1)}…`).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  );
}

// node_modules/tar/dist/esm/header.js
import { posix as pathModule } from "node:path";

// node_modules/tar/dist/esm/large-numbers.js
var encode = (num, buf) => {
  if (!Number.isSafeInteger(num)) {
    throw Error("cannot encode number outside of javascript safe integer range");
  } else if (num < 0) {
    encodeNegative(num, buf);
  } else {
    encodePositive(num, buf);
  }
  return buf;
};
var encodePositive = (num, buf) => {
  buf[0] = 128;
  for (var i = buf.length; i > 1; i--) {
    buf[i - 1] = num & 255;
    num = Math.floor(num / 256);
  }
};
var encodeNegative = (num, buf) => {
  buf[0] = 255;
  var flipped = false;
  num = num * -1;
  for (var i = buf.length; i > 1; i--) {
    var byte = num & 255;
    num = Math.floor(num / 256);
    if (flipped) {
      buf[i - 1] = onesComp(byte);
    } else if (byte === 0) {
      buf[i - 1] = 0;
    } else {
      flipped = true;
      buf[i - 1] = twosComp(byte);
    }
  }
};
var parse = (buf) => {
  const pre = buf[0];
  const value = pre === 128 ? pos(buf.subarray(1, buf.length)) : pre === 255 ? twos(buf) : null;
  if (value === null) {
    throw Error("invalid base256 encoding");
  }
  if (!Number.isSafeInteger(value)) {
    throw Error("parsed number outside of javascript safe integer range");
  }
  return value;
};
var twos = (buf) => {
  var len = buf.length;
  var sum = 0;
  var flipped = false;
  for (var i = len - 1; i > -1; i--) {
    var byte = Number(buf[i]);
    var f;
    if (flipped) {
      f = onesComp(byte);
    } else if (byte === 0) {
      f = byte;
    } else {
      flipped = true;
      f = twosComp(byte);
    }
    if (f !== 0) {
      sum -= f * Math.pow(256, len - i - 1);
    }
  }
  return sum;
};
var pos = (buf) => {
  var len = buf.length;
  var sum = 0;
  for (var i = len - 1; i > -1; i--) {
    var byte = Number(buf[i]);
    if (byte !== 0) {
      sum += byte * Math.pow(256, len - i - 1);
    }
  }
  return sum;
};
var onesComp = (byte) => (255 ^ byte) & 255;
var twosComp = (byte) => (255 ^ byte) + 1 & 255;

// node_modules/tar/dist/esm/types.js
var isCode = (c) => name.has(c);
var normalFsTypes = /* @__PURE__ */ new Set([
  "0",
  "",
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "7",
  "D"
]);
var name = /* @__PURE__ */ new Map([
  ["0", "File"],
  // same as File
  ["", "OldFile"],
  ["1", "Link"],
  ["2", "SymbolicLink"],
  // Devices and FIFOs aren't fully supported
  // they are parsed, but skipped when unpacking
  ["3", "CharacterDevice"],
  ["4", "BlockDevice"],
  ["5", "Directory"],
  ["6", "FIFO"],
  // same as File
  ["7", "ContiguousFile"],
  // pax headers
  ["g", "GlobalExtendedHeader"],
  ["x", "ExtendedHeader"],
  // vendor-specific stuff
  // skip
  ["A", "SolarisACL"],
  // like 5, but with data, which should be skipped
  ["D", "GNUDumpDir"],
  // metadata only, skip
  ["I", "Inode"],
  // data = link path of next file
  ["K", "NextFileHasLongLinkpath"],
  // data = path of next file
  ["L", "NextFileHasLongPath"],
  // skip
  ["M", "ContinuationFile"],
  // like L
  ["N", "OldGnuLongPath"],
  // skip
  ["S", "SparseFile"],
  // skip
  ["V", "TapeVolumeHeader"],
  // like x
  ["X", "OldExtendedHeader"]
]);
var code = new Map(Array.from(name).map((kv) => [kv[1], kv[0]]));

// node_modules/tar/dist/esm/header.js
var notNegative = (n) => n === void 0 || n < 0 ? void 0 : n;
var Header = class {
  cksumValid = false;
  needPax = false;
  nullBlock = false;
  block;
  path;
  mode;
  uid;
  gid;
  size;
  cksum;
  #type = "Unsupported";
  linkpath;
  uname;
  gname;
  devmaj = 0;
  devmin = 0;
  atime;
  ctime;
  mtime;
  charset;
  comment;
  constructor(data, off = 0, ex, gex) {
    if (Buffer.isBuffer(data)) {
      this.decode(data, off || 0, ex, gex);
    } else if (data) {
      this.#slurp(data);
    }
  }
  decode(buf, off, ex, gex) {
    if (!off) {
      off = 0;
    }
    if (!buf || !(buf.length >= off + 512)) {
      throw new Error("need 512 bytes for header");
    }
    const t = decString(buf, off + 156, 1);
    const isNormalFS = normalFsTypes.has(t);
    const exForFields = isNormalFS ? ex : void 0;
    const gexForFields = isNormalFS ? gex : void 0;
    this.path = exForFields?.path ?? decString(buf, off, 100);
    this.mode = exForFields?.mode ?? gexForFields?.mode ?? decNumber(buf, off + 100, 8);
    this.uid = exForFields?.uid ?? gexForFields?.uid ?? decNumber(buf, off + 108, 8);
    this.gid = exForFields?.gid ?? gexForFields?.gid ?? decNumber(buf, off + 116, 8);
    this.size = notNegative(exForFields?.size ?? gexForFields?.size ?? decNumber(buf, off + 124, 12));
    this.mtime = exForFields?.mtime ?? gexForFields?.mtime ?? decDate(buf, off + 136, 12);
    this.cksum = decNumber(buf, off + 148, 12);
    if (gexForFields)
      this.#slurp(gexForFields, true);
    if (exForFields)
      this.#slurp(exForFields);
    if (isCode(t)) {
      this.#type = t || "0";
    }
    if (this.#type === "0" && this.path.slice(-1) === "/") {
      this.#type = "5";
    }
    if (this.#type === "5") {
      this.size = 0;
    }
    this.linkpath = decString(buf, off + 157, 100);
    if (buf.subarray(off + 257, off + 265).toString() === "ustar\x0000") {
      this.uname = exForFields?.uname ?? gexForFields?.uname ?? decString(buf, off + 265, 32);
      this.gname = exForFields?.gname ?? gexForFields?.gname ?? decString(buf, off + 297, 32);
      this.devmaj = exForFields?.devmaj ?? gexForFields?.devmaj ?? decNumber(buf, off + 329, 8) ?? 0;
      this.devmin = exForFields?.devmin ?? gexForFields?.devmin ?? decNumber(buf, off + 337, 8) ?? 0;
      if (buf[off + 475] !== 0) {
        const prefix = decString(buf, off + 345, 155);
        this.path = prefix + "/" + this.path;
      } else {
        const prefix = decString(buf, off + 345, 130);
        if (prefix) {
          this.path = prefix + "/" + this.path;
        }
        this.atime = ex?.atime ?? gex?.atime ?? decDate(buf, off + 476, 12);
        this.ctime = ex?.ctime ?? gex?.ctime ?? decDate(buf, off + 488, 12);
      }
    }
    let sum = 8 * 32;
    for (let i = off; i < off + 148; i++) {
      sum += buf[i];
    }
    for (let i = off + 156; i < off + 512; i++) {
      sum += buf[i];
    }
    this.cksumValid = sum === this.cksum;
    if (this.cksum === void 0 && sum === 8 * 32) {
      this.nullBlock = true;
    }
  }
  #slurp(ex, gex = false) {
    Object.assign(this, Object.fromEntries(Object.entries(ex).filter(([k, v]) => {
      return !(v === null || v === void 0 || k === "size" && Number(v) < 0 || k === "path" && gex || k === "linkpath" && gex || k === "global");
    })));
  }
  encode(buf, off = 0) {
    if (!buf) {
      buf = this.block = Buffer.alloc(512);
    }
    if (this.#type === "Unsupported") {
      this.#type = "0";
    }
    if (!(buf.length >= off + 512)) {
      throw new Error("need 512 bytes for header");
    }
    const prefixSize = this.ctime || this.atime ? 130 : 155;
    const split = splitPrefix(this.path || "", prefixSize);
    const path = split[0];
    const prefix = split[1];
    this.needPax = !!split[2];
    this.needPax = encString(buf, off, 100, path) || this.needPax;
    this.needPax = encNumber(buf, off + 100, 8, this.mode) || this.needPax;
    this.needPax = encNumber(buf, off + 108, 8, this.uid) || this.needPax;
    this.needPax = encNumber(buf, off + 116, 8, this.gid) || this.needPax;
    this.needPax = encNumber(buf, off + 124, 12, this.size) || this.needPax;
    this.needPax = encDate(buf, off + 136, 12, this.mtime) || this.needPax;
    buf[off + 156] = Number(this.#type.codePointAt(0));
    this.needPax = encString(buf, off + 157, 100, this.linkpath) || this.needPax;
    buf.write("ustar\x0000", off + 257, 8);
    this.needPax = encString(buf, off + 265, 32, this.uname) || this.needPax;
    this.needPax = encString(buf, off + 297, 32, this.gname) || this.needPax;
    this.needPax = encNumber(buf, off + 329, 8, this.devmaj) || this.needPax;
    this.needPax = encNumber(buf, off + 337, 8, this.devmin) || this.needPax;
    this.needPax = encString(buf, off + 345, prefixSize, prefix) || this.needPax;
    if (buf[off + 475] !== 0) {
      this.needPax = encString(buf, off + 345, 155, prefix) || this.needPax;
    } else {
      this.needPax = encString(buf, off + 345, 130, prefix) || this.needPax;
      this.needPax = encDate(buf, off + 476, 12, this.atime) || this.needPax;
      this.needPax = encDate(buf, off + 488, 12, this.ctime) || this.needPax;
    }
    let sum = 8 * 32;
    for (let i = off; i < off + 148; i++) {
      sum += buf[i];
    }
    for (let i = off + 156; i < off + 512; i++) {
      sum += buf[i];
    }
    this.cksum = sum;
    encNumber(buf, off + 148, 8, this.cksum);
    this.cksumValid = true;
    return this.needPax;
  }
  get type() {
    return this.#type === "Unsupported" ? this.#type : name.get(this.#type);
  }
  get typeKey() {
    return this.#type;
  }
  set type(type) {
    const c = String(code.get(type));
    if (isCode(c) || c === "Unsupported") {
      this.#type = c;
    } else if (isCode(type)) {
      this.#type = type;
    } else {
      throw new TypeError("invalid entry type: " + type);
    }
  }
};
var splitPrefix = (p, prefixSize) => {
  const pathSize = 100;
  let pp = p;
  let prefix = "";
  let ret = void 0;
  const root = pathModule.parse(p).root || ".";
  if (Buffer.byteLength(pp) < pathSize) {
    ret = [pp, prefix, false];
  } else {
    prefix = pathModule.dirname(pp);
    pp = pathModule.basename(pp);
    do {
      if (Buffer.byteLength(pp) <= pathSize && Buffer.byteLength(prefix) <= prefixSize) {
        ret = [pp, prefix, false];
      } else if (Buffer.byteLength(pp) > pathSize && Buffer.byteLength(prefix) <= prefixSize) {
        ret = [pp.slice(0, pathSize - 1), prefix, true];
      } else {
        pp = pathModule.join(pathModule.basename(prefix), pp);
        prefix = pathModule.dirname(prefix);
      }
    } while (prefix !== root && ret === void 0);
    if (!ret) {
      ret = [p.slice(0, pathSize - 1), "", true];
    }
  }
  return ret;
};
var decString = (buf, off, size) => buf.subarray(off, off + size).toString("utf8").replace(/\0.*/, "");
var decDate = (buf, off, size) => numToDate(decNumber(buf, off, size));
var numToDate = (num) => num === void 0 ? void 0 : new Date(num * 1e3);
var decNumber = (buf, off, size) => Number(buf[off]) & 128 ? parse(buf.subarray(off, off + size)) : decSmallNumber(buf, off, size);
var nanUndef = (value) => isNaN(value) ? void 0 : value;
var decSmallNumber = (buf, off, size) => nanUndef(parseInt(buf.subarray(off, off + size).toString("utf8").replace(/\0.*$/, "").trim(), 8));
var MAXNUM = {
  12: 8589934591,
  8: 2097151
};
var encNumber = (buf, off, size, num) => num === void 0 ? false : num > MAXNUM[size] || num < 0 ? (encode(num, buf.subarray(off, off + size)), true) : (encSmallNumber(buf, off, size, num), false);
var encSmallNumber = (buf, off, size, num) => buf.write(octalString(num, size), off, size, "ascii");
var octalString = (num, size) => padOctal(Math.floor(num).toString(8), size);
var padOctal = (str, size) => (str.length === size - 1 ? str : new Array(size - str.length - 1).join("0") + str + " ") + "\0";
var encDate = (buf, off, size, date) => date === void 0 ? false : encNumber(buf, off, size, date.getTime() / 1e3);
var NULLS = new Array(156).join("\0");
var encString = (buf, off, size, str) => str === void 0 ? false : (buf.write(str + NULLS, off, size, "utf8"), str.length !== Buffer.byteLength(str) || str.length > size);

// src/tar/header.ts
var BLOCK_SIZE = 512;
var MODE = { name: "mode", start: 100, length: 8 };
var UID = { name: "uid", start: 108, length: 8 };
var GID = { name: "gid", start: 116, length: 8 };
var SIZE = { name: "size", start: 124, length: 12 };
var MTIME = { name: "mtime", start: 136, length: 12, signed: true };
var CHECKSUM = { name: "checksum", start: 148, length: 8 };
var DEVICE_MAJOR = { name: "device major", start: 329, length: 8 };
var DEVICE_MINOR = { name: "device minor", start: 337, length: 8 };
var TYPE = 156;
var MAGIC = 257;
var GNU_MAGIC = "ustar  \0";
function newBlock() {
  const words = new Uint32Array(BLOCK_SIZE / 4);
  return { bytes: Buffer.from(words.buffer), words };
}
function isZeroBlock({ words }) {
  return words.every((word) => word === 0);
}
function decodeHeader(block) {
  verifyChecksum(block);
  const { bytes } = block;
  return {
    type: String.fromCharCode(bytes[TYPE]),
    name: nameOf(bytes),
    linkName: textAt(bytes, 157, 100),
    mode: numberAt(bytes, MODE),
    uid: numberAt(bytes, UID),
    gid: numberAt(bytes, GID),
    size: numberAt(bytes, SIZE),
    mtime: numberAt(bytes, MTIME)
  };
}
function decodeDevice({ bytes }) {
  return { major: numberAt(bytes, DEVICE_MAJOR), minor: numberAt(bytes, DEVICE_MINOR) };
}
function isGnuHeader({ bytes }) {
  return bytes.toString("latin1", MAGIC, MAGIC + 8) === GNU_MAGIC;
}
function textAt(bytes, start, length) {
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return end === start ? "" : bytes.toString("latin1", start, end);
}
function numberAt(bytes, field) {
  const isOctal = (bytes[field.start] & 128) === 0;
  const value = isOctal ? octalAt(bytes, field) : base256At(bytes, field);
  if (value !== void 0 && Number.isSafeInteger(value) && (value >= 0 || field.signed)) return value;
  const name2 = showName(textAt(bytes, 0, 100));
  throw new PullError(
    "TAR_INVALID",
    `the tar header of ${name2} has a ${field.name} that is no usable number`
  );
}
function octalAt(bytes, { start, length }) {
  const end = start + length;
  let at = start;
  while (at < end && isBlank(bytes[at])) at++;
  let value = 0;
  for (; at < end && !isBlank(bytes[at]); at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 7) return void 0;
    value = value * 8 + digit;
  }
  return value;
}
function isBlank(byte) {
  return byte === 32 || byte === 0;
}
function base256At(bytes, field) {
  const shape = field.signed ? MTIME : field.length === SIZE.length ? SIZE : UID;
  const alone = Buffer.alloc(BLOCK_SIZE);
  bytes.copy(alone, shape.start, field.start, field.start + shape.length);
  try {
    const { uid, size, mtime } = new Header(alone);
    return shape === MTIME ? (mtime?.getTime() ?? Number.NaN) / 1e3 : shape === SIZE ? size : uid;
  } catch {
    return void 0;
  }
}
function verifyChecksum({ bytes, words }) {
  const wanted = numberAt(bytes, CHECKSUM);
  let sum = sumOfBytes(words) + CHECKSUM.length * 32;
  for (let at = CHECKSUM.start; at < CHECKSUM.start + CHECKSUM.length; at++) sum -= bytes[at];
  if (sum === wanted) return;
  const negative = bytes.reduce((count, byte) => byte > 127 ? count + 1 : count, 0);
  if (sum - negative * 256 !== wanted)
    throw new PullError("TAR_INVALID", `a tar header has the checksum ${sum}, not ${wanted} as it says`);
}
function sumOfBytes(words) {
  let even = 0;
  let odd = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    even += word & 16711935;
    odd += word >>> 8 & 16711935;
  }
  return (even & 65535) + (even >>> 16) + (odd & 65535) + (odd >>> 16);
}
function nameOf(bytes) {
  const name2 = textAt(bytes, 0, 100);
  if (bytes[345] === 0 || bytes.toString("latin1", MAGIC, MAGIC + 6) !== "ustar\0") return name2;
  const isStar = bytes.toString("latin1", 508, 512) === "tar\0";
  return `${textAt(bytes, 345, isStar ? 131 : 155)}/${name2}`;
}

// src/tar/build-entry.ts
var KINDS = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo"
};
var MAX_ID = 2 ** 32 - 2;
var MAX_DEVICE_NUMBER = 2 ** 32 - 1;
var NO_DEVICE = { major: 0, minor: 0 };
function buildEntry(header, preface, block) {
  const { pax } = preface;
  const path = preface.longName ?? pax?.path ?? header.name;
  const kind = kindOf(header.type, path);
  const device = kind === "char" || kind === "block" ? decodeDevice(block) : NO_DEVICE;
  if (device.major > MAX_DEVICE_NUMBER || device.minor > MAX_DEVICE_NUMBER)
    throw new PullError("TAR_INVALID", `the device numbers of ${showName(path)} are too large`);
  return {
    kind,
    path,
    linkPath: kind === "symlink" || kind === "hardlink" ? preface.longLink ?? pax?.linkPath ?? header.linkName : "",
    mode: header.mode & 4095,
    uid: checkId(pax?.uid ?? header.uid, path),
    gid: checkId(pax?.gid ?? header.gid, path),
    mtime: pax?.mtime ?? header.mtime,
    ...pax?.mtimeText === void 0 ? {} : { mtimeText: pax.mtimeText },
    size: kind === "file" ? pax?.size ?? header.size : 0,
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: pax?.xattrs
  };
}
function kindOf(type, path) {
  if (type === "\0" && path.endsWith("/")) return "directory";
  const kind = KINDS[type];
  if (kind !== void 0) return kind;
  throw new PullError(
    "TAR_INVALID",
    `the tar entry ${showName(path)} has the unknown type ${showName(type)}`
  );
}
function checkId(id, path) {
  if (id > MAX_ID) throw new PullError("TAR_INVALID", `the owner ${id} of ${showName(path)} is too large`);
  return id;
}

// src/tar/limits.ts
var MAX_EXTENDED_HEADER = 1 << 20;
var MAX_XATTR_BYTES = 64 << 10;
var MAX_SPARSE_REGIONS = 1e5;

// src/tar/pax.ts
var XATTR_PREFIX = "SCHILY.xattr.";
var NO_RECORDS = /* @__PURE__ */ new Map();
var SPARSE_PREFIX = "GNU.sparse.";
var SPARSE_OFFSET = `${SPARSE_PREFIX}offset`;
var SPARSE_LENGTH = `${SPARSE_PREFIX}numbytes`;
var MAX_LENGTH_DIGITS = 7;
function parsePax(bytes) {
  const text = bytes.toString("latin1");
  const values = /* @__PURE__ */ new Map();
  const sparseNumbers = [];
  for (let at = 0; at < text.length; ) {
    const { key, value, end } = recordAt(text, at);
    if (key === SPARSE_OFFSET || key === SPARSE_LENGTH) addSparseNumber(sparseNumbers, key, value);
    else if (value === "") values.delete(key);
    else values.set(key, value);
    at = end;
  }
  return {
    path: nameIn(values, "path"),
    linkPath: nameIn(values, "linkpath"),
    size: integerIn(values, "size"),
    uid: integerIn(values, "uid"),
    gid: integerIn(values, "gid"),
    mtime: timeIn(values, "mtime"),
    ...fractionIn(values.get("mtime")),
    xattrs: xattrsIn(values),
    sparse: sparseIn(values),
    sparseNumbers
  };
}
function recordAt(text, start) {
  const space = text.indexOf(" ", start);
  const length = space - start > MAX_LENGTH_DIGITS ? void 0 : decimal(text.slice(start, space));
  const end = start + (length ?? 0);
  if (space < 0 || length === void 0 || end > text.length || text[end - 1] !== "\n")
    throw malformed("a record has a wrong length");
  const equals = text.indexOf("=", space + 1);
  if (equals <= space + 1 || equals >= end - 1) throw malformed("a record is no key and value");
  const key = text.slice(space + 1, equals);
  if (key.includes("\0")) throw malformed("a key holds a NUL");
  return { key, value: text.slice(equals + 1, end - 1), end };
}
function addSparseNumber(numbers, key, value) {
  const expected = numbers.length % 2 === 0 ? SPARSE_OFFSET : SPARSE_LENGTH;
  if (key !== expected) throw malformed("its sparse regions are out of order");
  if (numbers.length >= 2 * MAX_SPARSE_REGIONS)
    throw new PullError("LIMIT_EXCEEDED", `a sparse file has more than ${MAX_SPARSE_REGIONS} regions`);
  numbers.push(value);
}
function nameIn(values, key) {
  const value = values.get(key);
  if (value?.includes("\0")) throw malformed(`${key} holds a NUL`);
  return value === void 0 ? void 0 : detach(value);
}
function detach(slice) {
  return Buffer.from(slice, "latin1").toString("latin1");
}
function integerIn(values, key) {
  const text = values.get(key);
  if (text === void 0) return void 0;
  const value = decimal(text);
  if (value === void 0) throw malformed(`${key} is no usable number`);
  return value;
}
function decimal(text) {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : void 0;
}
function timeIn(values, key) {
  const text = values.get(key);
  if (text === void 0) return void 0;
  const [, sign, whole, fraction] = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(text) ?? [];
  const seconds = Number(whole);
  if (!Number.isSafeInteger(seconds)) throw malformed(`${key} is no usable time`);
  const exact = Number(`${seconds}.${fraction || "0"}`);
  const kept = Math.floor(exact) === seconds ? exact : seconds + 0.999999;
  return sign === "-" ? -kept : kept;
}
function fractionIn(text = "") {
  const [, seconds, fraction = ""] = /^(-?[0-9]+)\.([0-9]{1,9})/.exec(text) ?? [];
  return seconds === void 0 || /^0*$/.test(fraction) ? {} : { mtimeText: detach(`${seconds}.${fraction}`) };
}
function xattrsIn(values) {
  let xattrs;
  let total = 0;
  for (const [key, value] of values) {
    if (!key.startsWith(XATTR_PREFIX)) continue;
    const name2 = key.slice(XATTR_PREFIX.length);
    if (name2 === "") throw malformed("an extended attribute has no name");
    total += value.length;
    if (total > MAX_XATTR_BYTES)
      throw new PullError(
        "LIMIT_EXCEEDED",
        `an entry has more than ${MAX_XATTR_BYTES} bytes of extended attributes, the last one is ${showName(name2)}`
      );
    xattrs ??= /* @__PURE__ */ new Map();
    xattrs.set(detach(name2), unpooled(value));
  }
  return xattrs;
}
function unpooled(value) {
  const bytes = Buffer.allocUnsafeSlow(value.length);
  bytes.write(value, "latin1");
  return bytes;
}
function sparseIn(values) {
  let sparse;
  for (const [key, value] of values) {
    if (!key.startsWith(SPARSE_PREFIX)) continue;
    sparse ??= /* @__PURE__ */ new Map();
    sparse.set(key.slice(SPARSE_PREFIX.length), value);
  }
  return sparse ?? NO_RECORDS;
}
function malformed(reason) {
  return new PullError("TAR_INVALID", `a pax header is malformed: ${reason}`);
}

// src/tar/sparse.ts
function paxSparse(records) {
  const form = sparseForm(records);
  if (form === "none") return { kind: "none" };
  const raw = records.sparse.get("name");
  if (raw?.includes("\0")) throw badMap("its name holds a NUL");
  const name2 = raw && detach(raw);
  const sizeText = records.sparse.get("size") ?? records.sparse.get("realsize");
  const size = sizeText === void 0 ? void 0 : decimal(sizeText);
  if (sizeText !== void 0 && size === void 0) throw badMap("its size is no number");
  if (form === "map-in-data") return { kind: form, regions: [], name: name2, size };
  return { kind: form, regions: regionsOfRecords(records), name: name2, size };
}
function sparseForm({ sparse, sparseNumbers }) {
  const version = `${sparse.get("major") ?? ""}.${sparse.get("minor") ?? ""}`;
  if (version === "1.0") return "map-in-data";
  const hasMap = sparse.has("map") || sparseNumbers.length > 0;
  if (version === "0.0" || version === "0.1" || version === "." && hasMap) return "map";
  if (sparse.size > 0) throw badMap("it has no map, or one of an unknown form");
  return "none";
}
function regionsOfRecords({ sparse, sparseNumbers }) {
  const map = sparse.get("map");
  const numbers = sparseNumbers.length > 0 ? sparseNumbers : map === void 0 ? [] : map.split(",");
  if (numbers.length % 2 !== 0) throw badMap("its map has an offset without a length");
  const regions = [];
  for (let index = 0; index < numbers.length; index += 2) {
    const offset = decimal(numbers[index]);
    const length = decimal(numbers[index + 1]);
    if (offset === void 0 || length === void 0)
      throw badMap("its map holds something that is no number");
    addRegion(regions, { offset, length });
  }
  return regions;
}
var OLD_HEADER = { regions: 386, count: 4, more: 482, realSize: 483 };
var OLD_EXTENSION = { regions: 0, count: 21, more: 504 };
function oldSparse({ bytes }) {
  const regions = [];
  const more = addOldRegions(regions, bytes, OLD_HEADER);
  const size = numberAt(bytes, { name: "real size", start: OLD_HEADER.realSize, length: 12 });
  return { regions, size, more };
}
function addOldExtension(regions, { bytes }) {
  return addOldRegions(regions, bytes, OLD_EXTENSION);
}
function addOldRegions(regions, bytes, layout) {
  for (let index = 0; index < layout.count; index++) {
    const start = layout.regions + index * 24;
    if (bytes[start] === 0) break;
    const offset = numberAt(bytes, { name: "sparse offset", start, length: 12 });
    const length = numberAt(bytes, { name: "sparse length", start: start + 12, length: 12 });
    addRegion(regions, { offset, length });
  }
  return bytes[layout.more] !== 0;
}
function addRegion(regions, region) {
  if (regions.length >= MAX_SPARSE_REGIONS)
    throw new PullError("LIMIT_EXCEEDED", `a sparse file has more than ${MAX_SPARSE_REGIONS} regions`);
  regions.push(region);
}
function checkRegions(regions, size, storedSize) {
  let end = 0;
  let stored = 0;
  for (const { offset, length } of regions) {
    if (offset < end || offset + length > size) throw badMap("its regions overlap or leave the file");
    end = offset + length;
    stored += length;
  }
  if (stored !== storedSize) throw badMap(`its regions hold ${stored} bytes, the archive ${storedSize}`);
}
function badMap(reason) {
  return new PullError("TAR_INVALID", `a sparse file is malformed: ${reason}`);
}

// src/tar/file-body.ts
var FileBody = class {
  #handler;
  #left = 0;
  #position = 0;
  #regions;
  #next = 0;
  constructor(handler) {
    this.#handler = handler;
  }
  /**
   * Announces the file. `storedSize`: bytes that the stream holds of it. `regions`: where they belong, if it is sparse.
   * Returns whether there are bytes to come; if not, the file is complete.
   */
  start(entry, storedSize, regions) {
    if (regions) checkRegions(regions, entry.size, storedSize);
    this.#left = storedSize;
    this.#position = 0;
    this.#regions = regions;
    this.#next = 0;
    this.#handler.entry(entry);
    if (storedSize === 0) this.#handler.end();
    return storedSize > 0;
  }
  /** Takes bytes from `at` on and returns where it stopped. The file is complete when `isComplete`. */
  push(slice, at) {
    const room = this.#regions ? this.#room(this.#regions) : this.#left;
    const end = Math.min(slice.length, at + room);
    this.#handler.data(new Uint8Array(slice.buffer, slice.byteOffset + at, end - at), this.#position);
    this.#position += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#handler.end();
    return end;
  }
  get isComplete() {
    return this.#left === 0;
  }
  /** Moves to where the next stored byte belongs. Returns how many bytes belong there in one piece. */
  #room(regions) {
    for (let region = regions[this.#next]; region; region = regions[++this.#next]) {
      const end = region.offset + region.length;
      this.#position = Math.max(this.#position, region.offset);
      if (this.#position < end) return end - this.#position;
    }
    return this.#left;
  }
};

// src/tar/preface.ts
var NO_PREFACE = {};
function isPrefaceType(type) {
  return type === "x" || type === "L" || type === "K";
}
var PrefaceReader = class {
  #type;
  #bytes;
  #filled = 0;
  /** Throws LIMIT_EXCEEDED if the header is too long. */
  constructor(type, size) {
    if (size > MAX_EXTENDED_HEADER)
      throw new PullError(
        "LIMIT_EXCEEDED",
        `an extended tar header of ${size} bytes is longer than ${MAX_EXTENDED_HEADER}`
      );
    this.#type = type;
    this.#bytes = Buffer.allocUnsafe(size);
  }
  get isComplete() {
    return this.#filled === this.#bytes.length;
  }
  /** Takes bytes from `at` on and returns where it stopped. */
  push(slice, at) {
    const copied = slice.copy(this.#bytes, this.#filled, at);
    this.#filled += copied;
    return at + copied;
  }
  addTo(preface) {
    if (this.#type === "x") return { ...preface, pax: parsePax(this.#bytes) };
    const name2 = textAt(this.#bytes, 0, this.#bytes.length);
    return this.#type === "L" ? { ...preface, longName: name2 } : { ...preface, longLink: name2 };
  }
};

// src/tar/sparse-map-reader.ts
var MAX_DIGITS = 16;
var NEWLINE = 10;
var SparseMapReader = class {
  #regions;
  #count;
  #offset;
  #value = 0;
  #digits = 0;
  constructor(regions) {
    this.#regions = regions;
  }
  /** Takes a block of the map. Returns whether one more follows. */
  push({ bytes }) {
    for (const byte of bytes) {
      if (byte !== NEWLINE) this.#addDigit(byte - 48);
      else if (this.#endNumber()) return false;
    }
    return true;
  }
  #addDigit(digit) {
    if (digit < 0 || digit > 9 || ++this.#digits > MAX_DIGITS)
      throw badMap("its map holds something that is no number");
    this.#value = this.#value * 10 + digit;
  }
  /** Returns whether that was the last number of the map. */
  #endNumber() {
    const value = this.#value;
    if (this.#digits === 0 || !Number.isSafeInteger(value))
      throw badMap("its map holds something that is no number");
    this.#value = 0;
    this.#digits = 0;
    if (this.#count === void 0) this.#count = value;
    else if (this.#offset === void 0) this.#offset = value;
    else {
      addRegion(this.#regions, { offset: this.#offset, length: value });
      this.#offset = void 0;
    }
    return this.#regions.length === this.#count && this.#offset === void 0;
  }
};

// src/tar/reader.ts
function createTarReader(handler) {
  return new Reader(handler);
}
var Reader = class {
  #handler;
  #body;
  /** What the next bytes are; `regions` are blocks with more of a sparse file's map. */
  #state = "header";
  /** Bytes pushed before the current slice. */
  #consumed = 0;
  #headerAt = 0;
  #zeroBlocks = 0;
  /** The block that is being read, and how much of it is there. */
  #block = newBlock();
  #filled = 0;
  /** Bytes to skip once the current data is over, or while skipping. */
  #skipping = 0;
  #preface = NO_PREFACE;
  #prefaceReader;
  /** Takes a block with regions, returns whether one more follows. */
  #readRegions = () => false;
  #startFile = () => {
  };
  constructor(handler) {
    this.#handler = handler;
    this.#body = new FileBody(handler);
  }
  get position() {
    return this.#headerAt;
  }
  push(bytes) {
    const slice = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < slice.length && this.#state !== "ended") at = this.#step(slice, at);
    this.#consumed += slice.length;
  }
  finish() {
    if (this.#state === "ended") return;
    if (this.#state !== "header" || this.#filled > 0 || this.#preface !== NO_PREFACE)
      throw new PullError(
        "TAR_INVALID",
        `the tar stream ends after ${this.#consumed} bytes, inside of an entry`
      );
  }
  /** Handles some of the bytes from `at` on and returns where it stopped. */
  #step(slice, at) {
    if (this.#state === "data") return this.#takeData(slice, at);
    if (this.#state === "skip") return this.#takeSkipped(slice, at);
    if (this.#state === "preface" && this.#prefaceReader)
      return this.#takePreface(slice, at, this.#prefaceReader);
    return this.#takeBlock(slice, at);
  }
  #takeData(slice, at) {
    const end = this.#body.push(slice, at);
    if (this.#body.isComplete) this.#skip();
    return end;
  }
  #takeSkipped(slice, at) {
    const end = Math.min(slice.length, at + this.#skipping);
    this.#skipping -= end - at;
    if (this.#skipping === 0) this.#state = "header";
    return end;
  }
  #takePreface(slice, at, reader) {
    const end = reader.push(slice, at);
    if (reader.isComplete) this.#endPreface(reader);
    return end;
  }
  #takeBlock(slice, at) {
    if (this.#filled === 0 && this.#state === "header") this.#headerAt = this.#consumed + at;
    const copied = slice.copy(this.#block.bytes, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === BLOCK_SIZE) this.#onBlock();
    return at + copied;
  }
  #onBlock() {
    this.#filled = 0;
    if (this.#state === "regions") {
      if (!this.#readRegions(this.#block)) this.#startFile();
    } else if (this.#block.words[0] === 0 && isZeroBlock(this.#block)) this.#onZeroBlock();
    else this.#onHeader();
  }
  /** Two end the archive. A single one may stand at the very end of the stream. */
  #onZeroBlock() {
    if (this.#preface !== NO_PREFACE)
      throw new PullError("TAR_INVALID", "the archive ends after an extended header that is about no entry");
    if (++this.#zeroBlocks === 2) this.#state = "ended";
  }
  #onHeader() {
    if (this.#zeroBlocks > 0)
      throw new PullError("TAR_INVALID", "a single zero block stands between entries of the archive");
    const header = decodeHeader(this.#block);
    if (isPrefaceType(header.type))
      this.#startPreface(new PrefaceReader(header.type, header.size), header.size);
    else if (header.type === "g") this.#skip(header.size + paddingOf(header.size));
    else this.#onEntry(header);
  }
  /** What is pending is about the next entry, not about this header (CVE-2026-53655): its size is its own. */
  #startPreface(reader, size) {
    this.#prefaceReader = reader;
    this.#skipping = paddingOf(size);
    this.#state = "preface";
    if (reader.isComplete) this.#endPreface(reader);
  }
  #endPreface(reader) {
    this.#preface = reader.addTo(this.#preface);
    this.#prefaceReader = void 0;
    this.#skip();
  }
  #onEntry(header) {
    const { pax } = this.#preface;
    const entry = buildEntry(header, this.#preface, this.#block);
    this.#preface = NO_PREFACE;
    this.#skipping = paddingOf(entry.size);
    if (header.type === "S") this.#startOldSparse(entry);
    else if (pax) this.#startPax(entry, pax);
    else this.#start(entry, entry.size);
  }
  /** Only files have data: the other types have none whatever size they claim, as in Go's archive/tar. */
  #start(entry, storedSize, regions) {
    if (entry.kind !== "file") this.#handler.entry(entry);
    else if (this.#body.start(entry, storedSize, regions)) {
      this.#state = "data";
      return;
    }
    this.#skip();
  }
  #startOldSparse(entry) {
    if (!isGnuHeader(this.#block)) throw badMap("type S is known in GNU archives only");
    const { regions, size, more } = oldSparse(this.#block);
    this.#startFile = () => this.#start({ ...entry, size }, entry.size, regions);
    this.#readRegions = (block) => addOldExtension(regions, block);
    if (more) this.#state = "regions";
    else this.#startFile();
  }
  #startPax(entry, pax) {
    const sparse = paxSparse(pax);
    if (sparse.kind !== "none" && entry.kind !== "file") throw badMap("it is no file");
    if (sparse.kind === "none") this.#start(entry, entry.size);
    else {
      const file = { ...entry, path: sparse.name ?? entry.path, size: sparse.size ?? entry.size };
      if (sparse.kind === "map") this.#start(file, entry.size, sparse.regions);
      else this.#startMap(file, entry.size, sparse.regions);
    }
  }
  /** The map is a part of what is stored of the file. */
  #startMap(file, storedSize, regions) {
    const map = new SparseMapReader(regions);
    let left = storedSize;
    this.#startFile = () => this.#start(file, left, regions);
    this.#readRegions = (block) => {
      left -= BLOCK_SIZE;
      if (left < 0) throw badMap("its map is longer than what is stored of it");
      return map.push(block);
    };
    this.#state = "regions";
  }
  #skip(length = this.#skipping) {
    this.#skipping = length;
    this.#state = length === 0 ? "header" : "skip";
  }
};
function paddingOf(size) {
  return (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
}

// src/layer/stargz-names.ts
var TOC_NAME = "stargz.index.json";
var OWN_NAMES = /* @__PURE__ */ new Set([TOC_NAME, ".prefetch.landmark", ".no.prefetch.landmark"]);
function isStargzOwnName(path) {
  return OWN_NAMES.has(path.replace(/^(?:\.?\/)+/, ""));
}

// src/unpack/own-files.ts
function withoutOwnFiles(handler) {
  let isOwn = false;
  return {
    entry(entry) {
      isOwn = entry.kind === "file" && isStargzOwnName(entry.path);
      if (!isOwn) handler.entry(entry);
    },
    data(bytes, position) {
      if (!isOwn) handler.data(bytes, position);
    },
    end() {
      if (!isOwn) handler.end();
    }
  };
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
var END_OF_STREAM = -1;
var WAIT_MS = 1e3;
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
var RingWriter = class {
  #ring;
  #readers;
  #count = 0;
  #slot;
  #fill = 0;
  /** `readers`: who will read all of it. */
  constructor(memory, readers) {
    this.#ring = new Ring(memory);
    this.#readers = readers.map((reader) => READ[reader]);
    this.#slot = this.#ring.slot(0);
  }
  /** The bytes may be overwritten afterwards. */
  write(bytes) {
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const copied = source.copy(this.#slot, this.#fill, at);
      this.#fill += copied;
      at += copied;
      if (this.#fill === SLOT_BYTES) this.#publish(this.#fill);
    }
  }
  /** The next stream begins. */
  endStream() {
    if (this.#fill > 0) this.#publish(this.#fill);
    this.#publish(END_OF_STREAM);
  }
  /** In hex, of the stream that was ended last; waits for the reader that hashes. */
  digest() {
    const { control, result } = this.#ring;
    for (let read = Atomics.load(control, READ.hash); read !== this.#count; ) {
      this.#ring.waitWhile(READ.hash, read);
      read = Atomics.load(control, READ.hash);
    }
    return Buffer.from(result).toString("latin1").replaceAll("\0", "");
  }
  #publish(length) {
    const { control } = this.#ring;
    control[LENGTHS + this.#count % SLOTS] = length;
    this.#ring.advance(FILLED);
    this.#count++;
    this.#fill = 0;
    for (const word of this.#readers) {
      while (this.#count - Atomics.load(control, word) >= SLOTS)
        this.#ring.waitWhile(word, this.#count - SLOTS);
    }
    this.#slot = this.#ring.slot(this.#count);
  }
};
var RingReader = class {
  #ring;
  #word;
  #count = 0;
  constructor(memory, reader) {
    this.#ring = new Ring(memory);
    this.#word = READ[reader];
  }
  /** Calls `see` with each piece of the next stream, up to its end; the bytes may be read during the call only. */
  readStream(see) {
    for (; ; ) {
      this.#ring.waitWhile(FILLED, this.#count);
      const length = this.#ring.control[LENGTHS + this.#count % SLOTS];
      if (length === END_OF_STREAM) return;
      see(this.#ring.slot(this.#count).subarray(0, length));
      this.#next();
    }
  }
  /** Takes the end of a stream off the ring. `digest`: of that stream, in hex. */
  endStream(digest) {
    if (digest !== void 0) this.#ring.result.set(Buffer.from(digest.padEnd(RESULT_BYTES, "\0")));
    this.#next();
  }
  waitForProof() {
    this.#ring.waitWhile(PROVEN, 0);
  }
  #next() {
    this.#count++;
    this.#ring.advance(this.#word);
  }
};

// src/unpack/toc-reader.ts
function createTocReader(layer, handler) {
  return new TocReader(layer, handler);
}
var TocReader = class {
  #layer;
  #handler;
  #next = 0;
  #file;
  #done = 0;
  constructor(layer, handler) {
    this.#layer = layer;
    this.#handler = handler;
  }
  get position() {
    return this.#next;
  }
  push(bytes) {
    for (let at = 0; at < bytes.length; ) {
      this.#file ??= this.#nextFile();
      const file = this.#file;
      if (!file) throw new PullError("TAR_INVALID", "more content comes than the TOC has files for");
      const piece = bytes.subarray(at, at + file.size - this.#done);
      this.#handler.data(piece, this.#done);
      this.#done += piece.length;
      at += piece.length;
      if (this.#done === file.size) this.#endFile();
    }
  }
  finish() {
    this.#file ??= this.#nextFile();
    if (this.#file) throw new PullError("TAR_INVALID", "the content of the layer ends inside of a file");
  }
  /** Hands over the entries up to the next file whose content comes, if there is one. */
  #nextFile() {
    const { entries, flags } = this.#layer;
    while (this.#next < entries.length) {
      const index = this.#next++;
      const { entry } = entries[index];
      this.#handler.entry(entry);
      if (entry.kind !== "file" || flags[index] !== 1) continue;
      if (entry.size > 0) return entry;
      this.#handler.end();
    }
    return void 0;
  }
  #endFile() {
    this.#handler.end();
    this.#file = void 0;
    this.#done = 0;
  }
};

// src/unpack/host-tools.ts
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
var DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
var TOOL_TIMEOUT_MS = 10 * 6e4;
var MAX_TOOL_OUTPUT = 8 << 20;
function findTool(name2) {
  return DIRECTORIES.map((directory) => `${directory}/${name2}`).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
function runTool(path, args, input) {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd: "/",
      env: { PATH: DIRECTORIES.join(":"), LC_ALL: "C" },
      timeout: TOOL_TIMEOUT_MS,
      killSignal: "SIGKILL"
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on("error", (error) => resolve({ status: void 0, stdout: "", stderr: error.message }));
    child.on(
      "close",
      (status) => resolve({ status: status ?? void 0, stdout: stdout(), stderr: stderr() })
    );
    child.stdin.on("error", () => {
    });
    child.stdin.end(input);
  });
}
function collect(stream) {
  let text = "";
  stream.on("data", (bytes) => {
    if (text.length < MAX_TOOL_OUTPUT) text += bytes.toString("latin1");
  });
  return () => text;
}

// src/unpack/special-files.ts
var TYPE_LETTERS = { char: "c", block: "b" };
function specialFileOf(entry) {
  const { mode, uid, gid, mtime, mtimeText, deviceMajor, deviceMinor } = entry;
  const kind = entry.kind === "fifo" || entry.kind === "char" ? entry.kind : "block";
  return { kind, mode, uid, gid, mtime, mtimeText, deviceMajor, deviceMinor };
}
async function makeSpecialFiles(files, context) {
  const isMade = ({ file }) => file.kind === "fifo" || context.owner === "preserve";
  for (const special of files.filter((each) => !isMade(each)))
    skip(special, "devices are made only where owners are preserved", context);
  const wanted = files.filter(isMade);
  const fifos = wanted.filter(({ file }) => file.kind === "fifo");
  const devices = wanted.filter(({ file }) => file.kind !== "fifo");
  const results = [
    await runForEach(
      "mkfifo",
      [],
      fifos.map((fifo) => [context.paths.raw(fifo.names[0])])
    ),
    await runForEach(
      "mknod",
      ["-n", "4"],
      devices.map((device) => mknodArguments(device, context.paths))
    )
  ];
  const reason = results.map((result) => reasonOf(result)).find((text) => text !== "") ?? "it was not made";
  for (const special of wanted) finish(special, reason, context);
}
async function runForEach(tool, xargs, argumentLists) {
  if (argumentLists.length === 0) return void 0;
  const [xargsPath, toolPath] = [findTool("xargs"), findTool(tool)];
  if (!xargsPath || !toolPath)
    return { status: void 0, stdout: "", stderr: `this host has no ${xargsPath ? tool : "xargs"}` };
  const input = argumentLists.flat().map((argument) => `${argument}\0`).join("");
  return runTool(xargsPath, ["-0", ...xargs, toolPath, "-m", "600"], Buffer.from(input, "latin1"));
}
function mknodArguments({ file, names }, paths) {
  const type = file.kind === "fifo" ? "p" : TYPE_LETTERS[file.kind];
  return [paths.raw(names[0]), type, String(file.deviceMajor), String(file.deviceMinor)];
}
function reasonOf(result) {
  const line = result?.stderr.split("\n")[0] ?? "";
  return line.slice(line.lastIndexOf(": ") + 1).trim();
}
function finish(special, reason, context) {
  const [first, ...others] = special.names;
  if (!context.sink.setSpecialFile(first, special.file)) skip(special, reason, context);
  else for (const name2 of others) context.sink.makeHardLink(name2, first, "special");
}
function skip({ file, names }, reason, { skips }) {
  for (const name2 of names) skips.add(name2, file.kind === "fifo" ? "fifo" : "device", reason);
}

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
var MAX_WALKED_COMPONENTS = 16384;
var MAX_FOLLOWED_BYTES = 256 << 20;
var FOLLOW_OVERHEAD = 16;
var MAX_PENDING_XATTR_BYTES = 64 << 20;
var XATTR_OVERHEAD = 512;
var MAX_XATTR_INPUT = 4 << 20;
var MAX_LINK_TARGET_BYTES = 256 << 20;
var MAX_HELD_NAME_BYTES = 256 << 20;
var MAX_SPECIAL_FILES = 1e4;
var MAX_HELD_PROGRESS = 16 << 20;
var MAX_NAMED_SKIPS = 1e4;
var MAX_NAMED_SKIP_BYTES = 4 << 20;
function checkLimit(actual, limit, what, name2) {
  if (actual <= limit) return;
  const hint = name2 && `If you trust the image, raise the limit ${name2} (input limits, option --limit).`;
  throw new PullError("LIMIT_EXCEEDED", `${what}: ${actual} is more than the limit of ${limit}`, { hint });
}

// src/unpack/xattrs.ts
async function setXattrs(files, paths, skips) {
  if (files.length === 0) return;
  const onFailure = (path, reason) => skips.add(path, "xattr", reason);
  const setfattr = findTool("setfattr");
  const python = findTool("python3");
  if (setfattr)
    for (const piece of piecesOf(files)) await withSetfattr(setfattr, { files: piece, paths, onFailure });
  else if (python)
    for (const piece of piecesOf(files)) await withPython(python, { files: piece, paths, onFailure });
  else for (const { path } of files) onFailure(path, "this host has neither setfattr nor python3");
}
function* piecesOf(files) {
  let piece = [];
  let size = 0;
  for (const file of files) {
    piece.push(file);
    size += inputSize(file);
    if (size < MAX_XATTR_INPUT) continue;
    yield piece;
    piece = [];
    size = 0;
  }
  if (piece.length > 0) yield piece;
}
function inputSize({ path, xattrs }) {
  let size = 4 * path.length;
  for (const [name2, value] of xattrs) size += 4 * (path.length + name2.length) + 2 * value.length;
  return size;
}
async function withSetfattr(tool, { files, paths, onFailure }) {
  const dump = files.map(({ path, xattrs }) => {
    const lines = [...xattrs].map(([name2, value]) => `${octal(name2)}=0x${hex(value)}
`);
    return `# file: ${octal(paths.raw(path))}
${lines.join("")}
`;
  });
  const result = await runTool(tool, ["-h", "--restore=-"], Buffer.from(dump.join(""), "latin1"));
  if (result.status === 0) return;
  const byComplaint = new Map(files.map(({ path }) => [paths.raw(path), path]));
  let isExplained = false;
  for (const line of result.stderr.split("\n")) {
    const [, quoted = "", reason = ""] = /^[^:]*: (.*): ([^:]*)$/.exec(line) ?? [];
    const path = byComplaint.get(unquote(quoted));
    if (path === void 0) continue;
    isExplained = true;
    onFailure(path, reason);
  }
  if (!isExplained) onFailure("", whyFailed(result));
}
var SETXATTR_SCRIPT = `
import os, sys
fields = sys.stdin.buffer.read().split(b'\\0')
for at in range(0, len(fields) - 2, 3):
    path, name, value = fields[at:at + 3]
    try:
        os.setxattr(path, name, bytes.fromhex(value.decode()), follow_symlinks=False)
    except OSError as error:
        print(at // 3, error.strerror)
`;
async function withPython(tool, { files, paths, onFailure }) {
  const records = files.flatMap(
    ({ path, xattrs }) => [...xattrs].map(([name2, value]) => ({ path, name: name2, value }))
  );
  const input = records.map(({ path, name: name2, value }) => `${paths.raw(path)}\0${name2}\0${hex(value)}\0`).join("");
  const result = await runTool(tool, ["-I", "-c", SETXATTR_SCRIPT], Buffer.from(input, "latin1"));
  for (const line of result.stdout.split("\n").filter(Boolean)) {
    const [index, ...reason] = line.split(" ");
    onFailure(records[Number(index)]?.path ?? "", reason.join(" "));
  }
  if (result.status !== 0) onFailure("", whyFailed(result));
}
function whyFailed({ status, stderr }) {
  return `setting extended attributes failed (status ${status ?? "unknown"}): ${stderr.slice(0, 200).trim()}`;
}
function hex(value) {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
}
function octal(raw) {
  return raw.replace(/[^A-Za-z0-9_./-]/g, (unit) => `\\${unit.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
function unquote(quoted) {
  return quoted.replace(
    /\\([0-7]{3})/g,
    (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))
  );
}

// src/unpack/finish.ts
async function finishTree(root, context) {
  const { special, xattrs } = whatIsLeft(root);
  await makeSpecialFiles(special, context);
  visit(root, "", (node, path) => {
    if (node.kind === "directory" && node !== root) context.sink.setDirectory(path, node.attributes);
  });
  await setXattrs(xattrs, context.paths, context.skips);
  context.sink.setDirectory("", root.attributes);
}
function whatIsLeft(root) {
  const special = /* @__PURE__ */ new Map();
  const xattrs = /* @__PURE__ */ new Map();
  visit(root, "", (node, path) => {
    if (node.kind === "special") {
      const names = special.get(node.file);
      if (names) names.push(path);
      else special.set(node.file, [path]);
    } else if (node.kind !== "symlink" && node.xattrs && !xattrs.has(node.xattrs))
      xattrs.set(node.xattrs, { path, xattrs: node.xattrs });
  });
  return { special: [...special].map(([file, names]) => ({ file, names })), xattrs: [...xattrs.values()] };
}
function visit(node, path, see) {
  if (node.kind === "directory")
    for (const [name2, child] of node.children) visit(child, path === "" ? name2 : `${path}/${name2}`, see);
  see(node, path);
}

// src/unpack/fs-sink.ts
import * as fs2 from "node:fs";

// src/unpack/link-copy.ts
import * as fs from "node:fs";

// src/unpack/times.ts
function toTime(seconds) {
  return seconds < 0 ? String(seconds) : seconds;
}

// src/unpack/link-copy.ts
var WITHOUT_HARD_LINKS = /* @__PURE__ */ new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);
function isWithoutHardLinks(error) {
  return WITHOUT_HARD_LINKS.has(error.code ?? "");
}
function copyInsteadOfLink(from, to, { kind, onCopy }) {
  const { uid, gid, mode, mtimeMs, size } = fs.lstatSync(from);
  onCopy(size);
  if (kind === "symlink") fs.symlinkSync(fs.readlinkSync(from, "buffer"), to);
  else fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
  if (process.geteuid?.() === 0) fs.lchownSync(to, uid, gid);
  if (kind === "file") fs.chmodSync(to, mode & 4095);
  const time = toTime(mtimeMs / 1e3);
  fs.lutimesSync(to, time, time);
}

// src/unpack/names.ts
import { isUtf8 } from "node:buffer";
var LONG_NAME = 256;
function splitName(name2) {
  const end = name2.endsWith("/") ? name2.length - 1 : name2.length;
  const slash = name2.lastIndexOf("/", end - 1);
  const base = name2.slice(slash + 1, end);
  if (base !== "" && base !== "." && base !== "..")
    return {
      directory: slash < 0 ? "" : name2.slice(0, slash),
      base: name2.length > LONG_NAME ? copyOf(base) : base
    };
  const components = cleanComponents(name2);
  const last = components.pop() ?? "";
  return { directory: components.join("/"), base: last };
}
function copyOf(text) {
  return Buffer.from(text, "latin1").toString("latin1");
}
function cleanComponents(name2, whole = name2) {
  const components = [];
  for (const component of name2.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") components.push(component);
    else if (components.pop() === void 0)
      throw new PullError("PATH_UNSAFE", `the name ${showName(whole)} leads out of the root`);
  }
  return components;
}
function checkPath(parent, base, { pathLength }) {
  const length = parent.pathLength + base.length;
  if (length <= pathLength) return;
  const path = showName(`/${parent.path()}${base}`);
  checkLimit(length, pathLength, `bytes in the path ${path}, to which links lead`, "path-length");
}
function checkName(name2, limits) {
  if (name2.length > limits.pathLength)
    checkLimit(name2.length, limits.pathLength, `bytes in the name ${showName(name2)}`, "path-length");
  if (name2 === "") throw new PullError("PATH_UNSAFE", "an entry has an empty name");
}
function checkComponent(component, limits, platform = process.platform) {
  if (component.length > limits.componentLength)
    checkLimit(
      component.length,
      limits.componentLength,
      `bytes in the name ${showName(component)}`,
      "name-length"
    );
  if (platform === "win32" && !isWindowsName(component))
    throw new PullError("PATH_UNSAFE", `${showName(component)} cannot be a name on Windows`);
}
function isWindowsName(component) {
  if (/[<>:"|?*\\]|[^\x20-\xff]|[. ]$/.test(component)) return false;
  if (/^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)([1-9]|\xc2[\xb9\xb2\xb3]))( *\.|$)/i.test(component))
    return false;
  return isUtf8(Buffer.from(component, "latin1"));
}
function toKernel(raw) {
  return Buffer.byteLength(raw) === raw.length ? raw : Buffer.from(raw, "latin1");
}
var HostPaths = class {
  #prefix;
  /** `root`: an absolute path. */
  constructor(root) {
    this.#prefix = Buffer.from(root.endsWith("/") ? root : `${root}/`).toString("latin1");
  }
  of(path) {
    return toKernel(this.#prefix + path);
  }
  /** The same as a latin1 string. */
  raw(path) {
    return this.#prefix + path;
  }
};

// src/unpack/ownership.ts
import { closeSync, constants as constants3, fstatSync, lstatSync as lstatSync2, openSync, unlinkSync } from "node:fs";
var S_ISGID = 1024;
var SET_ID_BITS = 3072;
var { O_CREAT, O_EXCL, O_WRONLY } = constants3;
function createOwnership(root, owner) {
  const stats = lstatSync2(root);
  if (!stats.isDirectory()) throw new PullError("UNPACK_FAILED", `${root} is no directory`);
  const granted = grantedBits(root);
  const isGranted = (mode) => (mode & ~granted) === 0;
  if (owner === "runner") {
    const finalMode = (mode, bits) => mode & ~SET_ID_BITS | bits;
    return { finalMode, differs: () => false, isGranted };
  }
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  const isInherited = (stats.mode & S_ISGID) !== 0 || stats.gid !== gid || stats.uid !== uid;
  return { finalMode: (mode) => mode, differs: (u, g) => isInherited || u !== uid || g !== gid, isGranted };
}
function grantedBits(root) {
  const probe = `${root}/.mode`;
  const file = openSync(probe, O_CREAT | O_EXCL | O_WRONLY, 511);
  try {
    return fstatSync(file).mode & 511;
  } finally {
    closeSync(file);
    unlinkSync(probe);
  }
}

// src/unpack/fs-sink.ts
var { O_CREAT: O_CREAT2, O_EXCL: O_EXCL2, O_WRONLY: O_WRONLY2, O_RDONLY, O_NOFOLLOW = 0, O_DIRECTORY = 0 } = fs2.constants;
var CREATE_FILE = O_CREAT2 | O_EXCL2 | O_NOFOLLOW | O_WRONLY2;
var OPEN_DIRECTORY = O_RDONLY | O_NOFOLLOW | O_DIRECTORY;
function createFsSink(options) {
  return new FsSink(options);
}
var FsSink = class {
  #paths;
  #ownership;
  #onCopy;
  #file;
  #filePath = "";
  #fileAttributes = { mode: 0, uid: 0, gid: 0, mtime: void 0 };
  #hasMode = false;
  #written = 0;
  constructor({ root, owner, onCopy }) {
    this.#paths = new HostPaths(root);
    this.#onCopy = onCopy;
    try {
      this.#ownership = createOwnership(root, owner);
    } catch (error) {
      throw failure(error, "use the root", "");
    }
  }
  makeDirectory(path) {
    try {
      fs2.mkdirSync(this.#paths.of(path), 448);
    } catch (error) {
      throw failure(error, "make the directory", path);
    }
  }
  openFile(path, attributes) {
    const mode = this.#ownership.finalMode(attributes.mode, 384);
    this.#hasMode = this.#ownership.isGranted(mode) && !this.#ownership.differs(attributes.uid, attributes.gid);
    this.#filePath = path;
    this.#fileAttributes = attributes;
    this.#written = 0;
    try {
      this.#file = fs2.openSync(this.#paths.of(path), CREATE_FILE, this.#hasMode ? mode : 384);
    } catch (error) {
      throw failure(error, "make the file", path);
    }
  }
  writeFile(bytes, position) {
    try {
      for (let done = 0; done < bytes.length; )
        done += fs2.writeSync(this.#open(), bytes, done, bytes.length - done, position + done);
    } catch (error) {
      throw failure(error, "write the file", this.#filePath);
    }
    this.#written = position + bytes.length;
  }
  closeFile(size) {
    const file = this.#open();
    try {
      if (this.#written < size) fs2.ftruncateSync(file, size);
      if (this.#hasMode) setTimes(file, this.#fileAttributes);
      else this.#setOpen(file, this.#fileAttributes, 384);
      this.#file = void 0;
      fs2.closeSync(file);
    } catch (error) {
      throw failure(error, "finish the file", this.#filePath);
    }
  }
  makeSymlink(path, target, attributes) {
    const host = this.#paths.of(path);
    try {
      fs2.symlinkSync(toKernel(target), host);
      this.#setPath(host, attributes);
    } catch (error) {
      throw failure(error, "make the symbolic link", path);
    }
  }
  makeHardLink(path, existing, kind) {
    if (kind === "symlink" && process.platform === "darwin") return this.#copy(path, existing, kind);
    try {
      fs2.linkSync(this.#paths.of(existing), this.#paths.of(path));
      return "linked";
    } catch (error) {
      if (kind === "special" || !isWithoutHardLinks(error)) throw failure(error, "make the hard link", path);
      return this.#copy(path, existing, kind);
    }
  }
  removeFile(path) {
    try {
      fs2.unlinkSync(this.#paths.of(path));
    } catch (error) {
      throw failure(error, "remove", path);
    }
  }
  removeDirectory(path) {
    try {
      fs2.rmdirSync(this.#paths.of(path));
    } catch (error) {
      throw failure(error, "remove the directory", path);
    }
  }
  setDirectory(path, attributes) {
    let directory;
    try {
      directory = fs2.openSync(this.#paths.of(path), OPEN_DIRECTORY);
      this.#setOpen(directory, attributes, 448);
    } catch (error) {
      throw failure(error, "finish the directory", path);
    } finally {
      if (directory !== void 0) fs2.closeSync(directory);
    }
  }
  setSpecialFile(path, file) {
    const host = this.#paths.of(path);
    try {
      const stats = fs2.lstatSync(host, { throwIfNoEntry: false });
      if (!stats || !isKind(stats, file.kind)) return false;
      this.#setPath(host, file);
      fs2.chmodSync(host, this.#ownership.finalMode(file.mode, 0));
      return true;
    } catch (error) {
      throw failure(error, `finish the ${file.kind}`, path);
    }
  }
  abort() {
    try {
      if (this.#file !== void 0) fs2.closeSync(this.#file);
    } catch {
    }
    this.#file = void 0;
  }
  #open() {
    if (this.#file === void 0) throw new PullError("INTERNAL", "no file is open");
    return this.#file;
  }
  /** The order matters: chown(2) takes away set-id bits, chmod(2) and writing change no times that are set last. */
  #setOpen(descriptor, attributes, ownerBits) {
    const { uid, gid, mode } = attributes;
    if (this.#ownership.differs(uid, gid)) fs2.fchownSync(descriptor, uid, gid);
    fs2.fchmodSync(descriptor, this.#ownership.finalMode(mode, ownerBits));
    setTimes(descriptor, attributes);
  }
  /** Owner and times of something that must not be opened. */
  #setPath(host, { uid, gid, mtime }) {
    if (this.#ownership.differs(uid, gid)) fs2.lchownSync(host, uid, gid);
    if (mtime === void 0) return;
    const time = toTime(mtime);
    fs2.lutimesSync(host, time, time);
  }
  #copy(path, existing, kind) {
    try {
      copyInsteadOfLink(this.#paths.of(existing), this.#paths.of(path), { kind, onCopy: this.#onCopy });
      return "copied";
    } catch (error) {
      throw failure(error, "copy in place of a hard link", path);
    }
  }
};
function setTimes(descriptor, { mtime }) {
  if (mtime === void 0) return;
  const time = toTime(mtime);
  fs2.futimesSync(descriptor, time, time);
}
function isKind(stats, kind) {
  if (kind === "fifo") return stats.isFIFO();
  return kind === "char" ? stats.isCharacterDevice() : stats.isBlockDevice();
}
function failure(error, action, path) {
  const code2 = error.code;
  const name2 = showName(`/${path}`);
  if (code2 === "EEXIST")
    return new PullError(
      "PATH_UNSAFE",
      `cannot ${action} ${name2}: this file system takes its name for that of another entry`,
      { hint: "Unpack to a file system that tells upper and lower case apart.", cause: error }
    );
  return toPullError(error, {
    code: "UNPACK_FAILED",
    message: `cannot ${action} ${name2}: ${code2 ?? "unknown reason"}`
  });
}

// src/unpack/aside.ts
import { randomBytes } from "node:crypto";
var AsideNames = class {
  #sink;
  /** No image can guess it. */
  #directory = `.oci-pull-${randomBytes(16).toString("hex")}`;
  #count = 0;
  constructor(sink) {
    this.#sink = sink;
  }
  /** A path that is free; the caller makes something there. */
  next() {
    if (this.#count === 0) this.#sink.makeDirectory(this.#directory);
    return `${this.#directory}/${this.#count++}`;
  }
  /** Removes everything that was made under these names. */
  clear() {
    if (this.#count === 0) return;
    for (let name2 = 0; name2 < this.#count; name2++) this.#sink.removeFile(`${this.#directory}/${name2}`);
    this.#sink.removeDirectory(this.#directory);
    this.#count = 0;
  }
};

// src/unpack/links.ts
var Links = class {
  #options;
  constructor(options) {
    this.#options = options;
  }
  /** A name that is wanted, at `path`. `existing`: where the inode is in the tree. */
  add(path, node, existing) {
    const { aside } = node;
    const { asides, sink } = this.#options;
    if (!aside) return this.#make(path, node, existing);
    if (node.kind === "symlink" && aside.path === void 0 && aside.attributes) {
      aside.path = asides.next();
      sink.makeSymlink(aside.path, node.target, aside.attributes);
    }
    if (aside.path === void 0) return node;
    return this.#make(path, { ...node, aside: void 0 }, aside.path);
  }
  /** A name that is not wanted: what is on the disk needs one that lasts, for the other one may go. */
  addAside(node, existing, origin) {
    if (node.aside) return node;
    const path = this.#options.asides.next();
    return { ...this.#make(path, node, existing), aside: { path, origin } };
  }
  #make(path, node, existing) {
    const isCopy = this.#options.sink.makeHardLink(path, existing, node.kind) === "copied";
    if (!isCopy || node.kind !== "file" || !node.xattrs) return node;
    return { ...node, xattrs: this.#copyXattrs(node.xattrs) };
  }
  /** For an inode of its own: the same object would mean that they are set already. */
  #copyXattrs(xattrs) {
    this.#options.quota.countXattrs(xattrs);
    return new Map(xattrs);
  }
};
function badTarget(entry, node) {
  const reason = node ? "a directory" : "not there";
  const target = showName(entry.linkPath);
  return new PullError(
    "TAR_INVALID",
    `the hard link ${showName(entry.path)} names ${target}, which is ${reason}`
  );
}

// src/unpack/name-clash.ts
function explainClash(error, parent, base) {
  if (!(error instanceof PullError) || error.code !== "PATH_UNSAFE") return error;
  if (error.cause?.code !== "EEXIST") return error;
  const standing = alike(parent, base);
  if (standing === void 0) return error;
  const [before, now] = [standing, base].map((name2) => showName(`/${parent.path()}${name2}`));
  const message = `this file system takes ${now} and ${before}, which the image has too, for one name`;
  return new PullError("PATH_UNSAFE", message, { hint: error.hint, cause: error });
}
function alike(parent, base) {
  const wanted = folded(base);
  for (const [name2, node] of parent.children)
    if (name2 !== base && node.kind !== "special" && folded(name2) === wanted) return name2;
  return void 0;
}
function folded(raw) {
  const text = Buffer.from(raw, "latin1").toString("utf8").replace(new RegExp("\\p{Default_Ignorable_Code_Point}", "gu"), "");
  return text.normalize("NFD").toUpperCase().toLowerCase().normalize("NFD");
}

// src/unpack/resolve.ts
function resolveDirectory(root, components, { symlinkSteps, onFollow, onMissing }) {
  const pending = components.toReversed();
  const missing = [];
  let directory = root;
  let steps = 0;
  let walked = components.length;
  for (let name2 = pending.pop(); name2 !== void 0; name2 = pending.pop()) {
    if (name2 === "" || name2 === ".") continue;
    if (name2 === "..") {
      if (missing.pop() === void 0) directory = directory.parent;
      continue;
    }
    const node = missing.length === 0 ? directory.children.get(name2) : void 0;
    if (node?.kind === "directory") directory = node;
    else if (node?.kind === "symlink") {
      if (++steps > symlinkSteps) throw tooManyLinks(components, symlinkSteps);
      onFollow(node.target.length);
      if (node.target.startsWith("/")) directory = root;
      const target = node.target.split("/");
      walked += target.length;
      checkLimit(walked, MAX_WALKED_COMPONENTS, "components on the way to an entry");
      for (const next of target.reverse()) pending.push(next);
    } else missing.push(name2);
  }
  for (const name2 of missing) {
    const made = onMissing(directory, name2);
    if (made === void 0) return made;
    directory = made;
  }
  return directory;
}
function tooManyLinks(components, limit) {
  const path = showName(`/${components.join("/")}`);
  return new PullError("PATH_UNSAFE", `more than ${limit} symbolic links on the way to ${path}`);
}

// src/unpack/tree.ts
var IMPLICIT = { mode: 493, uid: 0, gid: 0, mtime: void 0 };
var DirectoryNode = class {
  kind = "directory";
  /** The root is its own parent, as in any file system. */
  parent;
  name;
  /** Directories from the root to this one, which has 0. */
  depth;
  /** Characters of path(). */
  pathLength;
  /** Keys are latin1 strings of the raw bytes. */
  children = /* @__PURE__ */ new Map();
  layer;
  /** Is it on the disk? One that is not wanted comes there with the first thing in it that is. */
  isMade = false;
  /** What the patterns of the pull say of its path, once that was asked. */
  progress;
  /** Applied at the end, when nothing is written below any more. */
  attributes = IMPLICIT;
  xattrs;
  /** The layer whose entry gave it these attributes. */
  #describedIn = -1;
  /** The last layer that took away all that lower ones left below; nothing older can come back during it. */
  emptiedIn;
  constructor(parent, name2, layer) {
    this.parent = parent ?? this;
    this.name = name2;
    this.depth = parent ? parent.depth + 1 : 0;
    this.pathLength = parent ? parent.pathLength + name2.length + 1 : 0;
    this.layer = layer;
  }
  /** From the root; empty for the root, otherwise with a slash at its end. */
  path() {
    let path = "";
    for (let node = this; node.parent !== node; node = node.parent)
      path = `${node.name}/${path}`;
    return path;
  }
  describe(attributes, xattrs, layer) {
    this.attributes = attributes;
    this.xattrs = xattrs;
    this.#describedIn = layer;
  }
  /** It was taken away and made anew, both by `layer`: what lower layers said of it no longer counts. */
  renew(layer) {
    if (this.#describedIn !== layer) this.describe(IMPLICIT, void 0, layer);
  }
  /** Marks it and all that leads to it as written by `layer`. */
  touch(layer) {
    for (let node = this; node.layer !== layer; node = node.parent) node.layer = layer;
  }
};

// src/unpack/whiteout.ts
var WHITEOUT_PREFIX = ".wh.";
var OPAQUE = ".wh..wh..opq";
var AUFS_PREFIX = ".wh..wh.";
var PLAIN = { kind: "plain" };
function meaningOf(base) {
  if (!base.startsWith(WHITEOUT_PREFIX)) return PLAIN;
  if (base === OPAQUE) return { kind: "opaque" };
  if (isAufsName(base)) return { kind: "ignored" };
  const target = base.slice(WHITEOUT_PREFIX.length);
  if (target === "" || target === "." || target === "..")
    throw new PullError("PATH_UNSAFE", `the whiteout ${showName(base)} would remove a whole directory`);
  return { kind: "whiteout", target };
}
function isAufsName(base) {
  return base.startsWith(AUFS_PREFIX);
}

// src/unpack/live-tree.ts
var LiveTree = class {
  root = new DirectoryNode(void 0, "", -1);
  /** The layer that is being applied. */
  layer = -1;
  #sink;
  #limits;
  #quota;
  #selection;
  /** The directory that was asked for last: the next entry mostly stands there too. */
  #last;
  #leftovers = [];
  /** `selection`: what of the tree comes onto the disk; absent: all of it. The tree itself always knows everything. */
  constructor(sink, limits, quota, selection) {
    this.#sink = sink;
    this.#limits = limits;
    this.#quota = quota;
    this.#selection = selection;
    this.root.isMade = true;
  }
  isWanted(parent, base) {
    const selection = this.#selection;
    return selection === void 0 || selection.below(progressOf(parent, selection), base).isWanted;
  }
  /** The directory of that name, made where it is missing. `whole`: the entry's name, for messages. */
  directory(name2, whole) {
    if (this.#last?.name === name2) return this.#last.node;
    const components = cleanComponents(name2, whole);
    checkLimit(components.length + 1, this.#limits.depth, "directories above an entry", "depth");
    const onMissing = (parent, child) => {
      this.#quota.countNode();
      return this.makeDirectory(parent, child);
    };
    const node = resolveDirectory(this.root, components, { ...this.#following(), onMissing });
    const path = node.pathLength === name2.length + 1 ? node.path() : void 0;
    this.#last = { name: name2, node, path, isLiteral: path === `${name2}/` };
    return node;
  }
  /** The directory of that name, if there is one. Nothing is made. */
  findDirectory(name2) {
    if (this.#last?.name === name2) return this.#last.node;
    const lookup = { ...this.#following(), onMissing: () => void 0 };
    return resolveDirectory(this.root, cleanComponents(name2), lookup);
  }
  #following() {
    const onFollow = (bytes) => this.#quota.countFollowed(bytes);
    return { symlinkSteps: this.#limits.symlinkSteps, onFollow };
  }
  /** Where `name` stands; its last component is not followed. undefined: its directory does not exist, or it is the root. */
  find(name2) {
    const { directory, base } = splitName(name2);
    const parent = base === "" ? void 0 : this.findDirectory(directory);
    return parent && { parent, base, node: parent.children.get(base) };
  }
  /** From the root. */
  pathIn(parent, base) {
    if (this.#last?.node !== parent) return parent.path() + base;
    this.#last.path ??= parent.path();
    return this.#last.path + base;
  }
  /** Enters what the disk has already, in place of nothing. */
  add(parent, base, node) {
    parent.children.set(base, node);
    if (node.kind === "symlink" && !this.#last?.isLiteral) this.#last = void 0;
  }
  /** Throws LIMIT_EXCEEDED or PATH_UNSAFE where nothing of that name can be: by way of links it may be longer and deeper than an entry's name. */
  checkPlace(parent, base) {
    checkComponent(base, this.#limits);
    checkLimit(parent.depth + 1, this.#limits.depth, "directories above an entry", "depth");
    checkPath(parent, base, this.#limits);
  }
  /** A new directory, in place of whatever stands there. */
  makeDirectory(parent, base) {
    this.checkPlace(parent, base);
    this.remove(parent, base);
    const node = new DirectoryNode(parent, base, -1);
    if (this.isWanted(parent, base)) this.bringToDisk(node);
    parent.children.set(base, node);
    node.touch(this.layer);
    if (isAufsName(base)) this.#leftovers.push(node);
    return node;
  }
  /** With all that lead to it. */
  bringToDisk(directory) {
    if (directory.isMade) return;
    const { parent, name: name2 } = directory;
    this.bringToDisk(parent);
    try {
      this.#sink.makeDirectory(this.pathIn(parent, name2));
    } catch (error) {
      throw explainClash(error, parent, name2);
    }
    directory.isMade = true;
  }
  /** At the end of a layer: what aufs left behind was made only because hard links of the same layer may name it. */
  removeLeftovers() {
    for (const node of this.#leftovers) if (this.#isAttached(node)) this.remove(node.parent, node.name);
    this.#leftovers = [];
  }
  /** Is it still where it was made? */
  #isAttached(node) {
    for (let at = node; at !== this.root; at = at.parent)
      if (at.parent.children.get(at.name) !== at) return false;
    return true;
  }
  /** Removes what stands there, if anything does, with all that is below. */
  remove(parent, base) {
    const node = parent.children.get(base);
    if (!node) return;
    this.#last = void 0;
    parent.children.delete(base);
    this.#removeFromDisk(node, parent.path() + base);
  }
  /** Removes what lower layers left there. What this layer wrote stays, and so do the directories that lead to it. */
  removeLower(parent, base) {
    const node = parent.children.get(base);
    if (!node) return;
    if (node.layer !== this.layer) this.remove(parent, base);
    else if (node.kind === "directory") {
      node.renew(this.layer);
      this.removeLowerChildren(node);
    }
  }
  removeLowerChildren(directory) {
    if (directory.emptiedIn === this.layer) return;
    directory.emptiedIn = this.layer;
    for (const name2 of directory.children.keys()) this.removeLower(directory, name2);
  }
  #removeFromDisk(node, path) {
    if (node.kind === "directory") {
      for (const [name2, child] of node.children) this.#removeFromDisk(child, `${path}/${name2}`);
      if (node.isMade) this.#sink.removeDirectory(path);
    } else if (node.kind !== "special" && !node.aside) this.#sink.removeFile(path);
  }
};
function progressOf(directory, selection) {
  const { parent, name: name2 } = directory;
  if (parent === directory) return selection.root;
  directory.progress ??= selection.hold(selection.below(progressOf(parent, selection), name2));
  return directory.progress;
}

// src/unpack/skips.ts
var SkipList = class {
  named = [];
  byKind = { device: 0, fifo: 0, xattr: 0 };
  count = 0;
  #bytes = 0;
  /** `path`: raw, from the root. */
  add(path, kind, reason) {
    this.count++;
    this.byKind[kind]++;
    this.#bytes += path.length + reason.length;
    if (this.named.length >= MAX_NAMED_SKIPS || this.#bytes > MAX_NAMED_SKIP_BYTES) return;
    this.named.push({ path, kind, reason });
  }
  /** As plain data. */
  report() {
    const { count, byKind, named } = this;
    return { count, byKind, named };
  }
};

// src/unpack/xattr-policy.ts
function keptXattrs(entry, owner, skips) {
  if (!entry.xattrs) return void 0;
  const kept = /* @__PURE__ */ new Map();
  const path = fromRoot(entry.path);
  for (const [name2, value] of entry.xattrs) {
    const reason = reasonToSkip(entry, name2, owner);
    if (reason === void 0) kept.set(name2, value);
    else skips.add(path, "xattr", reason);
  }
  return kept.size > 0 ? kept : void 0;
}
function reasonToSkip(entry, name2, owner) {
  const shown = showName(name2);
  if (entry.kind !== "file" && entry.kind !== "directory") return `${shown} cannot be set on a ${entry.kind}`;
  if (name2.startsWith("user.")) return void 0;
  if (name2 !== "security.capability")
    return `${shown} means nothing outside of the system the image was built on`;
  return owner === "preserve" ? void 0 : `${shown} is kept only where owners are preserved`;
}
function fromRoot(path) {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end).replace(/^(?:\.?\/)+/, "");
}

// src/unpack/node-maker.ts
var NodeMaker = class {
  #options;
  #skipsOfOthers = new SkipList();
  #layer = 0;
  #entries = 0;
  #kept;
  /** What every file of this layer without extended attributes is in the tree. */
  #plainFile = { kind: "file", layer: -1, xattrs: void 0 };
  /** The file whose data is coming. */
  #open;
  bytes = { read: 0, written: 0 };
  constructor(options) {
    this.#options = options;
  }
  beginLayer(index, kept) {
    this.#layer = index;
    this.#kept = kept;
    this.#plainFile = { kind: "file", layer: index, xattrs: void 0 };
    this.#entries = 0;
  }
  beginEntry() {
    this.#entries++;
  }
  /** Of this layer, so far. */
  get entries() {
    return this.#entries;
  }
  /** The entry that is being placed. */
  get origin() {
    return { layer: this.#layer, entry: this.#entries - 1 };
  }
  /** What is wanted, at its path. */
  make(path, entry) {
    const layer = this.#layer;
    if (entry.kind === "file") {
      const xattrs = this.keepXattrs(entry);
      this.#countFile(entry);
      if (this.#kept?.isExact && !this.#isKept())
        return { kind: "file", layer, xattrs, aside: { path: void 0, origin: this.origin } };
      this.#openFile(path, entry);
      return xattrs ? { kind: "file", layer, xattrs } : this.#plainFile;
    }
    if (entry.kind !== "symlink") return this.#makeSpecial(entry);
    this.keepXattrs(entry);
    this.#options.quota.countLinkTarget(entry.linkPath.length);
    this.#options.sink.makeSymlink(path, entry.linkPath, entry);
    return { kind: "symlink", layer, target: entry.linkPath };
  }
  /** What is not wanted, but may yet be the target of a hard link that is. */
  makeAside(entry) {
    const layer = this.#layer;
    if (entry.kind === "symlink") {
      this.#options.quota.countLinkTarget(entry.linkPath.length);
      const { mode, uid, gid, mtime, linkPath: target } = entry;
      const aside = { path: void 0, origin: this.origin, attributes: { mode, uid, gid, mtime } };
      return { kind: "symlink", layer, target, aside };
    }
    if (entry.kind !== "file") return this.#makeSpecial(entry, false);
    const isKept = this.#isKept();
    const xattrs = this.keepXattrs(entry, isKept);
    this.#countFile(entry);
    const path = isKept ? this.#options.asides.next() : void 0;
    if (path !== void 0) this.#openFile(path, entry);
    return { kind: "file", layer, xattrs, aside: { path, origin: this.origin } };
  }
  keepXattrs(entry, isWanted = true) {
    const { owner, skips, quota } = this.#options;
    const xattrs = keptXattrs(entry, owner, isWanted ? skips : this.#skipsOfOthers);
    quota.countXattrs(xattrs);
    return xattrs;
  }
  write(bytes, position) {
    if (this.#open) this.#options.sink.writeFile(bytes, position);
  }
  end() {
    if (this.#open) this.#options.sink.closeFile(this.#open.size);
    this.#open = void 0;
  }
  /** It is made at the end, if it is still there. */
  #makeSpecial(entry, isWanted = true) {
    this.keepXattrs(entry, isWanted);
    this.#options.quota.countSpecialFile();
    return { kind: "special", layer: this.#layer, file: specialFileOf(entry) };
  }
  #countFile(entry) {
    this.#options.quota.countFile(entry);
    this.bytes.read += entry.size;
  }
  #openFile(path, entry) {
    this.#options.sink.openFile(path, entry);
    this.#open = entry;
    this.bytes.written += entry.size;
  }
  #isKept() {
    return this.#kept?.flags[this.#entries - 1] === 1;
  }
};

// src/unpack/prune.ts
function prune(root, sink, selection) {
  const [idle, missing] = [new Set(selection?.patterns), /* @__PURE__ */ new Map()];
  let matched = 0;
  const visit3 = (directory, prefix, above) => {
    for (const [name2, node] of directory.children) {
      const path = prefix + name2;
      const progress = above && selection?.below(above, name2);
      if (idle.size > 0 && progress) selection?.cross(idle, progress);
      const isWanted = progress === void 0 || progress.isWanted;
      if (isWanted) matched++;
      if (node.kind === "directory") {
        visit3(node, `${path}/`, progress);
        if (isWanted || node.children.size > 0) continue;
        if (node.isMade) sink.removeDirectory(path);
      } else if (isWanted) {
        if (node.kind === "file" && node.aside) {
          const { origin } = node.aside;
          missing.set(`${origin.layer} ${origin.entry}`, origin);
        }
        continue;
      }
      directory.children.delete(name2);
    }
  };
  visit3(root, "", selection?.root);
  return { matched, idle: [...idle], missing: [...missing.values()] };
}

// src/unpack/planner.ts
var Planner = class {
  #options;
  #sink;
  #tree;
  #asides;
  #links;
  #maker;
  #isPartial;
  constructor(options) {
    this.#options = options;
    this.#sink = options.sink;
    this.#tree = new LiveTree(options.sink, options.limits, options.quota, options.selection);
    this.#asides = new AsideNames(options.sink);
    this.#links = new Links({ ...options, asides: this.#asides });
    this.#maker = new NodeMaker({ ...options, asides: this.#asides });
    this.#isPartial = options.selection !== void 0;
  }
  get root() {
    return this.#tree.root;
  }
  get bytes() {
    return this.#maker.bytes;
  }
  /** Layers start with 0, each comes after the ones below it. `kept`: absent: all files are written whose names are wanted. */
  beginLayer(index, kept) {
    this.#tree.layer = index;
    this.#maker.beginLayer(index, kept);
    if (kept) this.#isPartial = true;
  }
  /** Returns the number of the layer's entries. */
  endLayer() {
    this.#tree.removeLeftovers();
    return this.#maker.entries;
  }
  /** After the last layer: leaves only what is wanted, in the tree and on the disk. undefined: that is all of it. */
  prune() {
    if (!this.#isPartial) return void 0;
    const pruned = prune(this.root, this.#sink, this.#options.selection);
    this.#asides.clear();
    return pruned;
  }
  entry(entry) {
    this.#maker.beginEntry();
    this.#options.quota.countNode();
    checkName(entry.path, this.#options.limits);
    const { directory, base } = splitName(entry.path);
    const meaning = meaningOf(base);
    if (base === "") this.#setRoot(entry);
    else if (meaning.kind === "plain") this.#place(this.#tree.directory(directory, entry.path), base, entry);
    else if (meaning.kind === "whiteout") this.#whiteout(directory, meaning.target);
    else if (meaning.kind === "opaque") this.#whiteoutAll(directory);
  }
  data(bytes, position) {
    this.#maker.write(bytes, position);
  }
  end() {
    this.#maker.end();
  }
  #whiteout(directory, target) {
    const parent = this.#tree.findDirectory(directory);
    if (parent) this.#tree.removeLower(parent, target);
  }
  #whiteoutAll(directory) {
    const parent = this.#tree.findDirectory(directory);
    if (parent) this.#tree.removeLowerChildren(parent);
  }
  #setRoot(entry) {
    if (entry.kind !== "directory")
      throw new PullError("PATH_UNSAFE", `the root is to become a ${entry.kind}`);
    this.#setDirectory(this.root, entry);
  }
  #place(parent, base, entry) {
    this.#tree.checkPlace(parent, base);
    parent.touch(this.#tree.layer);
    const existing = parent.children.get(base);
    const isWanted = this.#tree.isWanted(parent, base);
    if (entry.kind === "directory") {
      const isThere = existing?.kind === "directory";
      this.#setDirectory(isThere ? existing : this.#tree.makeDirectory(parent, base), entry, isWanted);
      return;
    }
    try {
      if (entry.kind === "hardlink") this.#placeHardLink({ parent, base, isWanted }, entry);
      else {
        if (existing) this.#tree.remove(parent, base);
        const node = isWanted ? this.#maker.make(this.#placeFor(parent, base), entry) : this.#maker.makeAside(entry);
        this.#tree.add(parent, base, node);
      }
    } catch (error) {
      throw explainClash(error, parent, base);
    }
  }
  /** The path at which something is about to be made. */
  #placeFor(parent, base) {
    this.#tree.bringToDisk(parent);
    return this.#tree.pathIn(parent, base);
  }
  /** An existing directory keeps its content and gets all its attributes anew. */
  #setDirectory(directory, entry, isWanted = true) {
    const { mode, uid, gid, mtime, mtimeText } = entry;
    const { layer } = this.#tree;
    directory.touch(layer);
    directory.describe({ mode, uid, gid, mtime, mtimeText }, this.#maker.keepXattrs(entry, isWanted), layer);
  }
  /** A link takes no attributes from its entry: they could reach further than the entry, and sane images repeat the target's. */
  #placeHardLink({ parent, base, isWanted }, entry) {
    const target = this.#tree.find(entry.linkPath);
    const isItself = target?.parent === parent && target.base === base;
    if (!isItself && target?.node) this.#tree.remove(parent, base);
    const found = this.#tree.find(entry.linkPath);
    if (!found?.node || found.node.kind === "directory") throw badTarget(entry, found?.node);
    const { node } = found;
    const { layer } = this.#tree;
    if (isItself || node.kind === "special") {
      if (isWanted) this.#tree.bringToDisk(parent);
      this.#tree.add(parent, base, { ...node, layer });
    } else {
      const existing = this.#tree.pathIn(found.parent, found.base);
      const linked = isWanted ? this.#links.add(this.#placeFor(parent, base), node, existing) : this.#links.addAside(node, existing, this.#maker.origin);
      this.#tree.add(parent, base, { ...linked, layer });
    }
  }
};

// src/unpack/quota.ts
var Quota = class {
  #limits;
  #entries = 0;
  #fileBytes = 0;
  #streamBytes = 0;
  #archiveBytes = 0;
  #xattrBytes = 0;
  #specialFiles = 0;
  #linkBytes = 0;
  #followedBytes = 0;
  constructor(limits) {
    this.#limits = limits;
  }
  countStream(bytes) {
    this.#streamBytes += bytes;
    if (this.#streamBytes > this.#limits.totalSize)
      checkLimit(this.#streamBytes, this.#limits.totalSize, "bytes of uncompressed layers", "total-size");
  }
  /** What is written in place of a tree: by way of links, headers may name more than the layers hold. */
  countArchive(bytes) {
    this.#archiveBytes += bytes;
    if (this.#archiveBytes > this.#limits.totalSize)
      checkLimit(this.#archiveBytes, this.#limits.totalSize, "bytes of the archive", "total-size");
  }
  /** Entries, and directories made without one. */
  countNode() {
    this.#entries++;
    if (this.#entries > this.#limits.entries)
      checkLimit(this.#entries, this.#limits.entries, "entries of the image", "entries");
  }
  countFile(entry) {
    const { fileSize } = this.#limits;
    if (entry.size > fileSize)
      checkLimit(entry.size, fileSize, `bytes in the file ${showName(entry.path)}`, "file-size");
    this.countCopy(entry.size);
  }
  /** A copy in place of a hard link takes as much room as a file. */
  countCopy(size) {
    const { totalSize } = this.#limits;
    this.#fileBytes += size;
    if (this.#fileBytes > totalSize)
      checkLimit(this.#fileBytes, totalSize, "bytes of all files", "total-size");
  }
  countLinkTarget(bytes) {
    this.#linkBytes += bytes;
    checkLimit(this.#linkBytes, MAX_LINK_TARGET_BYTES, "bytes of the targets of symbolic links");
  }
  /** A link on the way to an entry: what looking entries up costs is what their links make of it. */
  countFollowed(bytes) {
    this.#followedBytes += bytes + FOLLOW_OVERHEAD;
    if (this.#followedBytes > MAX_FOLLOWED_BYTES)
      checkLimit(
        this.#followedBytes,
        MAX_FOLLOWED_BYTES,
        "bytes of symbolic links on the way to all entries"
      );
  }
  countSpecialFile() {
    checkLimit(++this.#specialFiles, MAX_SPECIAL_FILES, "devices and FIFOs");
  }
  countXattrs(xattrs) {
    if (!xattrs) return;
    for (const [name2, value] of xattrs) this.#xattrBytes += name2.length + value.length + XATTR_OVERHEAD;
    checkLimit(this.#xattrBytes, MAX_PENDING_XATTR_BYTES, "bytes of extended attributes");
  }
};

// src/oci/json.ts
function isJsonRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
var MAX_QUOTED_LENGTH = 300;
function quote(text) {
  const short = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  );
}

// src/unpack/glob.ts
var ANY_NAMES = /* @__PURE__ */ Symbol("**");
var ANY_CHARACTERS = /* @__PURE__ */ Symbol("*");
var ANY_CHARACTER = /* @__PURE__ */ Symbol("?");
var GlobFault = class extends Error {
};
function parseGlobs(pattern, limit) {
  return expandBraces(pattern, limit).map((alternative) => [...parseGlob(alternative), ANY_NAMES]);
}
function toName(text) {
  return { text, characters: /[\ud800-\udbff]/.test(text) ? [...text] : text };
}
function matchesName(part, { text, characters }) {
  if (typeof part === "symbol") return true;
  return typeof part === "string" ? part === text : matchesTokens(part, characters);
}
function matchesCharacter(token, character) {
  if (typeof token === "string") return token === character;
  if (typeof token === "symbol") return true;
  const code2 = codeOf(character);
  return token.ranges.some(([first, last]) => first <= code2 && code2 <= last) !== token.isNegated;
}
function matchesTokens(tokens, characters) {
  let [next, retry, taken] = [0, -1, 0];
  for (let at = 0; at < characters.length; ) {
    const token = tokens[next];
    if (token === ANY_CHARACTERS) {
      retry = ++next;
      taken = at;
    } else if (token !== void 0 && matchesCharacter(token, characters[at] ?? "")) {
      next++;
      at++;
    } else if (retry >= 0) {
      next = retry;
      at = ++taken;
    } else return false;
  }
  while (tokens[next] === ANY_CHARACTERS) next++;
  return next === tokens.length;
}
function parseGlob(pattern) {
  const parts = [];
  let tokens = [];
  let length = 0;
  const endName = () => {
    const isMany = length === 2 && tokens.length === 2 && tokens.every((token) => token === ANY_CHARACTERS);
    const isPlain = tokens.every((token) => typeof token === "string");
    parts.push(isMany ? ANY_NAMES : isPlain ? tokens.join("") : tokens);
    [tokens, length] = [[], 0];
  };
  for (let at = 0; at < pattern.length; ) {
    const end = tokenEnd(pattern, at);
    const text = pattern.slice(at, end);
    at = end;
    if (text === "/" || text === "\\/") endName();
    else {
      tokens.push(parseToken(text));
      length += text.length;
    }
  }
  endName();
  return parts;
}
function parseToken(text) {
  if (text === "*") return ANY_CHARACTERS;
  if (text === "?") return ANY_CHARACTER;
  if (text.length > 1 && text.startsWith("[")) return parseClass(text.slice(1, -1));
  return text.length > 1 && text.startsWith("\\") ? text.slice(1) : text;
}
function parseClass(text) {
  const isNegated = /^[!^]/.test(text);
  const content = isNegated ? text.slice(1) : text;
  const ranges = [...content.matchAll(/\\?(.)(?:-\\?(.))?/gsu)];
  return { isNegated, ranges: ranges.map(([, first = "", last = first]) => [codeOf(first), codeOf(last)]) };
}
function codeOf(character) {
  return character.codePointAt(0) ?? -1;
}
function characterEnd(text, at) {
  return Math.min(at + ((text.codePointAt(at) ?? 0) > 65535 ? 2 : 1), text.length);
}
function tokenEnd(pattern, at) {
  if (pattern[at] === "\\") return characterEnd(pattern, at + 1);
  if (pattern[at] === "]") throw new GlobFault("is no pattern: a bracket has no partner");
  if (pattern[at] !== "[") return characterEnd(pattern, at);
  const found = /^\[(?:[!^]|(?![!^]))(?:\\[^/]|[^\\/])(?:\\[^/]|[^\\/\]])*\]/.exec(pattern.slice(at));
  if (!found) throw new GlobFault("is no pattern: a bracket has no partner");
  return at + found[0].length;
}
function expandBraces(pattern, limit) {
  const whole = [];
  const waiting = [{ text: pattern, from: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { text, from } = next;
    const brace = findBraces(text, from);
    if (!brace) whole.push(text);
    else {
      const [before, after] = [text.slice(0, brace.start), text.slice(brace.end)];
      const choices = brace.choices.map((choice) => before + choice + after);
      waiting.push(...choices.reverse().map((choice) => ({ text: choice, from: brace.resume })));
    }
    if (whole.length + waiting.length > limit)
      throw new GlobFault("makes too many patterns once all braces are written out");
  }
  return whole;
}
function findBraces(text, from) {
  let [start, depth] = [-1, 0];
  const cuts = [];
  for (let at = from; at < text.length; at = tokenEnd(text, at)) {
    if (text[at] === "{" && depth++ === 0) start = at;
    else if (text[at] === "," && depth === 1) cuts.push(at);
    else if (text[at] === "}" && --depth <= 0) {
      if (depth < 0) break;
      return { start, end: at + 1, ...choicesOf(text, start, at, cuts) };
    }
  }
  if (depth !== 0) throw new GlobFault("is no pattern: a bracket has no partner");
  return void 0;
}
function choicesOf(text, start, end, cuts) {
  const content = text.slice(start + 1, end);
  if (cuts.length === 0) {
    const isRange = /^(?:[a-z]\.\.[a-z]|[A-Z]\.\.[A-Z]|[0-9]\.\.[0-9])$/.test(content);
    return isRange ? { choices: [`[${content.replace("..", "-")}]`], resume: start } : { choices: [`\\{${content}\\}`], resume: start + 2 };
  }
  const bounds = [start, ...cuts, end];
  const choices = bounds.slice(1).map((cut, index) => text.slice((bounds[index] ?? 0) + 1, cut));
  return { choices, resume: start };
}

// src/unpack/glob-set.ts
var GlobSet = class {
  #parts;
  /** By part: the last one of its glob. It matches any names, so a path that gets there stays, and so does all that is below. */
  #ends;
  /** By last part. */
  #globs;
  /** Of the root itself. */
  start;
  constructor(globs) {
    this.#parts = globs.flat();
    let end = -1;
    const ends = globs.map((glob) => {
      end += glob.length;
      return end;
    });
    this.#ends = globs.flatMap((glob, index) => glob.map(() => ends[index] ?? -1));
    this.#globs = new Map(ends.map((last, index) => [last, index]));
    const start = [];
    globs.forEach((glob, index) => {
      this.#reach(start, (ends[index] ?? 0) - glob.length + 1, start.length);
    });
    this.start = start;
  }
  /** How far a path is with one more name. */
  advance(reached, name2) {
    const next = [];
    const against = toName(name2);
    let [end, first] = [-1, 0];
    for (const position of reached) {
      if (position > end) [end, first] = [this.#ends[position] ?? -1, next.length];
      const part = this.#parts[position];
      if (part === ANY_NAMES) this.#reach(next, position, first);
      else if (part !== void 0 && matchesName(part, against)) this.#reach(next, position + 1, first);
    }
    return next;
  }
  /** The globs that match a path, by their index. */
  *matching(reached) {
    for (const position of reached) {
      const glob = this.#globs.get(position);
      if (glob !== void 0) yield glob;
    }
  }
  /** What may be any names may be none. Whatever got there never needs to go back before it. `first`: where the glob begins in `into`. */
  #reach(into, from, first) {
    for (let position = from; ; position++) {
      if (this.#parts[position] === ANY_NAMES) into.length = first;
      if (into.length === first || position > (into.at(-1) ?? -1)) into.push(position);
      if (this.#parts[position] !== ANY_NAMES || position === this.#ends[position]) return;
    }
  }
};

// src/unpack/selection.ts
var MAX_PATTERNS = 1e3;
var MAX_PATTERN_LENGTH = 4096;
var MAX_ALTERNATIVES = 4096;
var Selection = class {
  /** Of the root. */
  root;
  #all;
  /** But what the patterns leave out. */
  #wantsAll;
  #globs;
  /** By glob. */
  #patterns;
  /** By what they have reached; most directories of an image have one of few. */
  #held = /* @__PURE__ */ new Map();
  #heldPositions = 0;
  constructor(patterns) {
    this.#all = patterns;
    this.#wantsAll = patterns.every(({ isExclude }) => isExclude);
    this.#globs = new GlobSet(patterns.flatMap(({ globs }) => globs));
    this.#patterns = patterns.flatMap((one) => one.globs.map(() => one));
    this.root = this.#progress(this.#globs.start);
  }
  /** One name further. `name`: one UTF-16 unit a byte. */
  below(progress, name2) {
    const reached = this.#globs.advance(progress.reached, toText(name2));
    return isSame(reached, progress.reached) ? progress : this.#progress(reached);
  }
  /** The same, to be held for long. Throws LIMIT_EXCEEDED. */
  hold(progress) {
    if (progress === this.root) return progress;
    const key = progress.reached.join();
    const held = this.#held.get(key);
    if (held) return held;
    this.#heldPositions += progress.reached.length + 1;
    checkLimit(this.#heldPositions, MAX_HELD_PROGRESS, "ways in which directories match the patterns");
    this.#held.set(key, progress);
    return progress;
  }
  /** Removes from `left` patterns that are of use for this path: that match it, or leave it out where it would be wanted. */
  cross(left, { isIncluded, reached }) {
    if (isIncluded) for (const { text } of this.#matching(reached)) left.delete(text);
  }
  /** As they were given. */
  get patterns() {
    return this.#all.map(({ text }) => text);
  }
  #progress(reached) {
    const matching = [...this.#matching(reached)];
    const isIncluded = this.#wantsAll || matching.some((one) => !one.isExclude);
    return { reached, isIncluded, isWanted: isIncluded && !matching.some((one) => one.isExclude) };
  }
  *#matching(reached) {
    for (const glob of this.#globs.matching(reached)) {
      const pattern = this.#patterns[glob];
      if (pattern) yield pattern;
    }
  }
};
function isSame(one, other) {
  return one.length === other.length && one.every((position, index) => position === other[index]);
}
function createSelection(patterns, where = "paths") {
  if (patterns.length === 0) return void 0;
  if (patterns.length > MAX_PATTERNS)
    throw new PullError("INPUT_INVALID", `${where}: more than ${MAX_PATTERNS} patterns`);
  let left = MAX_ALTERNATIVES;
  const compiled = patterns.map((text) => {
    const isExclude = text.startsWith("!");
    const globs = compile(isExclude ? text.slice(1) : text, left, (problem) => {
      throw new PullError("INPUT_INVALID", `${where}: ${quote(text)} ${problem}`);
    });
    left -= globs.length;
    return { text, isExclude, globs };
  });
  return new Selection(compiled);
}
function compile(pattern, limit, fail) {
  const path = pattern.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "/");
  if (path === "" || path === ".") fail("matches nothing: for everything write **");
  if (path.length > MAX_PATTERN_LENGTH || path.includes("\0")) fail("is no pattern");
  if (path.split("/").some((name2) => name2 === "." || name2 === ".."))
    fail("has . or .. between slashes, which no path in a tree has");
  try {
    return parseGlobs(path.replace(/\/$/, ""), limit);
  } catch (error) {
    if (error instanceof GlobFault) fail(error.message);
    throw error;
  }
}
function toText(name2) {
  return Buffer.byteLength(name2) === name2.length ? name2 : Buffer.from(name2, "latin1").toString("utf8");
}

// src/unpack/unpacker.ts
function createUnpacker(options) {
  return new TreeUnpacker(options);
}
var TreeUnpacker = class {
  #options;
  #sink;
  #planner;
  #quota;
  #skips = new SkipList();
  #reader;
  #layer = 0;
  #entries = 0;
  #pruned;
  constructor(options) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { owner } = options;
    this.#options = options;
    this.#quota = new Quota(limits);
    this.#sink = createFsSink({
      root: options.root,
      owner,
      onCopy: (size) => this.#quota.countCopy(size)
    });
    this.#planner = new Planner({
      sink: this.#sink,
      limits,
      quota: this.#quota,
      owner,
      skips: this.#skips,
      selection: createSelection(options.paths ?? [])
    });
    this.#reader = createTarReader(this.#planner);
  }
  beginLayer(index, { kept, createReader = createTarReader } = {}) {
    this.#layer = index;
    this.#reader = createReader(this.#planner);
    this.#planner.beginLayer(index, kept);
  }
  write(bytes) {
    try {
      this.#quota.countStream(bytes.length);
      this.#reader.push(bytes);
    } catch (error) {
      throw this.#located(error);
    }
  }
  endLayer() {
    try {
      this.#reader.finish();
    } catch (error) {
      throw this.#located(error);
    }
    const entries = this.#planner.endLayer();
    this.#entries += entries;
    return { entries };
  }
  prune() {
    this.#pruned = this.#planner.prune();
    return this.#pruned?.missing ?? [];
  }
  async finish() {
    const paths = new HostPaths(this.#options.root);
    await finishTree(this.#planner.root, {
      sink: this.#sink,
      paths,
      owner: this.#options.owner,
      skips: this.#skips
    });
    return { entries: this.#entries, skipped: this.#skips.report(), part: this.#part() };
  }
  #part() {
    if (!this.#pruned) return void 0;
    const { matched, idle } = this.#pruned;
    const { read, written } = this.#planner.bytes;
    return { matched, idle, bytesRead: read, bytesWritten: written };
  }
  abort() {
    this.#sink.abort();
  }
  /** Adds to a failure that is the image's fault where in the image it is. */
  #located(error) {
    if (!(error instanceof PullError) || error.code === "DISK_FULL") return error;
    const place = `layer ${this.#layer + 1}, tar entry at byte ${this.#reader.position}`;
    return new PullError(error.code, `${error.message} (${place})`, { hint: error.hint, cause: error.cause });
  }
};

// src/unpack/apply.ts
async function applyLayers(job, report) {
  const unpacker = createUnpacker(job);
  const ring = new RingReader(job.ring, "apply");
  const layers = [];
  try {
    for (const [layer, applied] of job.layers.entries()) {
      const started = performance.now();
      try {
        unpacker.beginLayer(layer, contentsOf(applied));
        ring.readStream((bytes) => unpacker.write(bytes));
        const { entries: entries2 } = unpacker.endLayer();
        ring.endStream();
        layers.push({ entries: entries2, milliseconds: performance.now() - started });
        report({ layer, entries: entries2 });
      } catch (error) {
        return { kind: "failed", layer, error: toErrorData(error) };
      }
    }
    try {
      ring.waitForProof();
    } catch (error) {
      return { kind: "failed", layer: void 0, error: toErrorData(error) };
    }
    const entries = unpacker.prune();
    if (entries.length > 0) return { kind: "missing", entries };
    return { kind: "done", layers, report: await unpacker.finish() };
  } finally {
    unpacker.abort();
  }
}
function contentsOf({ kept, isStargz, entries }) {
  if (entries && kept) {
    const layer = { entries: unpackEntries(entries), flags: kept.flags };
    return { kept, createReader: (handler) => createTocReader(layer, handler) };
  }
  if (!isStargz) return { kept };
  return { kept, createReader: (handler) => createTarReader(withoutOwnFiles(handler)) };
}

// src/unpack/output.ts
var OUTPUT_NAME = "image";

// src/oci/digest.ts
var CANONICAL = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
function parseDigest(text, what) {
  if (isDigest(text)) return text;
  throw new PullError("MANIFEST_INVALID", `${what}: ${digestFault(text)}`);
}
function isDigest(text) {
  return CANONICAL.test(text);
}
function digestFault(text) {
  const [, algorithm, encoded] = /^([A-Za-z0-9]+(?:[+._-][A-Za-z0-9]+)*):(.*)$/s.exec(text) ?? [];
  if (algorithm === void 0 || encoded === void 0) return `${quote(text)} is not a digest`;
  if (algorithm !== "sha256" && algorithm !== "sha512")
    return `digest algorithm ${quote(algorithm)} is not supported (only sha256 and sha512 are)`;
  const length = algorithm === "sha256" ? 64 : 128;
  return `${quote(text)} is not a digest: ${algorithm} takes ${length} lower-case hex digits`;
}
function digestAlgorithm(digest) {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}
function digestHex(digest) {
  return digest.slice(digest.indexOf(":") + 1);
}

// src/export/exporter.ts
var NOTHING_SKIPPED = { count: 0, byKind: { device: 0, fifo: 0, xattr: 0 }, named: [] };

// src/export/image-files.ts
import { mkdirSync as mkdirSync2 } from "node:fs";
import { dirname, join } from "node:path";

// src/tar/encode.ts
var TYPES = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6"
};
var NAME_BYTES = 100;
var MAX_SHORT = 2097151;
var MAX_LONG = 8589934591;
var PLAIN_ENTRY = {
  linkPath: "",
  mode: 420,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: void 0
};
function encodeEntry(entry, sparse) {
  const path = entry.kind === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const map = sparse && encodeMap(sparse, entry.size);
  const stored = sparse && map ? sparse.reduce((sum, { length }) => sum + length, map.length) : entry.size;
  const records = recordsOf({ ...entry, path }, { stored, isSparse: sparse !== void 0 });
  const parts = [encodeHeader({ ...entry, path, size: stored }), ...map ? [map] : []];
  if (records === "") return Buffer.concat(parts);
  return Buffer.concat([encodePax(records), ...parts]);
}
function encodePax(records) {
  const body = Buffer.from(records, "latin1");
  const pax = headerOf({ ...PLAIN_ENTRY, kind: "file", path: "PaxHeaders/entry", size: body.length }, "x");
  return Buffer.concat([pax, body, Buffer.alloc(paddingOf2(body.length))]);
}
function encodeNamedHeader(entry) {
  const header = encodeHeader(entry);
  return entry.path.length > NAME_BYTES ? Buffer.concat([encodePax(encodeRecord("path", entry.path)), header]) : header;
}
function encodeHeader(entry) {
  return headerOf(entry, TYPES[entry.kind]);
}
function paddingOf2(size) {
  return (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
}
function headerOf(entry, type) {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.write(entry.path.slice(0, NAME_BYTES), 0, "latin1");
  writeNumber(block, 100, 8, entry.mode);
  writeNumber(block, 108, 8, entry.uid > MAX_SHORT ? 0 : entry.uid);
  writeNumber(block, 116, 8, entry.gid > MAX_SHORT ? 0 : entry.gid);
  writeNumber(block, 124, 12, entry.size);
  writeNumber(block, 136, 12, Math.min(Math.max(0, Math.floor(entry.mtime)), MAX_LONG));
  block.write(type, 156, "latin1");
  block.write(entry.linkPath.slice(0, NAME_BYTES), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  if (entry.kind === "char" || entry.kind === "block") {
    writeNumber(block, 329, 8, entry.deviceMajor);
    writeNumber(block, 337, 8, entry.deviceMinor);
  }
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
function writeNumber(block, start, length, value) {
  if (value <= (length === 8 ? MAX_SHORT : MAX_LONG)) {
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, start, "latin1");
    return;
  }
  let left = value;
  for (let at = start + length - 1; at > start; at--) {
    block[at] = left % 256;
    left = Math.floor(left / 256);
  }
  block[start] = 128;
}
function recordsOf(entry, { stored, isSparse }) {
  const records = [];
  if (entry.path.length > NAME_BYTES) records.push(["path", entry.path]);
  if (entry.linkPath.length > NAME_BYTES) records.push(["linkpath", entry.linkPath]);
  if (stored > MAX_LONG) records.push(["size", String(stored)]);
  if (entry.uid > MAX_SHORT) records.push(["uid", String(entry.uid)]);
  if (entry.gid > MAX_SHORT) records.push(["gid", String(entry.gid)]);
  const mtime = entry.mtimeText ?? timeText(entry.mtime);
  if (!/^[0-9]{1,11}$/.test(mtime) || entry.mtime > MAX_LONG) records.push(["mtime", mtime]);
  if (isSparse)
    records.push(
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", entry.path],
      ["GNU.sparse.realsize", String(entry.size)]
    );
  const xattrs = [...entry.xattrs ?? []].sort(([a], [b]) => a < b ? -1 : 1);
  for (const [name2, value] of xattrs)
    records.push([`SCHILY.xattr.${name2}`, Buffer.from(value).toString("latin1")]);
  return records.map(([key, value]) => encodeRecord(key, value)).join("");
}
function encodeRecord(key, value) {
  const rest = ` ${key}=${value}
`;
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return `${length}${rest}`;
}
function timeText(seconds) {
  return Number.isInteger(seconds) ? String(seconds) : seconds.toFixed(9).replace(/0+$/, "");
}
function encodeMap(sparse, size) {
  const last = sparse.at(-1);
  const end = last ? last.offset + last.length : 0;
  const all = end < size ? [...sparse, { offset: size, length: 0 }] : sparse;
  const lines = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(`${lines.join("\n")}
`);
  return Buffer.concat([text, Buffer.alloc(paddingOf2(text.length))]);
}

// src/export/output-file.ts
import { closeSync as closeSync3, openSync as openSync3, writeSync as writeSync2 } from "node:fs";
var BUFFER_BYTES = 1 << 20;
var OutputFile = class {
  #path;
  #descriptor;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #flushed = 0;
  #isOpen = true;
  /** Throws UNPACK_FAILED where something of that name is there, or nothing can be. */
  constructor(path) {
    this.#path = path;
    this.#descriptor = this.#guarded(() => openSync3(path, "wx"));
  }
  /** Bytes so far. */
  get size() {
    return this.#flushed + this.#filled;
  }
  /** The bytes may be overwritten afterwards. Throws UNPACK_FAILED or DISK_FULL. */
  append(bytes) {
    if (this.#filled + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length >= BUFFER_BYTES) {
      this.#write(bytes, this.#flushed);
      this.#flushed += bytes.length;
      return;
    }
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).copy(this.#buffer, this.#filled);
    this.#filled += bytes.length;
  }
  /** Overwrites bytes that were appended before. */
  patch(bytes, position) {
    this.#flush();
    this.#write(bytes, position);
  }
  close() {
    this.#flush();
    this.#isOpen = false;
    this.#guarded(() => closeSync3(this.#descriptor));
  }
  /** Never throws. */
  abort() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      closeSync3(this.#descriptor);
    } catch {
    }
  }
  #flush() {
    this.#write(this.#buffer.subarray(0, this.#filled), this.#flushed);
    this.#flushed += this.#filled;
    this.#filled = 0;
  }
  #write(bytes, position) {
    this.#guarded(() => {
      for (let done = 0; done < bytes.length; )
        done += writeSync2(this.#descriptor, bytes, done, bytes.length - done, position + done);
    });
  }
  #guarded(work) {
    try {
      return work();
    } catch (cause) {
      throw toPullError(cause, { code: "UNPACK_FAILED", message: `${this.#path} cannot be written` });
    }
  }
};

// src/export/image-files.ts
function putFile(files, name2, bytes) {
  if (files.has(name2)) return;
  files.begin(name2);
  files.write(bytes);
  files.end();
}
function json(value) {
  return Buffer.from(JSON.stringify(value));
}
function directoryFiles(directory) {
  const names = /* @__PURE__ */ new Set();
  let file;
  makeDirectory(directory);
  return {
    has: (name2) => names.has(name2),
    begin: (name2) => {
      names.add(name2);
      makeDirectory(dirname(join(directory, name2)));
      file = new OutputFile(join(directory, name2));
    },
    write: (bytes) => file?.append(bytes),
    end: () => {
      const size = file?.size ?? 0;
      file?.close();
      file = void 0;
      return size;
    },
    finish: () => void 0,
    abort: () => file?.abort()
  };
}
function makeDirectory(path) {
  try {
    mkdirSync2(path, { recursive: true });
  } catch (cause) {
    throw toPullError(cause, { code: "UNPACK_FAILED", message: `the directory ${path} cannot be made` });
  }
}
function archiveFiles(path) {
  const file = new OutputFile(path);
  const names = /* @__PURE__ */ new Set();
  let open4 = { name: "", headerAt: 0 };
  const addParents = (name2) => {
    for (let slash = name2.indexOf("/"); slash >= 0; slash = name2.indexOf("/", slash + 1)) {
      const parent = name2.slice(0, slash + 1);
      if (names.has(parent)) continue;
      names.add(parent);
      file.append(encodeNamedHeader({ ...PLAIN_ENTRY, kind: "directory", path: parent, mode: 493 }));
    }
  };
  const header = (size) => encodeNamedHeader({ ...PLAIN_ENTRY, kind: "file", path: open4.name, size });
  return {
    has: (name2) => names.has(name2),
    begin: (name2) => {
      addParents(name2);
      names.add(name2);
      open4 = { name: name2, headerAt: file.size };
      file.append(header(0));
    },
    write: (bytes) => file.append(bytes),
    end: () => {
      const block = header(0);
      const size = file.size - open4.headerAt - block.length;
      file.append(Buffer.alloc(paddingOf2(size)));
      file.patch(header(size), open4.headerAt);
      return size;
    },
    finish: () => {
      file.append(END_OF_ARCHIVE);
      file.close();
    },
    abort: () => file.abort()
  };
}
var END_OF_ARCHIVE = Buffer.alloc(1024);

// src/export/layer-files.ts
function createLayerFiles(files, names, limits) {
  const quota = new Quota(limits);
  const sizes = /* @__PURE__ */ new Map();
  let open4;
  return {
    sizes,
    beginLayer: (index) => {
      const name2 = names[index] ?? "";
      open4 = files.has(name2) ? void 0 : name2;
      if (open4 !== void 0) files.begin(open4);
    },
    write: (bytes) => {
      quota.countStream(bytes.length);
      if (open4 !== void 0) files.write(bytes);
    },
    endLayer: () => {
      if (open4 !== void 0) sizes.set(open4, files.end());
      return 0;
    }
  };
}

// src/export/docker-archive.ts
function createDockerExporter({ output, layers, limits }, files) {
  const names = layers.map(({ diffId }) => `${digestHex(diffId)}.tar`);
  return {
    ...createLayerFiles(files, names, limits),
    finish: () => {
      const { config, repoTags } = output;
      const Config = `${digestHex(config.digest)}.json`;
      putFile(files, Config, config.bytes);
      putFile(files, "manifest.json", json([{ Config, RepoTags: repoTags, Layers: names }]));
      const top = layers.at(-1);
      if (top && repoTags.length > 0)
        putFile(files, "repositories", json(repositoriesOf(repoTags, digestHex(top.diffId))));
      files.finish();
      return { skipped: NOTHING_SKIPPED };
    },
    abort: () => files.abort()
  };
}
function repositoriesOf(repoTags, top) {
  const cut = repoTags.map((name2) => [
    name2.slice(0, name2.lastIndexOf(":")),
    name2.slice(name2.lastIndexOf(":") + 1)
  ]);
  return Object.fromEntries(cut.map(([repository = "", tag = ""]) => [repository, { [tag]: top }]));
}

// src/unpack/name-budget.ts
var NameBudget = class {
  #bytes = 0;
  /** Throws LIMIT_EXCEEDED. */
  add(path) {
    this.#bytes += path.length;
    checkLimit(this.#bytes, MAX_HELD_NAME_BYTES, "bytes of the paths of all entries");
  }
  remove(path) {
    this.#bytes -= path.length;
  }
};

// src/export/emission.ts
var RegionCursor = class {
  #regions;
  #next = 0;
  #before = 0;
  constructor(regions) {
    this.#regions = regions;
  }
  /** How many bytes the archive holds of what stands before `position`, which may not become smaller. */
  storedBefore(position) {
    let region = this.#regions[this.#next];
    for (; region && region.offset + region.length <= position; region = this.#regions[++this.#next])
      this.#before += region.length;
    return this.#before + (region ? Math.max(0, position - region.offset) : 0);
  }
};
var Emission = class {
  #tree;
  #append;
  /** For paths that are not among the names of files. */
  #budget = new NameBudget();
  /** The first pass has told of them already. */
  #skips = new SkipList();
  #entry = 0;
  #open;
  /** `append`: may throw. */
  constructor(tree, append) {
    this.#tree = tree;
    this.#append = append;
  }
  entry(entry) {
    const winner = this.#tree.winners.get(++this.#entry);
    if (!winner) return;
    const path = winner.names[0] ?? "";
    const xattrs = entry.kind === "file" ? keptXattrs(entry, "preserve", this.#skips) : void 0;
    this.#append(encodeEntry({ ...entry, path, xattrs }, winner.sparse));
    const map = winner.sparse && new RegionCursor(winner.sparse);
    if (entry.kind === "file") this.#open = { entry, winner, map, stored: 0 };
    else this.#link(winner.names, entry);
  }
  data(bytes, position) {
    if (!this.#open) return;
    this.#fill(this.#open, this.#open.map?.storedBefore(position) ?? this.#open.stored);
    this.#open.stored += bytes.length;
    this.#append(bytes);
  }
  end() {
    if (!this.#open) return;
    const { entry, winner, map } = this.#open;
    this.#fill(this.#open, map?.storedBefore(entry.size) ?? this.#open.stored);
    this.#append(Buffer.alloc(paddingOf2(this.#open.stored)));
    this.#open = void 0;
    this.#link(winner.names, entry);
  }
  /** Zeros where the regions of a sparse file are wider than what the layer stores of it. */
  #fill(open4, stored) {
    if (stored > open4.stored) this.#append(Buffer.alloc(stored - open4.stored));
    open4.stored = stored;
  }
  /** What has no content: devices and FIFOs, then directories. Throws LIMIT_EXCEEDED. */
  finish() {
    const { root } = this.#tree;
    const special = /* @__PURE__ */ new Map();
    visit2(root, "", (node, path) => {
      this.#budget.add(path);
      if (node.kind !== "special") return;
      const names = special.get(node.file);
      if (names) names.push(path);
      else special.set(node.file, [path]);
    });
    for (const [file, names] of special) {
      const entry = { ...PLAIN_ENTRY, ...file, mtime: file.mtime ?? 0, path: names.sort()[0] ?? "" };
      this.#append(encodeEntry(entry));
      this.#link(names, entry);
    }
    visit2(root, "", (node, path) => {
      if (node.kind === "directory") this.#append(encodeEntry(directoryEntry(node, path)));
    });
    this.#append(END_OF_ARCHIVE);
  }
  /** All names but the first. */
  #link([first = "", ...others], { mode, uid, gid, mtime, mtimeText }) {
    const attributes = { mode, uid, gid, mtime, mtimeText };
    for (const path of others) {
      this.#budget.add(first);
      this.#append(encodeEntry({ ...PLAIN_ENTRY, ...attributes, kind: "hardlink", path, linkPath: first }));
    }
  }
};
function directoryEntry({ attributes, xattrs }, path) {
  const { mtime = 0, ...others } = attributes;
  return { ...PLAIN_ENTRY, ...others, mtime, kind: "directory", path: path === "" ? "./" : path, xattrs };
}
function visit2(directory, path, see) {
  const names = [...directory.children.keys()].sort();
  for (const name2 of names) {
    const child = directory.children.get(name2);
    const below = path === "" ? name2 : `${path}/${name2}`;
    if (child?.kind === "directory") visit2(child, below, see);
    else if (child?.kind === "special") see(child, below);
  }
  see(directory, path);
}

// src/unpack/no-disk.ts
var NoDisk = class {
  makeDirectory() {
  }
  openFile(_path, _attributes) {
  }
  writeFile(_bytes, _position) {
  }
  closeFile(_size) {
  }
  makeSymlink(_path, _target, _attributes) {
  }
  makeHardLink(_path, _existing) {
    return "linked";
  }
  removeFile(_path) {
  }
  removeDirectory() {
  }
  setDirectory() {
  }
  setSpecialFile() {
    return true;
  }
  abort() {
  }
};

// src/export/final-tree.ts
var MAX_LINK_TARGET = 4095;
var MAX_HELD_REGIONS = 2e6;
var FinalTreeFinder = class {
  planner;
  #sink = new NameSink();
  constructor(options) {
    this.planner = new Planner({ ...options, sink: this.#sink, owner: "preserve" });
  }
  entry(...[entry]) {
    this.#sink.entry++;
    this.planner.entry(entry);
  }
  data(bytes, position) {
    this.planner.data(bytes, position);
  }
  end() {
    this.planner.end();
  }
  result() {
    const winners = /* @__PURE__ */ new Map();
    for (const [name2, file] of this.#sink.files) {
      winners.set(file.entry, file);
      file.names.push(name2);
    }
    for (const { names } of winners.values()) names.sort();
    return { winners, root: this.planner.root };
  }
};
var NameSink = class extends NoDisk {
  files = /* @__PURE__ */ new Map();
  #budget = new NameBudget();
  /** The one that is being read. */
  entry = 0;
  #open;
  #regions = [];
  #held = 0;
  openFile(path) {
    this.#open = this.#add(path);
    this.#regions = [];
  }
  writeFile(bytes, position) {
    const last = this.#regions.at(-1);
    if (last && last.offset + last.length === position) last.length += bytes.length;
    else this.#regions.push({ offset: position, length: bytes.length });
  }
  closeFile(size) {
    const [first, ...others] = this.#regions;
    const isWhole = size === 0 || others.length === 0 && first?.offset === 0 && first.length === size;
    if (!isWhole && this.#open) {
      const regions = inBlocks(this.#regions, size);
      this.#open.sparse = regions;
      this.#held += regions.length;
      checkLimit(this.#held, MAX_HELD_REGIONS, "stretches of data in sparse files");
    }
    this.#open = void 0;
  }
  makeSymlink(path, target) {
    if (target === "" || target.length > MAX_LINK_TARGET)
      throw new PullError(
        "UNPACK_FAILED",
        `the symbolic link ${showName(path)} has a target that no system takes`
      );
    this.#add(path);
  }
  makeHardLink(path, existing) {
    const file = this.files.get(existing);
    if (!file) throw new PullError("INTERNAL", "a hard link leads to a file that is not there");
    this.#set(path, file);
    return "linked";
  }
  removeFile(path) {
    if (this.files.delete(path)) this.#budget.remove(path);
  }
  #add(path) {
    const file = { entry: this.entry, names: [], sparse: void 0 };
    this.#set(path, file);
    return file;
  }
  #set(path, file) {
    if (!this.files.has(path)) this.#budget.add(path);
    this.files.set(path, file);
  }
};
function inBlocks(regions, size) {
  const whole = [];
  for (const { offset, length } of regions) {
    const start = offset - offset % BLOCK_SIZE;
    const end = Math.min(size, Math.ceil((offset + length) / BLOCK_SIZE) * BLOCK_SIZE);
    const last = whole.at(-1);
    if (last && start <= last.offset + last.length) last.length = Math.max(last.length, end - last.offset);
    else whole.push({ offset: start, length: end - start });
  }
  return whole;
}

// src/export/flat-tar.ts
function createTarExporter(options) {
  return new TarExporter(options);
}
var TarExporter = class {
  #file;
  #quota;
  #skips = new SkipList();
  #finder;
  #layerCount;
  #emission;
  #streams = 0;
  #layer = 0;
  #reader;
  constructor({ path, layers, limits }) {
    this.#file = new OutputFile(path);
    this.#quota = new Quota(limits);
    this.#finder = new FinalTreeFinder({ limits, quota: this.#quota, skips: this.#skips });
    this.#layerCount = layers.length;
    this.#reader = createTarReader(this.#finder);
  }
  beginLayer(index, { createReader = createTarReader }) {
    this.#layer = index;
    if (this.#streams++ === this.#layerCount) this.#startEmission();
    if (!this.#emission) this.#finder.planner.beginLayer(index);
    const handler = this.#emission ?? this.#finder;
    this.#reader = createReader(handler);
  }
  write(bytes) {
    this.#located(() => {
      if (!this.#emission) this.#quota.countStream(bytes.length);
      this.#reader.push(bytes);
    });
  }
  endLayer() {
    this.#located(() => this.#reader.finish());
    return this.#emission ? 0 : this.#finder.planner.endLayer();
  }
  finish() {
    this.#startEmission().finish();
    this.#file.close();
    return { skipped: this.#skips.report() };
  }
  abort() {
    this.#file.abort();
  }
  #startEmission() {
    this.#emission ??= new Emission(this.#finder.result(), (bytes) => {
      this.#quota.countArchive(bytes.length);
      this.#file.append(bytes);
    });
    return this.#emission;
  }
  /** Adds to a failure that is the image's fault where in the image it is. */
  #located(work) {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PullError) || error.code === "DISK_FULL") throw error;
      const place = `layer ${this.#layer + 1}, tar entry at byte ${this.#reader.position}`;
      throw new PullError(error.code, `${error.message} (${place})`, {
        hint: error.hint,
        cause: error.cause
      });
    }
  }
};

// src/integrity/hash.ts
import { createHash, hash } from "node:crypto";
function digestOf(bytes, algorithm = "sha256") {
  return parseDigest(`${algorithm}:${hash(algorithm, bytes, "hex")}`, "hash");
}
function createHasher(algorithm = "sha256") {
  const state = createHash(algorithm);
  return {
    update: (bytes) => {
      state.update(bytes);
    },
    digest: () => parseDigest(`${algorithm}:${state.digest("hex")}`, "hash")
  };
}

// src/oci/media-type.ts
var OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
var OCI_INDEX = "application/vnd.oci.image.index.v1+json";
var OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
var DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
var DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
var MANIFEST_MEDIA_TYPES = [
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST
];
var MANIFEST_ACCEPT = MANIFEST_MEDIA_TYPES.join(", ");

// src/export/layout.ts
var PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar";
var REF_NAME = "org.opencontainers.image.ref.name";
var CONTAINERD_NAME = "io.containerd.image.name";
function createLayoutExporter({ output, layers, limits }, files, keepsManifest) {
  const digests = layers.map(({ digest, diffId }) => keepsManifest ? digest : diffId);
  const layerFiles = createLayerFiles(files, digests.map(blobPath), limits);
  return {
    ...layerFiles,
    finish: () => {
      const manifest = keepsManifest ? output.manifest : newManifest(output, digests, layerFiles.sizes);
      for (const { digest, bytes } of [output.config, manifest]) putFile(files, blobPath(digest), bytes);
      putFile(files, "index.json", json(indexOf(manifest, output)));
      putFile(files, "oci-layout", json({ imageLayoutVersion: "1.0.0" }));
      files.finish();
      return { skipped: NOTHING_SKIPPED };
    },
    abort: () => files.abort()
  };
}
function blobPath(digest) {
  return `blobs/${digest.replace(":", "/")}`;
}
function newManifest({ config }, diffIds, sizes) {
  const bytes = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.bytes.length },
    layers: diffIds.map((digest) => ({
      mediaType: PLAIN_LAYER,
      digest,
      size: sizes.get(blobPath(digest)) ?? 0
    }))
  });
  return { bytes, digest: digestOf(bytes), mediaType: OCI_MANIFEST };
}
function indexOf({ mediaType, digest, bytes }, { tag, fullName }) {
  const names = { ...fullName ? { [CONTAINERD_NAME]: fullName } : {}, ...tag ? { [REF_NAME]: tag } : {} };
  const annotations = Object.keys(names).length === 0 ? {} : { annotations: names };
  const manifest = { mediaType, digest, size: bytes.length, ...annotations };
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [manifest] };
}

// src/export/passes.ts
function planPasses(format, layers) {
  if (format === "tar") return { reads: "ring", passes: 2 };
  const isLayout = format === "oci-layout" || format === "oci-archive";
  return { reads: isLayout && layers.every(({ kind }) => kind === "plain") ? "stored" : "ring", passes: 1 };
}

// src/export/export-job.ts
async function exportLayers(job, report) {
  const { reads, passes } = planPasses(job.output.format, job.layers);
  const proof = new RingReader(job.ring, "apply");
  const ring = reads === "stored" ? new RingReader(job.stored, "apply") : proof;
  const exporter = createExporter(job, reads === "stored");
  const outcomes = [];
  try {
    for (let stream = 0; stream < passes * job.layers.length; stream++) {
      const layer = stream % job.layers.length;
      const started = performance.now();
      try {
        exporter.beginLayer(layer, contentsOf(job.layers[layer] ?? {}));
        ring.readStream((bytes) => exporter.write(bytes));
        const entries2 = exporter.endLayer();
        ring.endStream();
        const before = outcomes[layer] ?? { entries: entries2, milliseconds: 0 };
        outcomes[layer] = { ...before, milliseconds: before.milliseconds + performance.now() - started };
        if (stream < job.layers.length) report({ layer, entries: entries2 });
      } catch (error) {
        return { kind: "failed", layer, error: toErrorData(error) };
      }
    }
    try {
      proof.waitForProof();
    } catch (error) {
      return { kind: "failed", layer: void 0, error: toErrorData(error) };
    }
    const { skipped } = exporter.finish();
    const entries = outcomes.reduce((sum, outcome) => sum + outcome.entries, 0);
    const written = { manifestKept: reads === "stored" };
    return { kind: "done", layers: outcomes, report: { entries, skipped }, written };
  } finally {
    exporter.abort();
  }
}
function createExporter({ root, limits, output, layers }, keepsManifest) {
  const path = join2(root, OUTPUT_NAME);
  const options = { path, output, layers, limits: { ...DEFAULT_LIMITS, ...limits } };
  switch (output.format) {
    case "oci-layout":
      return createLayoutExporter(options, directoryFiles(path), keepsManifest);
    case "oci-archive":
      return createLayoutExporter(options, archiveFiles(path), keepsManifest);
    case "docker-archive":
      return createDockerExporter(options, archiveFiles(path));
    case "tar":
      return createTarExporter(options);
  }
}

// src/fetch/jobs.ts
import { open } from "node:fs/promises";
import zlib from "node:zlib";

// src/compression/zstd-frames.ts
var FRAME_MAGIC = 4247762216;
var SKIPPABLE_MAGIC = 407710288;
var MAX_BLOCK_SIZE = 128 * 1024;
var RLE_BLOCK = 1;
var COMPRESSED_BLOCK = 2;
var RESERVED_BLOCK = 3;
var MAX_WINDOW_SIZE = 2 ** 27;
function isZstdMagic(bytes) {
  if (bytes.length < 4) return false;
  const magic = readUInt32(bytes, 0);
  return magic === FRAME_MAGIC || (magic & 4294967280) >>> 0 === SKIPPABLE_MAGIC;
}
var FrameWalker = class {
  #scratch = new Uint8Array(16);
  #gathered = 0;
  #wanted = 4;
  #skip = 0;
  #step = "magic";
  #checksum = false;
  #contentSize;
  #frameBytes = 0;
  #bound = 0;
  #skippable = false;
  #singleSegment = false;
  #contentSizeBytes = 0;
  /** Bytes of the unfinished frame seen so far; 0 between frames. */
  get pending() {
    return this.#frameBytes;
  }
  /**
   * Consumes bytes up to the end of the current frame, or all of them. Returns how many were consumed, and the frame if it ended.
   * Throws TAR_INVALID where there is no frame.
   */
  advance(bytes, from) {
    let at = from;
    for (; ; ) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        at += step;
        this.#skip -= step;
        this.#frameBytes += step;
        if (this.#skip > 0) return { consumed: at - from };
      }
      if (this.#wanted === 0) return { consumed: at - from, frame: this.#finish() };
      while (this.#gathered < this.#wanted && at < bytes.length) {
        this.#scratch[this.#gathered++] = bytes[at++];
        this.#frameBytes++;
      }
      if (this.#gathered < this.#wanted) return { consumed: at - from };
      this.#gathered = 0;
      this.#next();
    }
  }
  #finish() {
    const frame = {
      skippable: this.#skippable,
      compressedSize: this.#frameBytes,
      maxSize: this.#contentSize ?? this.#bound,
      blockBound: this.#bound
    };
    this.#frameBytes = 0;
    this.#bound = 0;
    this.#contentSize = void 0;
    this.#wanted = 4;
    this.#step = "magic";
    return frame;
  }
  #next() {
    if (this.#step === "magic") this.#onMagic();
    else if (this.#step === "skippable") this.#onSkippable();
    else if (this.#step === "descriptor") this.#onDescriptor(this.#scratch[0]);
    else if (this.#step === "header") this.#onHeader();
    else this.#onBlock();
  }
  #onSkippable() {
    this.#skip = readUInt32(this.#scratch, 0);
    this.#wanted = 0;
  }
  #onMagic() {
    const magic = readUInt32(this.#scratch, 0);
    this.#skippable = (magic & 4294967280) >>> 0 === SKIPPABLE_MAGIC;
    if (!this.#skippable && magic !== FRAME_MAGIC)
      throw invalid("there is no zstd frame where one should begin");
    this.#step = this.#skippable ? "skippable" : "descriptor";
    this.#wanted = this.#skippable ? 4 : 1;
  }
  // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.1
  #onDescriptor(descriptor) {
    const singleSegment = (descriptor & 32) !== 0;
    const contentSizeFlag = descriptor >> 6;
    this.#checksum = (descriptor & 4) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
    const contentSizeBytes = contentSizeFlag === 0 ? singleSegment ? 1 : 0 : 1 << contentSizeFlag;
    this.#wanted = (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
    if (dictionaryBytes > 0) throw invalid("a zstd frame needs a dictionary");
    if ((descriptor & 8) !== 0) throw invalid("a zstd frame has its reserved bit set");
    this.#singleSegment = singleSegment;
    this.#contentSizeBytes = contentSizeBytes;
    this.#step = "header";
    if (this.#wanted === 0) this.#onHeader();
  }
  #onHeader() {
    const at = this.#singleSegment ? 0 : 1;
    this.#contentSize = readContentSize(this.#scratch, at, this.#contentSizeBytes);
    const window = this.#singleSegment ? this.#contentSize ?? 0 : windowSize(this.#scratch[0]);
    if (window > MAX_WINDOW_SIZE) {
      throw new PullError(
        "LIMIT_EXCEEDED",
        `a zstd frame asks for a window of ${window} bytes; the limit is ${MAX_WINDOW_SIZE}`
      );
    }
    this.#step = "block";
    this.#wanted = 3;
  }
  // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2
  #onBlock() {
    const header = this.#scratch[0] | this.#scratch[1] << 8 | this.#scratch[2] << 16;
    const type = header >> 1 & 3;
    const size = header >> 3;
    if (type === RESERVED_BLOCK) throw invalid("a zstd frame holds a block of the reserved type");
    this.#bound += type === COMPRESSED_BLOCK ? MAX_BLOCK_SIZE : size;
    this.#skip = type === RLE_BLOCK ? 1 : size;
    if ((header & 1) === 0) return;
    if (this.#checksum) this.#skip += 4;
    this.#wanted = 0;
  }
};
function scanFrames(bytes) {
  const walker = new FrameWalker();
  const frames = [];
  for (let at = 0; at < bytes.length; ) {
    const { consumed, frame } = walker.advance(bytes, at);
    at += consumed;
    if (frame) frames.push(frame);
  }
  if (walker.pending > 0) throw invalid("a zstd frame is cut off");
  return frames;
}
function windowSize(descriptor) {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}
function readContentSize(bytes, at, length) {
  if (length === 0) return void 0;
  if (length === 1) return bytes[at];
  if (length === 2) return (bytes[at] | bytes[at + 1] << 8) + 256;
  const low = readUInt32(bytes, at);
  return length === 4 ? low : low + readUInt32(bytes, at + 4) * 2 ** 32;
}
function readUInt32(bytes, at) {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}
function invalid(message) {
  return new PullError("TAR_INVALID", message);
}

// src/layer/chunk-table.ts
var DIGEST_BYTES = 32;
function chunkCount(table) {
  return table.offsets.length;
}
function digestKey(digests, index) {
  const start = digests.byteOffset + index * DIGEST_BYTES;
  return Buffer.from(digests.buffer, start, DIGEST_BYTES).toString("latin1");
}

// src/layer/gap-table.ts
var NO_CHUNK = -1;
function gapTable(layer, streamEnd) {
  const { table, innerOffsets } = layer;
  const count = chunkCount(table);
  if (count === 0) return { kind: "whole", reason: "no chunks" };
  const alone = innerOffsets ? loneChunks(table, innerOffsets) : void 0;
  if (alone?.some((one) => one === 1) === false)
    return { kind: "whole", reason: sharesMembers(layer) ? "chunks share members" : "no chunk stands alone" };
  const segments = new Segments(2 * count + 1);
  for (let index = 0; index < count; index++) {
    const start = table.offsets[index];
    const end = start + table.compressedSizes[index];
    if (alone?.[index] === 0) continue;
    const isInOrder = start >= segments.end && start < end && end <= streamEnd;
    if (!isInOrder) return { kind: "whole", reason: "chunks out of order" };
    segments.add(NO_CHUNK, start);
    segments.add(index, end);
  }
  segments.add(NO_CHUNK, streamEnd);
  return segments.finish();
}
function sharesMembers({ table: { offsets }, innerOffsets }) {
  return innerOffsets?.some((inner, index) => inner > 0 || offsets[index] === offsets[index + 1]) ?? false;
}
function* segmentsOf({ chunks, offsets, compressedSizes }) {
  for (let at = 0; at < chunks.length; at++) {
    const start = offsets[at];
    const range = { start, end: start + compressedSizes[at] };
    const index = chunks[at];
    yield index === NO_CHUNK ? { kind: "gap", range } : { kind: "chunk", index, range };
  }
}
function loneChunks({ offsets, firstChunk }, innerOffsets) {
  const alone = new Uint8Array(offsets.length);
  for (let entry = 0; entry + 1 < firstChunk.length; entry++) {
    const last = firstChunk[entry + 1] - 1;
    for (let index = firstChunk[entry]; index < last; index++)
      if (innerOffsets[index] === 0 && innerOffsets[index + 1] === 0) alone[index] = 1;
  }
  return alone;
}
var Segments = class {
  #chunks;
  #offsets;
  #compressedSizes;
  #count = 0;
  #chunkBytes = 0;
  /** Where the last segment ends. */
  end = 0;
  constructor(capacity) {
    this.#chunks = new Int32Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#compressedSizes = new Float64Array(capacity);
  }
  /** From the end of the last segment to `end`; nothing if that is empty. */
  add(chunk, end) {
    if (end === this.end) return;
    this.#chunks[this.#count] = chunk;
    this.#offsets[this.#count] = this.end;
    this.#compressedSizes[this.#count] = end - this.end;
    this.#count++;
    if (chunk !== NO_CHUNK) this.#chunkBytes += end - this.end;
    this.end = end;
  }
  finish() {
    return {
      kind: "gaps",
      chunks: this.#chunks.slice(0, this.#count),
      offsets: this.#offsets.slice(0, this.#count),
      compressedSizes: this.#compressedSizes.slice(0, this.#count),
      chunkBytes: this.#chunkBytes
    };
  }
};

// src/layer/toc-document.ts
var MAX_TOC_ENTRIES = 1e6;
var ENTRY_TYPES = /* @__PURE__ */ new Set(["reg", "dir", "symlink", "hardlink", "char", "block", "fifo"]);
function parseTocDocument(json2) {
  let document;
  try {
    document = JSON.parse(json2);
  } catch {
    return unusable("its TOC is not JSON");
  }
  if (typeof document !== "object" || document === null || document.version !== 1)
    return unusable("its TOC has an unknown version");
  const entries = document.entries ?? [];
  if (!Array.isArray(entries) || entries.length > MAX_TOC_ENTRIES)
    return unusable("its TOC has no usable list of entries");
  const { tarSplitDigest } = document;
  if (tarSplitDigest !== void 0 && !isSha256(tarSplitDigest))
    return unusable("its TOC has a malformed tarSplitDigest");
  return { kind: "document", entries, tarSplitDigest };
}
function* entrySpans(entries) {
  for (let at = 0, next = 0; at < entries.length; at = next) {
    next = at + 1;
    while (entries[next]?.type === "chunk") next++;
    const type = entries[at]?.type;
    yield typeof type === "string" && ENTRY_TYPES.has(type) ? { entries, at, next } : void 0;
  }
}
function unusable(reason) {
  return { kind: "unusable", reason };
}
function isSha256(value) {
  return typeof value === "string" && value.startsWith("sha256:") && isDigest(value);
}
function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

// src/layer/json-size.ts
var VALUES_PER_ENTRY = 24;
var MAX_OBJECT_MEMBERS = 4096;
var MAX_SHAPES = 16384;
var MAX_DEPTH = 64;
var LIST = -(2 ** 31);
var QUOTE = 34;
var COMMA = 44;
var OPEN_BRACKET = 91;
var BACKSLASH = 92;
var CLOSE_BRACKET = 93;
var OPEN_BRACE = 123;
var CLOSE_BRACE = 125;
function isParseable(json2) {
  const members = new Int32Array(MAX_DEPTH + 1).fill(LIST);
  const shapes = new Int32Array(MAX_DEPTH + 1);
  const seen = new ShapeCounter();
  let [depth, containers, values, isName] = [0, 0, 0, false];
  for (let at = 0; at < json2.length; at++) {
    const byte = json2[at];
    if (byte === QUOTE) {
      const start = at + 1;
      at = stringEnd(json2, start);
      if (!isName) continue;
      const shape = seen.extend(shapes[depth], json2, start, at);
      if (seen.count > MAX_SHAPES) return false;
      shapes[depth] = shape;
      isName = false;
    } else if (byte === COMMA) {
      const count = members[depth] + 1;
      if (++values > VALUES_PER_ENTRY * MAX_TOC_ENTRIES || count >= MAX_OBJECT_MEMBERS) return false;
      members[depth] = count;
      isName = count > 0;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++containers > 2 * MAX_TOC_ENTRIES || ++depth > MAX_DEPTH) return false;
      isName = byte === OPEN_BRACE;
      members[depth] = isName ? 0 : LIST;
      shapes[depth] = 0;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth < 0) return false;
    }
  }
  return true;
}
function stringEnd(json2, start) {
  let at = start;
  while (at < json2.length && json2[at] !== QUOTE) at += json2[at] === BACKSLASH ? 2 : 1;
  return at;
}
var ShapeCounter = class {
  #seen = new Uint8Array(1 << 22);
  #bytes = randomOdd();
  #names = randomOdd();
  count = 0;
  /** The shape that another becomes with one more name, json[start, end). */
  extend(shape, json2, start, end) {
    let hash3 = Math.imul(shape ^ this.#names, this.#names);
    for (let at = start; at < end; at++) {
      hash3 = Math.imul(hash3 ^ (json2[at] ?? 0), this.#bytes);
      hash3 ^= hash3 >>> 15;
    }
    const place = Math.imul(hash3, this.#names) >>> 10;
    if (this.#seen[place] === 0) {
      this.#seen[place] = 1;
      this.count++;
    }
    return hash3;
  }
};
function randomOdd() {
  return Math.trunc(Math.random() * 2 ** 32) | 1;
}

// src/bytes/inner-offset.ts
var MAX_INNER_OFFSET = 64 << 20;

// src/layer/chunk-columns.ts
var ChunkColumns = class {
  #digests;
  #offsets;
  #compressedSizes;
  #sizes;
  #firstChunk;
  #chunks = 0;
  #entries = 0;
  /** `capacity`: entries and chunks at most. */
  constructor(capacity) {
    this.#digests = Buffer.alloc(capacity * DIGEST_BYTES);
    this.#offsets = new Float64Array(capacity);
    this.#compressedSizes = new Float64Array(capacity);
    this.#sizes = new Float64Array(capacity);
    this.#firstChunk = new Uint32Array(capacity + 1);
  }
  beginEntry() {
    this.#firstChunk[this.#entries++] = this.#chunks;
  }
  /** Returns the index of the chunk. Whether places make sense is for the caller to know. */
  push({ digest, start, end, size }) {
    this.#digests.write(digest.slice("sha256:".length), this.#chunks * DIGEST_BYTES, "hex");
    this.#offsets[this.#chunks] = start;
    this.#compressedSizes[this.#chunks] = end - start;
    this.#sizes[this.#chunks] = size;
    return this.#chunks++;
  }
  finish() {
    this.#firstChunk[this.#entries] = this.#chunks;
    return {
      digests: new Uint8Array(this.#digests.subarray(0, this.#chunks * DIGEST_BYTES)),
      offsets: this.#offsets.slice(0, this.#chunks),
      compressedSizes: this.#compressedSizes.slice(0, this.#chunks),
      sizes: this.#sizes.slice(0, this.#chunks),
      firstChunk: this.#firstChunk.slice(0, this.#entries + 1)
    };
  }
};

// src/layer/stargz-toc.ts
function stargzChunksOf({ entries }, dataEnd) {
  const columns = new MemberColumns(entries.length);
  for (const span of entrySpans(entries)) {
    if (!span) return unusable("its TOC holds a malformed entry");
    columns.beginEntry();
    const fault2 = addEntry(columns, span, dataEnd);
    if (fault2) return unusable(fault2);
  }
  return columns.finishMembers(dataEnd);
}
var NOT_LOCATED = "its TOC holds a file whose chunks cannot be located";
function addEntry(columns, span, dataEnd) {
  const { type, size = 0, digest } = span.entries[span.at];
  const split = span.next > span.at + 1;
  if (type !== "reg") return split ? NOT_LOCATED : void 0;
  if (!isCount(size) || size === 0 && split) return NOT_LOCATED;
  if (size === 0) return void 0;
  let position = 0;
  for (let at = span.at; at < span.next; at++) {
    const entry = span.entries[at];
    const { offset = 0, innerOffset = 0, chunkOffset = 0, chunkDigest = split ? void 0 : digest } = entry;
    const chunkSize = chunkSizeOf(entry, size, position);
    if (chunkOffset !== position || chunkSize === void 0) return NOT_LOCATED;
    if (!isSha256(chunkDigest)) return "its TOC gives no digest for a chunk";
    if (!isCount(offset) || !isCount(innerOffset) || offset >= dataEnd) return NOT_LOCATED;
    if (innerOffset > MAX_INNER_OFFSET) return "its TOC holds a chunk that lies too deep in its member";
    if (!columns.add({ digest: chunkDigest, offset, innerOffset, size: chunkSize })) return NOT_LOCATED;
    position += chunkSize;
  }
  return position === size ? void 0 : NOT_LOCATED;
}
function chunkSizeOf({ chunkSize = 0 }, size, position) {
  const rest = size - position;
  if (!isCount(chunkSize) || chunkSize > rest || rest === 0) return void 0;
  return chunkSize === 0 ? rest : chunkSize;
}
var MemberColumns = class extends ChunkColumns {
  #innerOffsets;
  #count = 0;
  /** The member of the last chunk, and where the chunk ends in it. Every blob begins with a tar header. */
  #offset = 0;
  #innerEnd = 1;
  constructor(capacity) {
    super(capacity);
    this.#innerOffsets = new Float64Array(capacity);
  }
  /** false where the chunk does not lie behind the one before. */
  add({ digest, offset, innerOffset, size }) {
    const innerEnd = innerOffset + size;
    if (!Number.isSafeInteger(innerEnd)) return false;
    if (offset < this.#offset || offset === this.#offset && innerOffset < this.#innerEnd) return false;
    this.#innerOffsets[this.#count++] = innerOffset;
    this.push({ digest, start: offset, end: offset, size });
    this.#offset = offset;
    this.#innerEnd = innerEnd;
    return true;
  }
  /** A member ends where the next one begins, and only then is its size known. */
  finishMembers(dataEnd) {
    const table = this.finish();
    const { offsets, compressedSizes } = table;
    let next = dataEnd;
    for (let index = offsets.length - 1; index >= 0; index--) {
      const offset = offsets[index];
      const following = offsets[index + 1];
      if (following !== void 0 && following !== offset) next = following;
      compressedSizes[index] = next - offset;
    }
    return { kind: "chunks", table, innerOffsets: this.#innerOffsets.slice(0, this.#count) };
  }
};

// src/layer/toc.ts
var MAX_TOC_SIZE = 256 << 20;
function chunksOf({ entries, tarSplitDigest }, dataEnd) {
  const columns = new OrderedColumns(entries.length);
  for (const span of entrySpans(entries)) {
    if (!span) return unusable("its TOC holds a malformed entry");
    columns.beginEntry();
    const isFile = entries[span.at].type === "reg";
    const located = isFile ? addFile(columns, span, dataEnd) : span.next === span.at + 1;
    if (!located) return unusable("its TOC holds a file whose chunks cannot be located");
  }
  return { kind: "toc", table: columns.finish(), tarSplitDigest };
}
function addFile(columns, file, dataEnd) {
  const { size = 0, offset: start, endOffset: end, digest } = file.entries[file.at];
  const split = file.next > file.at + 1;
  if (!isCount(size)) return false;
  if (size === 0) return !split;
  if (!isCount(start) || !isCount(end) || end > dataEnd) return false;
  if (split && isSplitSound(file, end, size)) return addSplit(columns, file, end);
  return isSha256(digest) && columns.add({ digest, start, end, size });
}
function isSplitSound(file, fileEnd, fileSize) {
  let position = 0;
  for (let at = file.at; at < file.next; at++) {
    const {
      offset: start,
      chunkSize: size,
      chunkDigest: digest,
      chunkOffset = 0
    } = file.entries[at];
    const end = chunkEnd(file, at, fileEnd);
    if (!isCount(start) || !isCount(end) || start >= end || !isCount(size) || !isSha256(digest)) return false;
    if (chunkOffset !== position) return false;
    position += size;
  }
  return position === fileSize;
}
function addSplit(columns, file, fileEnd) {
  for (let at = file.at; at < file.next; at++) {
    const { offset, chunkSize, chunkDigest } = file.entries[at];
    const end = chunkEnd(file, at, fileEnd);
    const chunk = {
      digest: chunkDigest,
      start: offset,
      end,
      size: chunkSize
    };
    if (!columns.add(chunk)) return false;
  }
  return true;
}
function chunkEnd(file, at, fileEnd) {
  return at + 1 < file.next ? file.entries[at + 1].offset : fileEnd;
}
var OrderedColumns = class extends ChunkColumns {
  #end = 0;
  /** false where the chunk does not lie behind the one before: every writer lists files as they lie in the blob. */
  add(chunk) {
    if (chunk.start < this.#end || chunk.start >= chunk.end) return false;
    this.push(chunk);
    this.#end = chunk.end;
    return true;
  }
};

// src/layer/layer-toc.ts
function parseLayerToc(json2, dataEnd) {
  const document = parseTocDocument(json2);
  if (document.kind === "unusable") return document;
  const dialect = dialectOf(document);
  const { tarSplitDigest } = document;
  if (dialect === "containers") {
    const toc2 = chunksOf(document, dataEnd);
    return toc2.kind === "toc" ? { kind: "toc", dialect, document, table: toc2.table, innerOffsets: void 0, tarSplitDigest } : toc2;
  }
  const toc = stargzChunksOf(document, dataEnd);
  if (toc.kind === "unusable") return toc;
  const { table, innerOffsets } = toc;
  return { kind: "toc", dialect, document, table, innerOffsets, tarSplitDigest: void 0 };
}
function dialectOf({ entries, tarSplitDigest }) {
  if (tarSplitDigest !== void 0) return "containers";
  const file = entries.find(
    (entry) => entry?.type === "reg" && Boolean(entry.size)
  );
  return file && file.endOffset === void 0 ? "stargz" : "containers";
}

// src/layer/piece-table.ts
function pieceTable({ table, innerOffsets }, gapTable2, { dataEnd, nameOf: nameOf2 }) {
  const segments = [...segmentsOf(gapTable2)].flatMap((segment) => splitGap(segment, dataEnd));
  const count = segments.length;
  const digests = new Uint8Array(count * DIGEST_BYTES);
  const gaps = new Uint8Array(count);
  const column = (value) => Float64Array.from(segments, value);
  const sizeOf = ({ start, end }) => end - start;
  segments.forEach((segment, at) => {
    if (segment.kind === "gap") gaps[at] = 1;
    const from = segment.kind === "gap" ? 0 : segment.index * DIGEST_BYTES;
    const source = segment.kind === "gap" ? nameOf2(segment.range) : table.digests;
    digests.set(source.subarray(from, from + DIGEST_BYTES), at * DIGEST_BYTES);
  });
  return {
    digests,
    gaps,
    offsets: column(({ range }) => range.start),
    compressedSizes: column(({ range }) => sizeOf(range)),
    sizes: column(
      (segment) => segment.kind === "gap" ? sizeOf(segment.range) : table.sizes[segment.index]
    ),
    firstChunk: Uint32Array.of(0, count),
    // Chunks that stand alone begin where their member does.
    ...innerOffsets ? { innerOffsets: new Float64Array(count) } : {}
  };
}
function splitGap(segment, at) {
  const { start, end } = segment.range;
  if (segment.kind === "chunk" || at <= start || at >= end) return [segment];
  return [
    { kind: "gap", range: { start, end: at } },
    { kind: "gap", range: { start: at, end } }
  ];
}

// src/layer/toc-attributes.ts
var TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
var NO_TIME = "0001-01-01T00:00:00Z";
var NANOSECONDS = 1e9;
function parseTime(value) {
  if (value === void 0 || value === null || value === "" || value === NO_TIME) return 0;
  const match = typeof value === "string" ? TIME.exec(value) : null;
  if (!match) return void 0;
  const [, local = "", fraction = "", sign, hours, minutes] = match;
  const milliseconds = Date.parse(`${local}Z`);
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(local)) return void 0;
  const offset = sign === void 0 ? 0 : (sign === "-" ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
  if (Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59) return void 0;
  return toSeconds(milliseconds / 1e3 - offset, Number(fraction.padEnd(9, "0")));
}
function toSeconds(floor, nanoseconds) {
  const isNegative = floor < 0 && nanoseconds > 0;
  const whole = isNegative ? -(floor + 1) : floor;
  const fraction = String(isNegative ? NANOSECONDS - nanoseconds : nanoseconds).padStart(9, "0");
  const exact = Number(`${whole}.${fraction}`);
  const kept = Math.trunc(exact) === whole ? exact : whole + 0.999999;
  return isNegative ? -kept : kept;
}
var BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
function parseXattrs(value) {
  if (value === void 0 || value === null) return void 0;
  if (!isJsonRecord(value)) return "malformed";
  let xattrs;
  let total = 0;
  for (const [name2, text] of Object.entries(value)) {
    if (text === "" || text === null) continue;
    if (typeof text !== "string" || name2 === "" || /[\0\ufffd\p{Surrogate}]/u.test(name2)) return "malformed";
    if (text.length > 2 * MAX_XATTR_BYTES || !BASE64.test(text)) return "malformed";
    const bytes = unpooled2(text);
    total += bytes.length;
    if (total > MAX_XATTR_BYTES) return "malformed";
    xattrs ??= /* @__PURE__ */ new Map();
    xattrs.set(Buffer.from(name2).toString("latin1"), bytes);
  }
  return xattrs;
}
function unpooled2(base64) {
  const decoded = Buffer.from(base64, "base64");
  const bytes = Buffer.allocUnsafeSlow(decoded.length);
  bytes.set(decoded);
  return bytes;
}

// src/layer/toc-entries.ts
var KINDS2 = /* @__PURE__ */ new Map([
  ["reg", "file"],
  ["dir", "directory"],
  ["symlink", "symlink"],
  ["hardlink", "hardlink"],
  ["char", "char"],
  ["block", "block"],
  ["fifo", "fifo"]
]);
var MAX_ID2 = 2 ** 32 - 2;
var MAX_DEVICE_NUMBER2 = 2 ** 32 - 1;
var LOST_BYTES = /[\ufffd\p{Surrogate}]/u;
var IMPOSSIBLE = "its TOC holds an entry with an impossible name, owner, time or attribute";
function tocEntries({ document, dialect, table }) {
  const entries = [];
  for (const span of entrySpans(document.entries)) {
    if (!span) return unusable("its TOC holds a malformed entry");
    const entry = parseEntry(span.entries[span.at]);
    if (typeof entry === "string") return unusable(entry);
    const firstChunk = table.firstChunk[entries.length] ?? 0;
    const endChunk = table.firstChunk[entries.length + 1] ?? firstChunk;
    const isOwn = dialect === "stargz" && entry.kind === "file" && isStargzOwnName(entry.path);
    const contentDigest = endChunk - firstChunk > 1 ? digestOfAll(span.entries[span.at]) : {};
    entries.push({ entry, firstChunk, endChunk, isOwn, ...contentDigest });
  }
  return { kind: "entries", entries };
}
function digestOfAll({ digest }) {
  return isSha256(digest) ? { contentDigest: digest.slice("sha256:".length) } : {};
}
function parseEntry(raw) {
  const { mode = 0, uid = 0, gid = 0, size = 0 } = raw;
  const kind = KINDS2.get(raw.type);
  const isLink = kind === "symlink" || kind === "hardlink";
  const isDevice = kind === "char" || kind === "block";
  const path = parseName(raw.name);
  const linkPath = isLink ? parseName(raw.linkName ?? "") : "";
  if (path === LOST || linkPath === LOST) return "its TOC holds a name that is not UTF-8";
  const { devMajor: deviceMajor = 0, devMinor: deviceMinor = 0 } = isDevice ? raw : {};
  const mtime = parseTime(raw.modtime);
  const xattrs = parseXattrs(raw.xattrs);
  if (kind === void 0 || path === void 0 || linkPath === void 0) return IMPOSSIBLE;
  if (mtime === void 0 || xattrs === "malformed" || !isCount(mode)) return IMPOSSIBLE;
  if (!isAtMost(uid, MAX_ID2) || !isAtMost(gid, MAX_ID2)) return IMPOSSIBLE;
  if (!isAtMost(deviceMajor, MAX_DEVICE_NUMBER2) || !isAtMost(deviceMinor, MAX_DEVICE_NUMBER2))
    return IMPOSSIBLE;
  return {
    kind,
    path,
    linkPath,
    mode: mode & 4095,
    uid,
    gid,
    mtime,
    // A number: otherwise its chunks would not have been found.
    size: kind === "file" ? size : 0,
    deviceMajor,
    deviceMinor,
    xattrs
  };
}
function isAtMost(value, most) {
  return isCount(value) && value <= most;
}
var LOST = /* @__PURE__ */ Symbol("a name that is not UTF-8");
function parseName(value) {
  if (typeof value !== "string" || value.includes("\0")) return void 0;
  if (LOST_BYTES.test(value)) return LOST;
  const bytes = Buffer.from(value);
  return bytes.length > MAX_EXTENDED_HEADER ? void 0 : bytes.toString("latin1");
}

// src/layer/toc-member.ts
function tocOfMember(archive) {
  let entries = 0;
  let size;
  let json2;
  const reader = createTarReader({
    entry: (entry) => {
      if (entries++ === 0 && entry.path === TOC_NAME && entry.kind === "file") size = entry.size;
    },
    data: (bytes) => {
      if (entries === 1) json2 ??= bytes;
    },
    end: () => void 0
  });
  try {
    reader.push(archive);
    reader.finish();
  } catch {
    return void 0;
  }
  return json2?.length === size ? json2 : void 0;
}

// src/store/part-name.ts
function partName(layer, { start, end }) {
  return digestOf(Buffer.from(`${layer} ${start} ${end}`)).slice("sha256:".length);
}

// src/fetch/jobs.ts
var MAX_ARCHIVE_OVERHEAD = 1 << 20;
async function readToc(job) {
  const frame = await readFrame(job).catch(() => void 0);
  if (!frame) return { kind: "corrupt", of: "bytes", reason: "its TOC cannot be read" };
  const wrong = mismatch("bytes", frame, job.digest);
  if (wrong) return wrong;
  const json2 = decodeToc(frame, job.compression);
  if (json2 === void 0)
    return {
      ...job.digest === void 0 ? { kind: "corrupt", of: "bytes" } : { kind: "unusable" },
      reason: "its TOC cannot be decoded, or is too large"
    };
  const wrongJson = mismatch("json", json2, job.jsonDigest);
  if (wrongJson) return wrongJson;
  const parsed = parseLayerToc(json2.toString(), job.dataEnd);
  if (parsed.kind !== "toc") return parsed;
  const { tarSplitDigest } = parsed;
  const fault2 = await tarSplitFault(job, tarSplitDigest);
  if (fault2 !== void 0) return { kind: "unusable", reason: fault2 };
  const table = parsed.innerOffsets ? { ...parsed.table, innerOffsets: parsed.innerOffsets } : parsed.table;
  const pieces = job.stream && piecesOf2(parsed, job.dataEnd, job.stream);
  const entries = job.wantsEntries ? entriesOf(parsed) : {};
  return { kind: "toc", table, tarSplitDigest, ...pieces ? { pieces } : {}, ...entries };
}
function entriesOf(toc) {
  const parsed = tocEntries(toc);
  return parsed.kind === "entries" ? { entries: packEntries(parsed.entries) } : {};
}
function mismatch(of, bytes, expected) {
  const actual = expected && digestOf(bytes);
  return actual === expected ? void 0 : { kind: "corrupt", of, reason: `its TOC hashes to ${actual} instead of ${expected}` };
}
function piecesOf2(toc, dataEnd, { layer, end }) {
  const gaps = gapTable(toc, end);
  const nameOf2 = (range) => Buffer.from(partName(layer, range), "hex");
  return gaps.kind === "whole" ? gaps.reason : pieceTable(toc, gaps, { dataEnd, nameOf: nameOf2 });
}
async function tarSplitFault({ path, tarSplit }, named) {
  const digest = named ?? tarSplit?.digest;
  if (!tarSplit || !digest) return void 0;
  const frame = await readFrame({ path, ...tarSplit }).catch(() => void 0);
  if (!frame) return "its tar-split cannot be read";
  return digestOf(frame) === digest ? void 0 : "its tar-split does not match its digest";
}
async function readFrame(job) {
  const file = await open(job.path, "r");
  try {
    const frame = Buffer.alloc(job.compressedSize);
    const { bytesRead } = await file.read(frame, 0, frame.length, job.offset);
    if (bytesRead < frame.length) throw new Error(`${job.path} is too short`);
    return frame;
  } finally {
    await file.close();
  }
}
function decodeToc(frame, compression = "zstd") {
  try {
    const json2 = compression === "gzip" ? decodeMember(frame) : decodeFrame(frame);
    return json2 && isParseable(json2) ? json2 : void 0;
  } catch {
    return void 0;
  }
}
function decodeFrame(frame) {
  if (scanFrames(frame).length !== 1) return void 0;
  return zlib.zstdDecompressSync(frame, { maxOutputLength: MAX_TOC_SIZE });
}
function decodeMember(member) {
  const archive = zlib.gunzipSync(member, { maxOutputLength: MAX_TOC_SIZE + MAX_ARCHIVE_OVERHEAD });
  const json2 = tocOfMember(archive);
  return json2 && Buffer.from(json2.buffer, json2.byteOffset, json2.byteLength);
}

// src/source/archive-jobs.ts
import { writeSync as writeSync3 } from "node:fs";
import { open as open3 } from "node:fs/promises";
import { dirname as dirname2 } from "node:path";

// src/compression/decompress.ts
import zlib4 from "node:zlib";

// src/compression/decoder.ts
import { once } from "node:events";

// src/bytes/release.ts
function release(bytes) {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength) buffer.transfer(0);
}
function releaseAfterLast(bytes) {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
}

// src/compression/decoder.ts
function decodeThrough(stream, sink) {
  let failure2;
  stream.on("error", (cause) => {
    failure2 ??= { error: new PullError("TAR_INVALID", "compressed data is broken or cut off", { cause }) };
  });
  stream.on("data", (bytes) => {
    queueMicrotask(() => {
      if (failure2) return;
      try {
        sink(bytes);
        releaseAfterLast(bytes);
      } catch (error) {
        failure2 = { error };
        stream.destroy();
      }
    });
  });
  const check = () => {
    if (failure2) throw failure2.error;
  };
  return {
    destroy: () => void stream.destroy(),
    async write(bytes) {
      check();
      await new Promise((resolve) => {
        const done = () => {
          stream.off("close", done);
          resolve();
        };
        stream.once("close", done);
        stream.write(bytes, done);
      });
      check();
    },
    async end() {
      check();
      stream.end();
      if (!stream.closed) await once(stream, "close").catch(() => void 0);
      check();
    }
  };
}

// src/compression/zstd-stream.ts
import zlib3 from "node:zlib";

// src/compression/zstd.ts
import zlib2 from "node:zlib";

// src/compression/zstd-native.ts
import { createRequire } from "node:module";
function loadNativeDecompress() {
  loaded ??= { decompress: firstThatLoads() };
  return loaded.decompress;
}
var loaded;
function firstThatLoads() {
  const load = createRequire(import.meta.url);
  for (const candidate of candidates()) {
    try {
      return load(candidate).decompress;
    } catch {
    }
  }
  return void 0;
}
function candidates() {
  const { platform, arch } = process;
  const beside = platform === "linux" ? [`linux-${arch}-gnu`, `linux-${arch}-musl`] : [platform === "win32" ? `win32-${arch}-msvc` : `${platform}-${arch}`];
  return [...beside.map((triple) => `./zstd.${triple}.node`), "@mongodb-js/zstd"];
}

// src/compression/zstd.ts
var MAX_BATCH_OUTPUT = 64 << 20;
var MAX_EXCESS = 8 << 20;
async function decodeFrames(bytes, size, load = loadNativeDecompress) {
  const native = load();
  const frames = scanFrames(bytes);
  const bound = frames.reduce((sum, frame) => sum + (frame.skippable ? 0 : frame.maxSize), 0);
  const excess = frames.reduce((most, frame) => Math.max(most, excessOf(frame)), 0);
  const safe = frames.length > 0 && excess <= MAX_EXCESS && bound <= size + frames.length * (128 << 10) && bound <= Math.max(MAX_BATCH_OUTPUT, size + (1 << 20));
  const output = native && safe ? await native(toBuffer(bytes)).catch(broken) : decodeOneByOne(bytes, frames, size);
  if (output.length !== size) {
    throw new PullError("TAR_INVALID", `zstd frames decode to ${output.length} bytes instead of ${size}`);
  }
  return output;
}
function decodeOneByOne(bytes, frames, size) {
  const parts = [];
  let at = 0;
  let left = size;
  for (const frame of frames) {
    const part = bytes.subarray(at, at + frame.compressedSize);
    at += frame.compressedSize;
    if (frame.skippable) continue;
    const output = decodeOne(part, left);
    left -= output.length;
    parts.push(output);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}
function decodeOne(frame, maxSize) {
  try {
    return zlib2.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, maxSize) });
  } catch (cause) {
    return broken(cause);
  }
}
function excessOf(frame) {
  return frame.blockBound - frame.maxSize;
}
function broken(cause) {
  throw new PullError("TAR_INVALID", "zstd data cannot be decoded", { cause });
}
function toBuffer(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// src/compression/zstd-stream.ts
var BATCH_BYTES = 256 << 10;
var BATCH_OUTPUT = 1 << 20;
var STREAM_FROM = 4 << 20;
var BATCHES_AHEAD = 3;
var STREAM_CHUNK = 1 << 20;
async function decodeZstdStream(input, sink, load = loadNativeDecompress) {
  const frames = new FrameDecoder(sink, load());
  try {
    for await (const bytes of input) await frames.push(bytes);
    await frames.end();
  } finally {
    frames.destroy();
  }
}
var FrameDecoder = class {
  #walker = new FrameWalker();
  #batches;
  #sink;
  /** Whole frames that wait, then the one that is not whole yet. */
  #gathered = Buffer.allocUnsafe(2 * BATCH_BYTES);
  #whole = 0;
  #length = 0;
  #bound = 0;
  /** The largest of its frames: the first one that lies ends the decoding. */
  #excess = 0;
  /** Of a frame too large to be gathered. */
  #stream;
  constructor(sink, native) {
    this.#sink = sink;
    this.#batches = new BatchQueue(sink, native);
  }
  async push(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const { consumed, frame } = this.#walker.advance(bytes, at);
      const part = bytes.subarray(at, at + consumed);
      at += consumed;
      if (!this.#stream && !frame && this.#walker.pending > STREAM_FROM) await this.#startStream();
      if (this.#stream) await this.#streamOn(this.#stream, part, frame !== void 0);
      else {
        if (frame && excessOf(frame) > MAX_EXCESS) await this.#flush();
        this.#gather(part, frame);
        if (this.#excess > MAX_EXCESS) await this.#flush();
      }
      if (this.#whole >= BATCH_BYTES || this.#bound >= BATCH_OUTPUT) await this.#flush();
    }
  }
  async end() {
    if (this.#walker.pending > 0) throw new PullError("TAR_INVALID", "the zstd stream is cut off");
    await this.#flush();
    await this.#batches.drain();
  }
  destroy() {
    this.#stream?.destroy();
  }
  #gather(part, frame) {
    const length = this.#length + part.length;
    if (length > this.#gathered.length) this.#gathered = grown(this.#gathered, this.#length, length);
    this.#gathered.set(part, this.#length);
    this.#length = length;
    if (!frame) return;
    if (frame.skippable) this.#length = this.#whole;
    else {
      this.#bound += frame.maxSize;
      this.#excess = Math.max(this.#excess, excessOf(frame));
    }
    this.#whole = this.#length;
  }
  /** Hands the whole frames over; what follows them moves to the front. */
  async #flush() {
    if (this.#whole === 0) return;
    const bytes = Buffer.allocUnsafeSlow(this.#whole);
    this.#gathered.copy(bytes, 0, 0, this.#whole);
    this.#gathered.copy(this.#gathered, 0, this.#whole, this.#length);
    const batch = { bytes, bound: this.#bound, excess: this.#excess };
    this.#length -= this.#whole;
    [this.#whole, this.#bound, this.#excess] = [0, 0, 0];
    await this.#batches.add(batch);
  }
  async #startStream() {
    await this.#flush();
    await this.#batches.drain();
    this.#stream = decodeThrough(zlib3.createZstdDecompress({ chunkSize: STREAM_CHUNK }), this.#sink);
    const begun = Buffer.from(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
    await this.#stream.write(begun);
  }
  async #streamOn(stream, part, isLast) {
    await stream.write(part);
    if (!isLast) return;
    await stream.end();
    this.#stream = void 0;
  }
};
function grown(buffer, used, length) {
  const larger = Buffer.allocUnsafe(2 * length);
  buffer.copy(larger, 0, 0, used);
  return larger;
}
var BatchQueue = class {
  #sink;
  #native;
  #ahead = [];
  constructor(sink, native) {
    this.#sink = sink;
    this.#native = native;
  }
  async add(batch) {
    if (this.#native && batch.bound <= MAX_BATCH_OUTPUT && batch.excess <= MAX_EXCESS) {
      const output = this.#native(batch.bytes).catch(broken);
      output.then(() => release(batch.bytes)).catch(() => void 0);
      this.#ahead.push(output);
      if (this.#ahead.length > BATCHES_AHEAD || batch.bound > 4 * BATCH_OUTPUT) await this.#emit();
    } else {
      await this.drain();
      await this.#decodeOneByOne(batch.bytes);
    }
  }
  async drain() {
    while (this.#ahead.length > 0) await this.#emit();
  }
  async #emit() {
    const output = await this.#ahead.shift();
    this.#sink(output);
    release(output);
  }
  async #decodeOneByOne(bytes) {
    let at = 0;
    for (const { compressedSize } of scanFrames(bytes)) {
      const decoder = decodeThrough(zlib3.createZstdDecompress({ chunkSize: STREAM_CHUNK }), this.#sink);
      try {
        await decoder.write(bytes.subarray(at, at + compressedSize));
        await decoder.end();
      } finally {
        decoder.destroy();
      }
      at += compressedSize;
    }
  }
};

// src/compression/decompress.ts
var GUNZIP_CHUNK = 1 << 20;
var MAGIC_BYTES = 4;
function sniffCompression(head) {
  if (head.length >= 3 && head[0] === 31 && head[1] === 139 && head[2] === 8) return "gzip";
  return isZstdMagic(head) ? "zstd" : "none";
}
async function decompress(input, sink) {
  const iterator = input[Symbol.asyncIterator]();
  const head = await readHead(iterator);
  const all = resume(head, iterator);
  switch (sniffCompression(head)) {
    case "zstd":
      return decodeZstdStream(all, sink);
    case "gzip":
      return gunzip(all, sink);
    case "none":
      for await (const bytes of all) sink(bytes);
  }
}
async function gunzip(input, sink) {
  const decoder = decodeThrough(zlib4.createGunzip({ chunkSize: GUNZIP_CHUNK }), sink);
  try {
    for await (const bytes of input) await decoder.write(bytes);
    await decoder.end();
  } finally {
    decoder.destroy();
  }
}
async function readHead(iterator) {
  let head = new Uint8Array();
  while (head.length < MAGIC_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    head = head.length === 0 && next.value.length >= MAGIC_BYTES ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}
async function* resume(head, rest) {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

// src/http/abort.ts
function abortedError(signal) {
  return new PullError("ABORTED", "the pull was cancelled", { cause: signal.reason });
}
function throwIfAborted(signal) {
  if (signal.aborted) throw abortedError(signal);
}

// src/source/local-file.ts
import { constants as constants5 } from "node:fs";
import { open as open2 } from "node:fs/promises";
var PIECE_BYTES = 1 << 20;
async function* streamFile(file, range, signal) {
  var _stack = [];
  try {
    const handle = __using(_stack, await openLocal(file.path), true);
    for (let at = range.start; at < range.end; at += PIECE_BYTES) {
      if (signal) throwIfAborted(signal);
      const bytes = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, range.end - at));
      await fill(handle, bytes, { path: file.path, position: file.offset + at });
      yield bytes;
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function openLocal(path) {
  const { O_RDONLY: O_RDONLY2, O_NOFOLLOW: O_NOFOLLOW2 = 0, O_NONBLOCK = 0 } = constants5;
  let handle;
  try {
    handle = await open2(path, O_RDONLY2 | O_NOFOLLOW2 | O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
  } catch (cause) {
    await handle?.close();
    throw unreadable(path, cause);
  }
  await handle.close();
  throw new PullError("LAYOUT_INVALID", `${path} is no file`);
}
async function fill(handle, bytes, { path, position }) {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done).catch((cause) => {
      throw unreadable(path, cause);
    });
    if (bytesRead === 0)
      throw new PullError("LAYOUT_INVALID", `${path} ends at byte ${position + done}, before it should`);
    done += bytesRead;
  }
}
function unreadable(path, cause) {
  return toPullError(cause, { code: "LAYOUT_INVALID", message: `${path} cannot be read` });
}

// src/source/archive-jobs.ts
var MAX_ARCHIVE_BYTES = 256 * 2 ** 30;
async function unpackArchive({ name: name2, file, target }, signal) {
  try {
    var _stack = [];
    try {
      const handle = __using(_stack, await open3(target, "wx", 384), true);
      let size = 0;
      const sink = (bytes) => {
        if (signal) throwIfAborted(signal);
        size += bytes.length;
        if (size > MAX_ARCHIVE_BYTES)
          throw new PullError(
            "LIMIT_EXCEEDED",
            `${name2} decompresses to more than ${MAX_ARCHIVE_BYTES} bytes`,
            {
              hint: "Decompress it first if you trust it."
            }
          );
        for (let done = 0; done < bytes.length; ) done += writeSync3(handle.fd, bytes, done);
      };
      await decompress(streamFile(file, { start: 0, end: file.size }, signal), sink);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (cause) {
    if (cause instanceof PullError && cause.code !== "TAR_INVALID") throw cause;
    throw fault(cause instanceof PullError ? cause.cause : cause, name2, target);
  }
}
function fault(cause, name2, target) {
  const known = toPullError(cause, { code: "LAYOUT_INVALID", message: `${name2} cannot be decompressed` });
  if (known.code !== "DISK_FULL") return known;
  return new PullError("DISK_FULL", `no space left in ${dirname2(target)} to decompress ${name2}`, {
    hint: "Free some space there, or decompress the archive first, where there is more.",
    cause
  });
}
async function hashFiles({ files }, signal) {
  const digests = [];
  for (const file of files) {
    const hasher = createHasher();
    for await (const bytes of streamFile(file, { start: 0, end: file.size }, signal)) hasher.update(bytes);
    digests.push(hasher.digest());
  }
  return digests;
}

// src/oci/digest-key.ts
function digestOfKey(key) {
  return `sha256:${Buffer.from(key, "latin1").toString("hex")}`;
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

// src/unpack/inputs.ts
import { closeSync as closeSync4, constants as constants6, fstatSync as fstatSync2, openSync as openSync4, readSync } from "node:fs";
var PIECE_BYTES2 = 1 << 20;
var InputFiles = class {
  #paths;
  #arriving;
  #board;
  #descriptors = /* @__PURE__ */ new Map();
  constructor({ files, arriving }, board) {
    this.#paths = files;
    this.#arriving = arriving;
    this.#board = board;
  }
  /** Before anything is read up to `end`, of a file that may be on its way. undefined: it is there. Throws ABORTED. */
  whenThere(file, end) {
    const counter = this.#arriving?.[file] ?? -1;
    return counter === -1 || this.#board.has(counter, end) ? void 0 : this.#board.waitFor(counter, end);
  }
  /** In fresh memory. Throws STORE_FAILED where the file is gone or too short. */
  read(file, offset, length) {
    const bytes = Buffer.allocUnsafeSlow(length);
    this.readInto(bytes, file, offset);
    return bytes;
  }
  /** Fills `bytes`. Throws STORE_FAILED where the file is gone or too short. */
  readInto(bytes, file, offset) {
    const path = this.#paths[file];
    try {
      const descriptor = this.#descriptors.get(file) ?? openFile(path);
      this.#descriptors.set(file, descriptor);
      for (let done = 0; done < bytes.length; ) {
        const step = readSync(descriptor, bytes, done, bytes.length - done, offset + done);
        if (step === 0) throw new PullError("STORE_FAILED", `${path} is shorter than it should be`);
        done += step;
      }
    } catch (cause) {
      throw toPullError(cause, { code: "STORE_FAILED", message: `${path} cannot be read` });
    }
  }
  close() {
    for (const descriptor of this.#descriptors.values()) closeSync4(descriptor);
    this.#descriptors.clear();
  }
};
function openFile(path) {
  const { O_RDONLY: O_RDONLY2, O_NOFOLLOW: O_NOFOLLOW2 = 0, O_NONBLOCK = 0 } = constants6;
  const descriptor = openSync4(path, O_RDONLY2 | O_NOFOLLOW2 | O_NONBLOCK);
  if (fstatSync2(descriptor).isFile()) return descriptor;
  closeSync4(descriptor);
  throw new PullError("STORE_FAILED", `${path} is no file`);
}
async function* readBlob(files, blob, board) {
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES2, blob.compressedSize));
  for (let at = 0; at < blob.compressedSize; ) {
    const length = Math.min(PIECE_BYTES2, blob.compressedSize - at, untilGroupEnd(blob, at));
    const group = blob.groups[Math.floor(at / blob.groupBytes)];
    if (group !== void 0) await board.waitFor(group, at % blob.groupBytes + length);
    await files.whenThere(blob.file, blob.offset + at + length);
    const piece = memory.subarray(0, length);
    files.readInto(piece, blob.file, blob.offset + at);
    yield piece;
    at += length;
  }
}
function untilGroupEnd(blob, at) {
  return blob.groups.length === 0 ? Number.POSITIVE_INFINITY : blob.groupBytes - at % blob.groupBytes;
}

// src/unpack/piece.ts
import zlib5 from "node:zlib";
var SMALL_STORED = 256 << 10;
var SMALL_OUTPUT = 8 << 20;
var COMPLETE = /* @__PURE__ */ Symbol("all of the chunk has come");
async function decodeMember2(piece, { innerOffsets, sizes }, { take, count }) {
  const startOf = (chunk2) => innerOffsets[chunk2];
  const endOf = (chunk2) => startOf(chunk2) + sizes[chunk2];
  const last = endOf(sizes.length - 1);
  let [position, chunk] = [0, 0];
  const cut = (bytes) => {
    count(bytes.length);
    const reached = position + bytes.length;
    for (; chunk < sizes.length && startOf(chunk) < reached; chunk++) {
      const part = bytes.subarray(Math.max(0, startOf(chunk) - position), endOf(chunk) - position);
      if (part.length > 0) take(part, chunk);
      if (endOf(chunk) > reached) break;
    }
    position = reached;
    if (position > last) throw COMPLETE;
  };
  await decodePiece(piece, cut).catch((error) => {
    if (error !== COMPLETE) throw error;
  });
  if (position < last)
    throw new PullError("TAR_INVALID", `a chunk ends ${last - position} bytes before it should`);
}
async function decodePiece({ files, board, blob }, sink) {
  if (blob.compressedSize <= SMALL_STORED) {
    await files.whenThere(blob.file, blob.offset + blob.compressedSize);
    const output = decodeSmall(files.read(blob.file, blob.offset, blob.compressedSize));
    if (output) {
      for (const bytes of output) sink(bytes);
      return;
    }
  }
  await decompress(compressed(readBlob(files, blob, board)), sink);
}
function decodeSmall(stored) {
  checkCompressed(stored);
  try {
    if (isZstdMagic(stored)) return decodeFrames2(stored);
    return [zlib5.gunzipSync(stored, { maxOutputLength: SMALL_OUTPUT })];
  } catch (cause) {
    if (cause.code === "ERR_BUFFER_TOO_LARGE") return void 0;
    if (cause instanceof PullError) throw cause;
    throw new PullError("TAR_INVALID", "a part of the layer cannot be decoded", { cause });
  }
}
function decodeFrames2(stored) {
  const output = [];
  let [at, left] = [0, SMALL_OUTPUT];
  for (const { compressedSize, skippable } of scanFrames(stored)) {
    const frame = stored.subarray(at, at + compressedSize);
    at += compressedSize;
    if (skippable) continue;
    if (left === 0) return void 0;
    const bytes = zlib5.zstdDecompressSync(frame, { maxOutputLength: left });
    left -= bytes.length;
    output.push(bytes);
  }
  return output;
}
async function* compressed(input) {
  let isFirst = true;
  for await (const bytes of input) {
    if (isFirst) checkCompressed(bytes);
    isFirst = false;
    yield bytes;
  }
}
function checkCompressed(head) {
  if (sniffCompression(head) === "none")
    throw new PullError("TAR_INVALID", "a part of the layer is neither gzip nor zstd");
}

// src/unpack/run.ts
var RUN_BYTES = 256 << 10;
var RUN_OUTPUT = 1 << 20;
var LARGE_CHUNK = 32 << 20;
function isAlone({ sizes, compressedSizes, innerOffsets, gaps }, index) {
  return sizes[index] > LARGE_CHUNK || compressedSizes[index] > LARGE_CHUNK || (innerOffsets?.[index] ?? -1) >= 0 || gaps?.[index] === 1;
}
function runEnd(columns, first) {
  const { compressedSizes, sizes } = columns;
  let end = first;
  let stored = 0;
  let output = 0;
  do {
    stored += compressedSizes[end];
    output += sizes[end];
    end++;
  } while (end < sizes.length && stored + compressedSizes[end] <= RUN_BYTES && output + sizes[end] <= RUN_OUTPUT && !isAlone(columns, end));
  return end;
}
function gatherRun(columns, first, end, files, memory) {
  let fill2 = 0;
  for (let index = first; index < end; ) {
    const { next, length } = stretch(columns, index, end);
    const offset = columns.offsets[index];
    files.readInto(memory.subarray(fill2, fill2 + length), columns.files[index], offset);
    fill2 += length;
    index = next;
  }
}
function stretch(columns, first, end) {
  const { files, offsets, compressedSizes } = columns;
  let next = first;
  let length = 0;
  do
    length += compressedSizes[next++];
  while (next < end && files[next] === files[first] && offsets[next] === offsets[first] + length);
  return { next, length };
}

// src/unpack/run-reader.ts
var RUNS_AHEAD = 2;
var RunReader = class {
  #columns;
  #files;
  #board;
  #count;
  #ahead = [];
  #spare = [];
  #nextChunk = 0;
  #current = { end: 0, bytes: new Uint8Array() };
  #position = 0;
  /** `count`: is told how much members decode to, also of what is in no chunk and goes nowhere. */
  constructor(columns, files, board, count = () => void 0) {
    this.#columns = columns;
    this.#files = files;
    this.#board = board;
    this.#count = count;
  }
  /**
   * Emits the content of chunk `index`, or all that a gap decodes to. Chunks have to be asked for in order, each once. Returns a promise only where it has to wait,
   * because most chunks are small and at hand.
   */
  emit(index, sink) {
    if (index >= this.#current.end) return this.#emitLater(index, sink);
    const size = this.#columns.sizes[index];
    sink(this.#current.bytes.subarray(this.#position, this.#position + size));
    this.#position += size;
    return void 0;
  }
  /** In place of emit, for the chunks [first, end) of one member; see memberEnd. */
  async emitMember(first, end, sink) {
    this.#nextChunk = Math.max(this.#nextChunk, end);
    for (let index = first; index < end; index++) {
      const waiting = this.#ready(index);
      if (waiting) await waiting;
    }
    const blob = blobOf(this.#columns, first);
    await decodeMember2(
      { files: this.#files, board: this.#board, blob },
      chunksInMember(this.#columns, first, end),
      { take: (bytes, chunk) => sink(bytes, first + chunk), count: this.#count }
    );
  }
  async #emitLater(index, sink) {
    if (isAlone(this.#columns, index)) {
      this.#nextChunk = Math.max(this.#nextChunk, index + 1);
      return this.#emitAlone(index, sink);
    }
    this.#refill();
    const run = this.#ahead.shift();
    this.#refill();
    release(this.#current.bytes);
    this.#current = { end: run.end, bytes: await run.bytes };
    this.#position = 0;
    this.emit(index, sink);
  }
  async #emitAlone(index, sink) {
    await this.#ready(index);
    const { gaps, innerOffsets, sizes } = this.#columns;
    const blob = blobOf(this.#columns, index);
    const piece = { files: this.#files, board: this.#board, blob };
    if (gaps?.[index] === 1) return decodePiece(piece, sink);
    if ((innerOffsets?.[index] ?? -1) >= 0) return this.emitMember(index, index + 1, sink);
    let left = sizes[index];
    await decodeZstdStream(readBlob(this.#files, blob, this.#board), (bytes) => {
      left -= bytes.length;
      if (left < 0) throw new PullError("TAR_INVALID", "a chunk is longer than it should be");
      sink(bytes);
    });
  }
  #refill() {
    const count = this.#columns.sizes.length;
    while (this.#ahead.length < RUNS_AHEAD && this.#nextChunk < count && !isAlone(this.#columns, this.#nextChunk)) {
      const first = this.#nextChunk;
      const end = runEnd(this.#columns, first);
      const bytes = this.#decode(first, end);
      bytes.catch(() => void 0);
      this.#ahead.push({ end, bytes });
      this.#nextChunk = end;
    }
  }
  async #decode(first, end) {
    const { compressedSizes, sizes } = this.#columns;
    let compressedSize = 0;
    let size = 0;
    for (let index = first; index < end; index++) {
      const waiting = this.#ready(index);
      if (waiting) await waiting;
      compressedSize += compressedSizes[index];
      size += sizes[index];
    }
    const spare = this.#spare.pop() ?? Buffer.allocUnsafeSlow(RUN_BYTES);
    const memory = compressedSize <= RUN_BYTES ? spare : Buffer.allocUnsafeSlow(compressedSize);
    const stored = memory.subarray(0, compressedSize);
    gatherRun(this.#columns, first, end, this.#files, stored);
    const decoded = await decodeFrames(stored, size);
    this.#spare.push(spare);
    return decoded;
  }
  /** Not async: for nearly all chunks there is nothing to wait for. */
  #ready(index) {
    const group = this.#columns.groups[index];
    const amount = this.#columns.ready[index];
    if (group !== -1 && !this.#board.has(group, amount)) return this.#board.waitFor(group, amount);
    const { files, offsets, compressedSizes } = this.#columns;
    const end = offsets[index] + compressedSizes[index];
    return this.#files.whenThere(files[index], end);
  }
};
function memberEnd(columns, first) {
  const { files, offsets, compressedSizes, sizes, innerOffsets, gaps } = columns;
  let end = first + 1;
  if (!innerOffsets || innerOffsets[first] < 0 || gaps?.[first] === 1) return end;
  let position = innerOffsets[first] + sizes[first];
  while (end < sizes.length && files[end] === files[first] && offsets[end] === offsets[first] && compressedSizes[end] === compressedSizes[first] && gaps?.[end] !== 1 && innerOffsets[end] >= position) {
    position = innerOffsets[end] + sizes[end];
    end++;
  }
  return end;
}
function chunksInMember({ innerOffsets = new Float64Array(), sizes }, first, end) {
  return { innerOffsets: innerOffsets.subarray(first, end), sizes: sizes.subarray(first, end) };
}
function blobOf({ files, offsets, compressedSizes }, index) {
  return {
    file: files[index],
    offset: offsets[index],
    compressedSize: compressedSizes[index],
    groups: [],
    groupBytes: 1
  };
}

// src/unpack/diagnose.ts
var BLAME_STREAM = ["TAR_INVALID", "DIGEST_MISMATCH"];
var BLAME_BYTES = ["TAR_INVALID", "STORE_FAILED", "LIMIT_EXCEEDED"];
async function diagnose({ layer, index, error, ...job }) {
  const board = new ProgressBoard(job.board);
  const files = new InputFiles(job, board);
  const context = { files, board, quota: new Quota({ ...DEFAULT_LIMITS, ...job.limits }) };
  const reason = error.cause === void 0 ? error.message : `${error.message}: ${error.cause}`;
  try {
    const found = await findDamage(layer, context);
    if (found.blob || found.tarSplit || found.chunks.length > 0)
      return { kind: "corrupt", layer: index, found, reason };
    if (layer.kind === "chunked" && (BLAME_STREAM.includes(error.code) || !layer.tarSplit))
      return { kind: "inconsistent", layer: index, reason };
    throw fromErrorData(error);
  } finally {
    files.close();
  }
}
function findDamage(layer, context) {
  return layer.kind === "chunked" ? findCorruptChunks(layer, context) : findCorruptBlob(layer, context);
}
async function findCorruptBlob(layer, { files, board }) {
  const hasher = createHasher(digestAlgorithm(layer.digest));
  const readable = await consume(readBlob(files, layer.blob, board), (bytes) => hasher.update(bytes));
  return { chunks: [], tarSplit: false, blob: !readable || hasher.digest() !== layer.digest };
}
async function findCorruptChunks(layer, context) {
  const { files, board } = context;
  const tarSplit = layer.tarSplit !== void 0 && !await isTarSplitIntact(layer, layer.tarSplit, context);
  const chunks = [];
  const { groups, ready, sizes, gaps } = layer.chunks;
  const seen = /* @__PURE__ */ new Map();
  for (let chunk = 0; chunk < sizes.length; chunk++) {
    const end = memberEnd(layer.chunks, chunk);
    if (end > chunk + 1) {
      for (const one of await findCorruptInMember(layer, chunk, end, context)) chunks.push(one);
      chunk = end - 1;
      continue;
    }
    const group = groups[chunk];
    if (group !== -1) await board.waitFor(group, ready[chunk]);
    if (gaps?.[chunk] === 1) {
      const isReadable = await consume(readBlob(files, blobOf(layer.chunks, chunk), board), () => void 0);
      if (!isReadable) chunks.push(chunk);
      continue;
    }
    const name2 = `${digestKey(layer.chunkDigests, chunk)} ${sizes[chunk]}`;
    const isIntact = seen.get(name2) ?? await isChunkIntact(layer, chunk, context);
    seen.set(name2, isIntact);
    if (!isIntact) chunks.push(chunk);
  }
  return { chunks, tarSplit, blob: false };
}
async function isTarSplitIntact({ tarSplitDigest }, tarSplit, { files, board }) {
  const hasher = createHasher("sha256");
  const readable = await consume(readBlob(files, tarSplit, board), (bytes) => hasher.update(bytes));
  return readable && (tarSplitDigest === void 0 || hasher.digest() === tarSplitDigest);
}
async function isChunkIntact(layer, chunk, context) {
  const { files, board } = context;
  const { sizes, innerOffsets } = layer.chunks;
  if ((innerOffsets?.[chunk] ?? -1) >= 0)
    return (await findCorruptInMember(layer, chunk, chunk + 1, context)).length === 0;
  const blob = blobOf(layer.chunks, chunk);
  const size = sizes[chunk];
  const hasher = createHasher("sha256");
  let left = size;
  const take = (bytes) => {
    left -= bytes.length;
    if (left < 0) throw new PullError("TAR_INVALID", "a chunk is longer than it should be");
    hasher.update(bytes);
  };
  try {
    await decodeZstdStream(readBlob(files, blob, board), take);
  } catch (error) {
    if (error instanceof PullError && BLAME_BYTES.includes(error.code)) return false;
    throw error;
  }
  return left === 0 && hasher.digest() === digestOfKey(digestKey(layer.chunkDigests, chunk));
}
async function findCorruptInMember(layer, first, end, { files, board, quota }) {
  const { groups, ready } = layer.chunks;
  for (let chunk = first; chunk < end; chunk++)
    if (groups[chunk] !== -1) await board.waitFor(groups[chunk], ready[chunk]);
  const corrupt = [];
  let [open4, hasher] = [first, createHasher("sha256")];
  const checkUpTo = (chunk) => {
    for (; open4 < chunk; open4++) {
      if (hasher.digest() !== digestOfKey(digestKey(layer.chunkDigests, open4))) corrupt.push(open4);
      hasher = createHasher("sha256");
    }
  };
  const take = (bytes, chunk) => {
    checkUpTo(first + chunk);
    hasher.update(bytes);
  };
  const count = (bytes) => quota.countStream(bytes);
  const piece = { files, board, blob: blobOf(layer.chunks, first) };
  try {
    await decodeMember2(piece, chunksInMember(layer.chunks, first, end), { take, count });
  } catch (error) {
    quota.countStream(0);
    if (!(error instanceof PullError && BLAME_BYTES.includes(error.code))) throw error;
    for (; open4 < end; open4++) corrupt.push(open4);
  }
  checkUpTo(end);
  return corrupt;
}
async function consume(input, sink) {
  try {
    for await (const bytes of input) sink(bytes);
    return true;
  } catch (error) {
    if (error instanceof PullError && error.code === "STORE_FAILED") return false;
    throw error;
  }
}

// src/unpack/hash.ts
import { createHash as createHash2 } from "node:crypto";
async function hashStreams({ ring, algorithms }) {
  const reader = new RingReader(ring, "hash");
  for (const algorithm of algorithms) {
    const hash3 = algorithm === void 0 ? void 0 : createHash2(algorithm);
    reader.readStream((bytes) => hash3?.update(bytes));
    reader.endStream(hash3?.digest("hex"));
  }
  return void 0;
}

// src/unpack/listing.ts
import { hash as hash2 } from "node:crypto";
import { createReadStream } from "node:fs";

// src/unpack/listing-sink.ts
var ZEROS = new Uint8Array(64 << 10);
var ListingSink = class extends NoDisk {
  /** By path from the root. */
  inodes = /* @__PURE__ */ new Map();
  #budget = new NameBudget();
  /** Of the file that is open, where it is known and its bytes do not come. */
  knownContent;
  #open;
  #hasher = createHasher();
  #hashed = 0;
  openFile(path, { mode, uid, gid }) {
    this.#open = { kind: "file", mode, uid, gid, size: 0, content: "" };
    this.#set(path, this.#open);
    this.#hasher = createHasher();
    this.#hashed = 0;
  }
  writeFile(bytes, position) {
    this.#fillTo(position);
    this.#hasher.update(bytes);
    this.#hashed = position + bytes.length;
  }
  closeFile(size) {
    if (!this.#open) return;
    this.#open.size = size;
    this.#open.content = this.knownContent ?? this.#digestOf(size);
    this.#open = void 0;
  }
  makeSymlink(path, target, { mode, uid, gid }) {
    this.#set(path, { kind: "symlink", mode, uid, gid, size: 0, content: target });
  }
  makeHardLink(path, existing) {
    const inode = this.inodes.get(existing);
    if (inode) this.#set(path, inode);
    return "linked";
  }
  removeFile(path) {
    if (this.inodes.delete(path)) this.#budget.remove(path);
  }
  #set(path, inode) {
    if (!this.inodes.has(path)) this.#budget.add(path);
    this.inodes.set(path, inode);
  }
  #digestOf(size) {
    this.#fillTo(size);
    return digestHex(this.#hasher.digest());
  }
  /** A hole reads as zeros. */
  #fillTo(position) {
    while (this.#hashed < position) {
      const length = Math.min(ZEROS.length, position - this.#hashed);
      this.#hasher.update(ZEROS.subarray(0, length));
      this.#hashed += length;
    }
  }
};

// src/unpack/listing.ts
var EMPTY = hash2("sha256", "", "hex");
var DIGEST_BYTES2 = 32;
async function listEntries({ layers, limits: changes }) {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  const quota = new Quota(limits);
  const sink = new ListingSink();
  const planner = new Planner({ sink, limits, quota, owner: "preserve", skips: new SkipList() });
  for (const [index, layer] of layers.entries()) {
    planner.beginLayer(index);
    if (layer.kind === "toc") playEntries(layer, planner, sink);
    else await playBlob(layer, planner, quota);
    planner.endLayer();
  }
  const listed = new Listed();
  listDirectory(planner.root, "", sink, listed);
  return listed.entries.sort((a, b) => a.path < b.path ? -1 : 1);
}
function playEntries({ entries, digests }, planner, sink) {
  for (const one of unpackEntries(entries)) {
    planner.entry(one.entry);
    if (one.entry.kind !== "file") continue;
    sink.knownContent = contentOf(one, digests);
    planner.end();
  }
  sink.knownContent = void 0;
}
function contentOf({ firstChunk, endChunk, contentDigest }, digests) {
  if (contentDigest !== void 0) return contentDigest;
  if (firstChunk === endChunk) return EMPTY;
  const own = digests.subarray(firstChunk * DIGEST_BYTES2, endChunk * DIGEST_BYTES2);
  return endChunk - firstChunk === 1 ? Buffer.from(own).toString("hex") : `chunks ${hash2("sha256", own, "hex")}`;
}
async function playBlob({ path, digest }, handler, quota) {
  const reader = createTarReader(handler);
  const hasher = createHasher(digestAlgorithm(digest));
  async function* bytes() {
    for await (const piece of createReadStream(path)) {
      hasher.update(piece);
      yield piece;
    }
  }
  await decompress(bytes(), (piece) => {
    quota.countStream(piece.length);
    reader.push(piece);
  });
  reader.finish();
  const actual = hasher.digest();
  if (actual !== digest) throw new PullError("DIGEST_MISMATCH", `layer ${digest} hashes to ${actual}`);
}
var Listed = class {
  entries = [];
  #budget = new NameBudget();
  add(entry) {
    this.#budget.add(entry.path);
    this.entries.push(entry);
  }
};
function listDirectory(directory, prefix, sink, into) {
  for (const [name2, node] of directory.children) {
    const path = prefix + name2;
    const found = describe(node, path, sink);
    if (found) into.add({ path, ...found });
    if (node.kind === "directory") listDirectory(node, `${path}/`, sink, into);
  }
}
function describe(node, path, sink) {
  if (node.kind === "directory") {
    const { mode, uid, gid } = node.attributes;
    return { kind: "directory", mode, uid, gid, size: 0, content: "", xattrs: textOf(node.xattrs) };
  }
  if (node.kind === "special") {
    const { kind, mode, uid, gid, deviceMajor, deviceMinor } = node.file;
    return { kind, mode, uid, gid, size: 0, content: `${deviceMajor}:${deviceMinor}`, xattrs: "" };
  }
  const inode = sink.inodes.get(path);
  return inode && { ...inode, xattrs: node.kind === "file" ? textOf(node.xattrs) : "" };
}
function textOf(xattrs) {
  return [...xattrs ?? []].map(([name2, value]) => `${name2}=${Buffer.from(value).toString("base64")}`).sort().join("\n");
}

// src/unpack/select.ts
async function selectFiles(job) {
  const planner = createPlanner(job);
  const layers = job.layers.map((packed) => packed && unpackEntries(packed));
  for (const [index, entries] of layers.entries()) if (entries) rehearse(planner, index, entries);
  const needed = layers.map((entries) => entries && emptySelection(entries));
  for (const { layer, entry } of [...planner.prune()?.missing ?? [], ...job.besides]) {
    const [files, found] = [needed[layer], layers[layer]?.[entry]];
    if (files && found) addFile2(files, found, entry);
  }
  return needed;
}
var NOTHING = { flags: new Uint8Array(), isExact: true };
function rehearse(planner, layer, entries) {
  planner.beginLayer(layer, NOTHING);
  for (const { entry } of entries) {
    try {
      planner.entry(entry);
    } catch (error) {
      if (!(error instanceof PullError) || error.code === "LIMIT_EXCEEDED") throw error;
    }
  }
  planner.endLayer();
}
function createPlanner({ paths = [], limits: changes, owner }) {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  return new Planner({
    sink: new NoDisk(),
    limits,
    quota: new Quota(limits),
    owner,
    skips: new SkipList(),
    selection: createSelection(paths)
  });
}
function emptySelection(entries) {
  const chunks = entries.reduce((most, { endChunk }) => Math.max(most, endChunk), 0);
  return { flags: new Uint8Array(entries.length), chunks: new Uint8Array(chunks) };
}
function addFile2(needed, { firstChunk, endChunk }, entry) {
  needed.flags[entry] = 1;
  needed.chunks.fill(1, firstChunk, endChunk);
}

// src/unpack/rebuild.ts
import zlib6 from "node:zlib";

// src/layer/tar-split.ts
var MAX_LINE_BYTES = 16 << 20;
var FILE_TYPE = 1;
var SEGMENT_TYPE = 2;
var SEGMENT_START = Buffer.from('{"type":2,"payload":"');
var QUOTE2 = 34;
var NEWLINE2 = 10;
var TarSplitParser = class {
  #rest = Buffer.alloc(0);
  push(bytes) {
    const records = [];
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : toBuffer2(bytes);
    let start = 0;
    for (let end = text.indexOf(NEWLINE2); end !== -1; end = text.indexOf(NEWLINE2, start)) {
      records.push(parseLine(text.subarray(start, end)));
      start = end + 1;
    }
    this.#rest = Buffer.from(text.subarray(start));
    if (this.#rest.length > MAX_LINE_BYTES)
      throw new PullError("TAR_INVALID", `a tar-split line is longer than ${MAX_LINE_BYTES} bytes`);
    return records;
  }
  /** The last line may lack its newline. */
  end() {
    return this.#rest.length === 0 ? [] : [parseLine(this.#rest)];
  }
};
function parseLine(line) {
  if (line.length > SEGMENT_START.length && line.compare(SEGMENT_START, 0, SEGMENT_START.length, 0, SEGMENT_START.length) === 0) {
    const end = line.indexOf(QUOTE2, SEGMENT_START.length);
    if (end !== -1) return literal(line.toString("latin1", SEGMENT_START.length, end));
  }
  return toRecord(parseJson(line.toString()));
}
function parseJson(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
  }
  throw new PullError("TAR_INVALID", "the tar-split is not a list of JSON objects");
}
function toRecord(entry) {
  if (entry.type === SEGMENT_TYPE && typeof entry.payload === "string") return literal(entry.payload);
  const size = entry.size ?? 0;
  if (entry.type === FILE_TYPE && Number.isSafeInteger(size) && size >= 0)
    return { kind: "payload", size };
  throw new PullError("TAR_INVALID", "the tar-split holds a record of an unknown kind");
}
function literal(base64) {
  return { kind: "literal", bytes: Buffer.from(base64, "base64") };
}
function toBuffer2(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// src/unpack/rebuild.ts
async function rebuildTar(input, sink) {
  let entry = 0;
  const play = async (records) => {
    for (const record of records) {
      if (record.kind === "literal") sink(record.bytes);
      else await emitPayload(input, entry++, record.size, sink);
    }
  };
  const parser = new TarSplitParser();
  for await (const text of decodeTarSplit(input.tarSplit)) {
    await play(parser.push(text));
    releaseAfterLast(text);
  }
  await play(parser.end());
  if (entry !== input.firstChunk.length - 1) throw mismatch2();
}
async function playPieces(pieces, count, sink) {
  for (let piece = 0; piece < count; piece++) {
    const waiting = pieces.emit(piece, sink);
    if (waiting) await waiting;
  }
}
var MAX_TAR_SPLIT_SIZE = 2 ** 30;
async function* decodeTarSplit(frame) {
  if (frame.length === 0) return;
  if (scanFrames(frame).length !== 1)
    throw new PullError("TAR_INVALID", "the tar-split is not one zstd frame");
  const decoder = zlib6.createZstdDecompress({ chunkSize: 1 << 20 });
  decoder.end(frame);
  try {
    let size = 0;
    for await (const bytes of decoder) {
      size += bytes.length;
      if (size > MAX_TAR_SPLIT_SIZE)
        throw new PullError("TAR_INVALID", `the tar-split decodes to more than ${MAX_TAR_SPLIT_SIZE} bytes`);
      yield bytes;
    }
  } catch (cause) {
    if (cause instanceof PullError) throw cause;
    throw new PullError("TAR_INVALID", "the tar-split cannot be decoded", { cause });
  }
}
async function emitPayload(input, entry, size, sink) {
  const first = input.firstChunk[entry];
  const end = input.firstChunk[entry + 1];
  if (first === void 0 || end === void 0) throw mismatch2();
  if (first === end) return;
  let total = 0;
  for (let chunk = first; chunk < end; chunk++) total += input.sizes[chunk];
  if (total !== size) throw mismatch2();
  for (let chunk = first; chunk < end; chunk++) {
    const waiting = input.chunks.emit(chunk, sink);
    if (waiting) await waiting;
  }
}
function mismatch2() {
  return new PullError("TAR_INVALID", "the TOC and the tar-split of the layer describe different archives");
}

// src/unpack/stream-toc.ts
import { createHash as createHash3 } from "node:crypto";
async function streamChunks({ chunks, chunkDigests }, reader, sink) {
  let [open4, hash3] = [0, createHash3("sha256")];
  const take = (bytes, chunk) => {
    checkUpTo(chunk);
    hash3.update(bytes);
    sink(bytes);
  };
  const checkUpTo = (chunk) => {
    for (; open4 < chunk; open4++) {
      const key = digestKey(chunkDigests, open4);
      if (hash3.digest("binary") !== key)
        throw new PullError("DIGEST_MISMATCH", `chunk ${digestOfKey(key)} does not match its digest`);
      hash3 = createHash3("sha256");
    }
  };
  for (let first = 0; first < chunks.sizes.length; ) {
    const chunk = first;
    const end = memberEnd(chunks, first);
    const waiting = end === chunk + 1 ? reader.emit(chunk, (bytes) => take(bytes, chunk)) : reader.emitMember(chunk, end, take);
    if (waiting) await waiting;
    checkUpTo(end);
    first = end;
  }
}

// src/unpack/stream.ts
function needsDiffId(layer) {
  return layer.kind === "chunked" ? !layer.entries : !layer.isKept;
}
async function streamLayers(job) {
  const board = new ProgressBoard(job.board);
  const files = new InputFiles(job, board);
  const context = {
    files,
    board,
    ring: new RingWriter(job.ring, readersOf(job)),
    stored: new RingWriter(job.stored, job.reads === "stored" ? ["apply", "hash"] : ["hash"]),
    // Who reads the tar streams counts as well, but not where they are only hashed.
    quota: job.reads === "stored" ? new Quota({ ...DEFAULT_LIMITS, ...job.limits }) : void 0,
    // What is decoded and passed over no reader ever sees.
    members: new Quota({ ...DEFAULT_LIMITS, ...job.limits })
  };
  let index = 0;
  try {
    for (const layer of job.layers) {
      await streamLayer(layer, context);
      index++;
    }
    return { kind: "done" };
  } catch (error) {
    return { kind: "failed", layer: index, error: toErrorData(error) };
  } finally {
    files.close();
  }
}
function readersOf({ layers, reads }) {
  const readers = reads === "stored" ? [] : ["apply"];
  return layers.some(needsDiffId) ? [...readers, "hash"] : readers;
}
async function streamLayer(layer, context) {
  if (layer.kind === "chunked") await streamChunked(layer, context);
  else await streamPlain(layer, context);
  if (needsDiffId(layer)) checkDiffId(layer, context.ring);
}
async function streamChunked(layer, { files, board, ring, members }) {
  const chunks = new RunReader(layer.chunks, files, board, (bytes) => members.countStream(bytes));
  const sink = (bytes) => ring.write(bytes);
  const { firstChunk, tarSplit: split } = layer;
  const { sizes } = layer.chunks;
  if (layer.entries) await streamChunks(layer, chunks, sink);
  else if (!split) await playPieces(chunks, sizes.length, sink);
  else {
    await files.whenThere(split.file, split.offset + split.compressedSize);
    const tarSplit = files.read(split.file, split.offset, split.compressedSize);
    await rebuildTar({ tarSplit, firstChunk, sizes, chunks }, sink);
  }
  ring.endStream();
}
async function streamPlain(layer, { files, board, ring, stored, quota }) {
  const pieces = tee(readBlob(files, layer.blob, board), stored);
  await decompress(pieces, (bytes) => {
    quota?.countStream(bytes.length);
    ring.write(bytes);
  });
  ring.endStream();
  stored.endStream();
  const actual = parseDigest(`${digestAlgorithm(layer.digest)}:${stored.digest()}`, "layer");
  if (actual !== layer.digest)
    throw new PullError("DIGEST_MISMATCH", `layer ${layer.digest} hashes to ${actual}`);
}
async function* tee(input, copy) {
  for await (const bytes of input) {
    copy.write(bytes);
    yield bytes;
  }
}
function checkDiffId(layer, ring) {
  const actual = parseDigest(`${digestAlgorithm(layer.diffId)}:${ring.digest()}`, "layer");
  if (actual === layer.diffId) return;
  throw new PullError(
    "DIGEST_MISMATCH",
    `layer ${layer.digest} unpacks to ${actual} instead of its diff_id ${layer.diffId}`,
    {
      hint: "The image itself is inconsistent: its config names another diff_id than its layer has. Build and push it again."
    }
  );
}

// src/workers/serve.ts
import { parentPort } from "node:worker_threads";
function serve(handlers) {
  const reply = (message) => parentPort?.postMessage(message);
  parentPort?.on("message", async ({ id, name: name2, input }) => {
    try {
      const handler = handlers[name2];
      if (!handler) throw new PullError("INTERNAL", `there is no job called ${name2}`);
      reply({
        kind: "done",
        id,
        output: await handler(input, (event) => reply({ kind: "event", id, event }))
      });
    } catch (error) {
      reply({ kind: "failed", id, error: toErrorData(error) });
    }
  });
}

// src/worker.ts
serve({
  unpackArchive: (job) => unpackArchive(job),
  hashFiles: (job) => hashFiles(job),
  readToc,
  select: selectFiles,
  stream: streamLayers,
  hash: hashStreams,
  apply: applyLayers,
  export: exportLayers,
  list: listEntries,
  diagnose
});
