// What the stages report while they work. Stages emit, a reporter owned by a door prints; nothing below a door writes to a terminal.

export type Stage = 'resolve' | 'restore' | 'plan' | 'fetch' | 'unpack' | 'finish';

export type PullEvent =
  | { readonly kind: 'stage'; readonly stage: Stage }
  /** The image is known. `compressedSize`: all layers, in bytes. */
  | {
      readonly kind: 'resolved';
      readonly image: string;
      readonly platform: string;
      readonly layers: number;
      readonly compressedSize: number;
    }
  /**
   * How a layer will be had. `missing`: compressed bytes to fetch, in so many `ranges`; `cached`: compressed bytes at hand;
   * `reason`: why not otherwise. `isAgain`: after a detour; layers of which nothing more is fetched are not told of again.
   */
  | {
      readonly kind: 'layer';
      readonly index: number;
      readonly digest: string;
      readonly way: 'cached' | 'local' | 'ranges' | 'whole';
      readonly ranges?: number;
      readonly reason?: string;
      readonly missing: number;
      readonly cached: number;
      readonly isAgain?: boolean;
    }
  /** Bytes of layer data to be received in all, those received before included; emitted again when the plan changes. */
  | { readonly kind: 'planned'; readonly bytes: number }
  /** The total changes by so many bytes: less than 0 where some turned out not to be needed. */
  | { readonly kind: 'replanned'; readonly bytes: number }
  /** Bytes received since the last such event. */
  | { readonly kind: 'received'; readonly bytes: number }
  | { readonly kind: 'unpacked'; readonly index: number; readonly entries: number }
  /** `isVital`: what was made may be something else than was asked for, so that even a quiet run tells. */
  | { readonly kind: 'warning'; readonly message: string; readonly isVital?: true }
  | { readonly kind: 'info'; readonly message: string }
  | { readonly kind: 'debug'; readonly message: string };

export type Emit = (event: PullEvent) => void;
