// What a request costs against what bytes cost: which gaps are fetched along, and which layers are better fetched whole. Pure.
import type { Link } from '../bytes/link.ts';
import { type ChunkTable, chunkCount, isGap } from '../layer/chunk-table.ts';
import { digestKeys } from './chunk-map.ts';
import type { CoalesceCosts } from './coalesce.ts';
import type { ChunkForm } from './fetch-plan.ts';

/** Range length: large enough that a round trip is cheap, small enough that eight connections share a layer. */
export const MAX_RANGE_BYTES = 8 << 20;
/** Ranges a layer is cut into at most. */
const MAX_LAYER_RANGES = 512;

/*
 * A plan takes about requests × round trip / connections + bytes / bandwidth. Fetching a gap along makes the first part smaller and
 * the second larger, and pays as long as the gap is shorter than bandwidth × round trip / connections: 250 KB at 100 MB/s with a
 * round trip of 20 ms and 8 connections. But an update is there to spare bytes, which cost more than time; so the bytes that are
 * fetched in vain are limited to a share of those needed, which grows with what a request costs. By this formula an update of the
 * reference image (5,648 of 99,047 chunks and the metadata, 45.1 MB) takes at 100 MB/s over 8 connections:
 *
 *   round trip | requests, in vain, time | with the smallest share | with any share
 *       0.5 ms |      789    3 %   0.5 s |     789    3 %    0.5 s |  686   5 %  0.5 s
 *         5 ms |      789    3 %   1.0 s |     789    3 %    1.0 s |  165  28 %  0.7 s
 *        10 ms |      533    8 %   1.2 s |     789    3 %    1.5 s |  101  40 %  0.8 s
 *        20 ms |      210   24 %   1.1 s |     789    3 %    2.4 s |   71  51 %  0.9 s
 *        50 ms |      202   25 %   1.8 s |     789    3 %    5.4 s |   69  52 %  1.1 s
 *
 * The last quarter of a second would cost as many bytes again. (3 rather than 2 % because of MAX_LAYER_RANGES.)
 */
/** Gaps below this may be fetched whatever the link is said to be like: bandwidth that few bytes have shown is always too low. */
const MIN_GAP = 8 << 10;
const MAX_GAP = 256 << 10;
/** The share, where a request costs next to nothing or nothing is known; in bytes at least as many as a request's own headers. */
const WASTE_SHARE = 0.02;
const WASTE_FLOOR = 4096;
/** Of a part of a layer: enough for the headers between its files, some 200 bytes each, which took 3.5 % of 147 MB of small files. */
const PART_WASTE_SHARE = 0.04;
/**
 * The share for each millisecond of (round trip - BUSY_MS) / connections, and the largest: about 20 ms and 8 connections. BUSY_MS:
 * a round trip as measured includes what both ends take to think; over the loopback interface of a busy machine (load 6 on two
 * processors) that was 9 to 44 ms for the first requests of a pull, 9 to 13 ms for the fastest of each.
 */
const BUSY_MS = 5;
const WASTE_SHARE_PER_MS = 0.13;
const MAX_WASTE_SHARE = 0.25;

/** From this share on a layer's data is fetched in one piece: the gaps cost less than the requests. */
const WHOLE_SHARE = 0.7;
/**
 * A layer with less data is never fetched whole for that reason: it takes no time either way, and the store need not hold twice
 * what it has of it.
 */
const MIN_WHOLE_BYTES = 4 << 20;

/**
 * A layer with gaps has about one for each file, and each takes a request unless the chunks on the way to the next one are fetched
 * along: what a run of chunks at hand spares is counted without this much of it.
 */
const SPARED_FOR_NOTHING = MIN_GAP;
/** Less than this is not worth the requests that a layer with gaps takes. */
const MIN_SPARED_BYTES = 32 << 10;

