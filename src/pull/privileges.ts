// Who will own what is unpacked, and whether that takes a root process.
import type { NamedDirectory, Unpack } from '../elevate/protocol.ts';
import { RootProcess } from '../elevate/root-process.ts';
import { holdOwnRoot } from '../elevate/staged-tree.ts';
import { PullError } from '../errors.ts';
import type { Emit } from '../progress/events.ts';
import type { OwnerPolicy } from '../unpack/ownership.ts';
import { holdsForeignFiles } from './destination-record.ts';
import type { OwnershipChoice } from './options.ts';
import { unpackHere } from './unpack-here.ts';

/** Disposed of when the pull has ended. */
export interface Privileges extends AsyncDisposable {
  readonly owner: OwnerPolicy;
  readonly unpack: Unpack;
  /** As root, on behalf of this user; absent: what is to be removed is this user's. */
  readonly removeTree: ((tree: NamedDirectory) => Promise<void>) | undefined;
  /** Is to be told of each directory that is made to be unpacked to, before that. */
  readonly onStaged: ((tree: NamedDirectory) => void) | undefined;
}

interface Wishes {
  readonly ownership: OwnershipChoice;
  readonly destination: string;
  readonly emit: Emit;
}

/** Throws ROOT_REQUIRED. */
export async function acquirePrivileges(wishes: Wishes): Promise<Privileges> {
  const { ownership, destination, emit } = wishes;
  const isRoot = process.geteuid?.() === 0;
  const owner = ownership === 'auto' ? (isRoot ? 'preserve' : 'runner') : ownership;
  if (isRoot && process.platform === 'linux') return rootHands(owner);
  if (isRoot) return ownHands(owner);
  if (owner === 'preserve') {
    const root = await RootHands.start();
    emit({ kind: 'info', message: 'owners are preserved: a root process unpacks, started through sudo' });
    return root.privileges(owner, (job, hooks) => root.unpack(job, hooks));
  }
  if (!(await holdsForeignFiles(destination))) return ownHands(owner);
  const root = await RootHands.start().catch((cause: unknown) => {
    throw cannotReplace(destination, cause);
  });
  emit({ kind: 'info', message: `the earlier tree at ${destination} is removed as root, through sudo` });
  return root.privileges(owner, unpackHere);
}

function ownHands(owner: OwnerPolicy): Privileges {
  const [removeTree, onStaged] = [undefined, undefined];
  return { owner, unpack: unpackHere, removeTree, onStaged, [Symbol.asyncDispose]: async () => undefined };
}

/**
 * The directory may lie in one of another user, as in a container job. By its name that user could lead root out of it, so it is held
 * by a descriptor.
 */
function rootHands(owner: OwnerPolicy): Privileges {
  let staged: NamedDirectory | undefined;
  const unpack: Unpack = async (job, hooks) => {
    if (staged?.path !== job.root) throw new PullError('INTERNAL', `${job.root} was not made by this pull`);
    using held = holdOwnRoot(staged);
    return await unpackHere({ ...job, root: held.path }, hooks);
  };
  const onStaged = (tree: NamedDirectory) => {
    staged = tree;
  };
  return { ...ownHands(owner), unpack, onStaged };
}

function cannotReplace(destination: string, cause: unknown): PullError {
  const message = `${destination} holds files of other users from an earlier pull, and this user cannot become root to replace them`;
  return new PullError('ROOT_REQUIRED', message, {
    hint: `Remove it as root (sudo rm -rf ${destination}), or choose another destination. Nothing was downloaded.`,
    cause,
  });
}

/** The root process of a pull, and its successor should it end before its time: what it made can be removed by root only. */
class RootHands {
  #process: RootProcess;

  private constructor(process: RootProcess) {
    this.#process = process;
  }

  static async start(): Promise<RootHands> {
    return new RootHands(await RootProcess.start());
  }

  unpack(...[job, hooks]: Parameters<Unpack>): ReturnType<Unpack> {
    return this.#process.unpack(job, hooks);
  }

  privileges(owner: OwnerPolicy, unpack: Unpack): Privileges {
    return {
      owner,
      unpack,
      removeTree: (tree) => this.#remove(tree),
      onStaged: undefined,
      [Symbol.asyncDispose]: () => this.#process[Symbol.asyncDispose](),
    };
  }

  async #remove(tree: NamedDirectory): Promise<void> {
    if (this.#process.isOver) this.#process = await RootProcess.start();
    await this.#process.remove(tree);
  }
}
