// `oci-pull cache`: lists, checks and tidies the chunk store.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PullError, toPullError } from '../errors.ts';
import { count, formatBytes } from '../progress/figures.ts';
import { parseStoreSize } from '../pull/store-size.ts';
import { evict, listPackFiles } from '../store/evict.ts';
import { listStore } from '../store/inspect.ts';
import { removeLeftovers } from '../store/leftovers.ts';
import { checkOwnDirectories } from '../store/own-directories.ts';
import { type PackVerdict, verifyPack } from '../store/verify.ts';
import { type CacheArguments, parseCache } from './cache-arguments.ts';
import { defaultCacheDirectory, type Machine } from './cache-directory.ts';
import { type Answer, createCommand, DONE, FAILED, fail, print, WRONG_USAGE } from './command.ts';
import { CACHE_HELP, CACHE_USAGE } from './help.ts';
import type { Program } from './program.ts';

export const cacheCommand = createCommand({
  name: 'oci-pull cache',
  usage: CACHE_USAGE,
  help: CACHE_HELP,
  parse: parseCache,
  run: runCache,
});

async function runCache(args: CacheArguments, program: Program): Promise<number> {
  try {
    const report = await lookAfterCache(args, program, program.interrupt.signal);
    print(report, args, program);
    return report.isDamaged ? FAILED : DONE;
  } catch (error) {
    const isWrong = error instanceof PullError && error.code === 'INPUT_INVALID';
    return fail(error, isWrong ? WRONG_USAGE : FAILED, program);
  }
}

interface CacheReport extends Answer {
  /** Is there anything damaged in the store now? */
  readonly isDamaged: boolean;
}

/** Throws INPUT_INVALID, STORE_FAILED, or what `signal` is aborted with. */
async function lookAfterCache(
  args: CacheArguments,
  machine: Machine & { readonly cwd: string },
  signal: AbortSignal,
): Promise<CacheReport> {
  const directory = resolve(machine.cwd, args.cacheDirectory ?? defaultCacheDirectory(machine));
  // One that goes without saying may not have been made yet; another one was most likely mistyped.
  if (args.cacheDirectory !== undefined && !existsSync(directory))
    throw new PullError('INPUT_INVALID', `the cache directory ${directory} does not exist`, {
      hint: 'Check the path; the first pull with this --cache-dir makes it.',
    });
  switch (args.action) {
    case 'ls':
      return list(directory);
    case 'verify':
      return verify(directory, args, signal);
    case 'prune':
      return prune(directory, parseStoreSize(args.maxSize, '--max-size'));
  }
}

async function list(directory: string): Promise<CacheReport> {
  const { packs, bytes, runningPulls } = await listStore(directory);
  const lines = packs.map(({ key, size, chunks, usedAt }) => {
    const held = chunks === undefined ? 'no pack, or unreadable' : count(chunks, 'chunk');
    return `${key}  ${formatBytes(size).padStart(8)}  ${toTime(usedAt)}  ${held}`;
  });
  const running = runningPulls > 0 ? `; ${count(runningPulls, 'pull')} running` : '';
  return {
    text: [...lines, `${directory}: ${count(packs.length, 'pack')}, ${formatBytes(bytes)}${running}`].join(
      '\n',
    ),
    json: {
      directory,
      bytes,
      'running-pulls': runningPulls,
      packs: packs.map(({ key, size, chunks, usedAt }) => ({
        key,
        size,
        chunks: chunks ?? null,
        'used-at': toTime(usedAt),
      })),
    },
    isDamaged: false,
  };
}

function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+/, '');
}

async function verify(
  directory: string,
  { removeDamaged }: CacheArguments,
  signal: AbortSignal,
): Promise<CacheReport> {
  if (removeDamaged) await checkOwnDirectories(directory);
  const found: { key: string; path: string; verdict: PackVerdict }[] = [];
  for (const { key, path } of await listPackFiles(directory))
    found.push({ key, path, verdict: await verifyPack(path, signal) });
  const damaged = found.filter(({ verdict }) => isDamaged(verdict));
  if (removeDamaged) for (const { path } of damaged) await remove(path);
  const sum = (measure: (verdict: PackVerdict) => number) =>
    found.reduce((total, { verdict }) => total + measure(verdict), 0);
  const chunks = sum((verdict) => (verdict.kind === 'read' ? verdict.chunks : 0));
  const unproven = sum((verdict) => (verdict.kind === 'read' ? verdict.unproven : 0));
  const lines = found.flatMap(({ key, verdict }) => {
    const fault = describeFault(verdict);
    return fault === undefined ? [] : [`${key}: ${fault}`];
  });
  const doubt = unproven > 0 ? ` (${unproven} have no digest of their own)` : '';
  const outcome = `${count(damaged.length, 'pack')} damaged${removeDamaged && damaged.length > 0 ? ', removed' : ''}`;
  const total = `${count(found.length, 'pack')}, ${count(chunks, 'chunk')}${doubt}; ${outcome}`;
  return {
    text: [...lines, `${directory}: ${total}`].join('\n'),
    json: {
      directory,
      packs: found.length,
      chunks,
      unproven,
      damaged: damaged.map(({ key, verdict }) => ({
        key,
        chunks: verdict.kind === 'read' ? verdict.wrong : null,
      })),
      unreadable: found.filter(({ verdict }) => verdict.kind === 'unreadable').map(({ key }) => key),
      removed: removeDamaged ? damaged.length : 0,
    },
    isDamaged: damaged.length > 0 && !removeDamaged,
  };
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${path} is damaged and cannot be removed` });
  });
}

function isDamaged(verdict: PackVerdict): boolean {
  return verdict.kind === 'broken' || (verdict.kind === 'read' && verdict.wrong.length > 0);
}

function describeFault(verdict: PackVerdict): string | undefined {
  switch (verdict.kind) {
    case 'read':
      return verdict.wrong.length > 0
        ? `${verdict.wrong.length} of ${count(verdict.chunks, 'chunk')} are damaged`
        : undefined;
    case 'broken':
      return 'it is not a whole pack';
    case 'unreadable':
      return `it cannot be read: ${verdict.reason}`;
  }
}

async function prune(directory: string, maxBytes: number | undefined): Promise<CacheReport> {
  const leftovers = await removeLeftovers(directory);
  const eviction = await evict(directory, { maxBytes: maxBytes ?? Number.POSITIVE_INFINITY });
  const { packs, bytes, left, refusal } = eviction;
  if (refusal !== undefined)
    throw toPullError(refusal, { code: 'STORE_FAILED', message: `${directory} cannot be emptied` });
  const tooMuch = maxBytes !== undefined && left > maxBytes ? ', more than it may: the rest is in use' : '';
  const removed = `removed ${count(packs, 'pack')} (${formatBytes(bytes)}) and ${formatBytes(leftovers)} of killed pulls`;
  return {
    text: `${directory}: ${removed}; ${formatBytes(left)} left${tooMuch}`,
    json: {
      directory,
      'removed-packs': packs,
      'removed-bytes': bytes,
      'removed-leftovers': leftovers,
      bytes: left,
    },
    isDamaged: false,
  };
}