/** `needed`: bytes of the missing chunks. `metadataBytes`: part of what the waste is measured against. */
export function gapCosts(
  layer: {
    readonly dataEnd: number;
    readonly metadataBytes: number;
    readonly needed: number;
    readonly hasGaps?: boolean;
    /** What the table leaves out of the layer is not wanted. */
    readonly isPart?: boolean | undefined;
  },
  { link, connections = 1 }: { readonly link?: Link | undefined; readonly connections?: number },
): CoalesceCosts {
  const limits = { maxRanges: MAX_LAYER_RANGES, maxRangeBytes: MAX_RANGE_BYTES };
  // Where there are gaps, that has been decided by what lies between them; see isBetterWhole.
  if (!layer.hasGaps && !layer.isPart && isNearlyAll(layer.needed, layer.dataEnd))
    return { ...limits, maxGap: Number.POSITIVE_INFINITY, wasteBudget: Number.POSITIVE_INFINITY };
  const { roundTripMs = 0, bytesPerSecond } = link ?? {};
  // Where the bandwidth is not known, too little has come yet to have measured anything.
  const requestMs =
    bytesPerSecond === undefined ? 0 : Math.max(0, roundTripMs - BUSY_MS) / Math.max(1, connections);
  const worth = (requestMs / 1000) * Math.max(0, bytesPerSecond ?? 0);
  const least = layer.isPart ? PART_WASTE_SHARE : WASTE_SHARE;
  const share = layer.hasGaps
    ? MAX_WASTE_SHARE
    : Math.min(MAX_WASTE_SHARE, Math.max(least, WASTE_SHARE_PER_MS * requestMs));
  return {
    ...limits,
    maxGap: Math.min(MAX_GAP, Math.max(MIN_GAP, worth)),
    wasteBudget: Math.max(WASTE_FLOOR, share * (layer.needed + layer.metadataBytes)),
  };
}

/**
 * Is so little of a chunked layer at hand, or repeated in it, that all of it is better fetched as one blob? Knows nothing of the
 * link, so that racing jobs with the same store decide the same.
 */
export function isBetterWhole(
  { table, dataEnd }: { readonly table: ChunkTable; readonly dataEnd: number },
  isAtHand: (form: ChunkForm, key: string, size: number) => boolean,
): boolean {
  if (table.gaps) return isBetterWholeWithGaps({ table, dataEnd }, isAtHand);
  if (dataEnd < MIN_WHOLE_BYTES) return false;
  const keyOf = digestKeys(table);
  const missing = new Set<string>();
  let needed = dataEnd;
  for (let chunk = 0; chunk < chunkCount(table) && isNearlyAll(needed, dataEnd); chunk++) {
    const key = keyOf(chunk);
    if (missing.has(key) || isAtHand('frame', key, table.sizes[chunk] as number))
      needed -= table.compressedSizes[chunk] as number;
    else missing.add(key);
  }
  return isNearlyAll(needed, dataEnd);
}

function isBetterWholeWithGaps(
  { table, dataEnd }: { readonly table: ChunkTable; readonly dataEnd: number },
  isAtHand: (form: ChunkForm, key: string, size: number) => boolean,
): boolean {
  const keyOf = digestKeys(table);
  let [spared, run, isComplete] = [0, 0, true];
  const endRun = () => {
    spared += Math.max(0, run - SPARED_FOR_NOTHING);
    run = 0;
  };
  for (let index = 0; index < chunkCount(table); index++) {
    const form = isGap(table, index) ? 'part' : 'frame';
    if (isAtHand(form, keyOf(index), table.sizes[index] as number))
      run += table.compressedSizes[index] as number;
    else {
      isComplete = false;
      endRun();
    }
  }
  endRun();
  if (isComplete) return false;
  return dataEnd < MIN_WHOLE_BYTES ? spared < MIN_SPARED_BYTES : isNearlyAll(dataEnd - spared, dataEnd);
}

function isNearlyAll(needed: number, dataEnd: number): boolean {
  return needed >= WHOLE_SHARE * dataEnd;
}
