// Keeps the heaps of this process small.
import v8 from 'node:v8';

/**
 * Keeps V8's young generations at the size they start with. A pull makes much short-lived garbage in several threads, and each would let
 * its young generation grow to 48 MB and keep it: 606 MB at the peak for an image of 67,000 chunks, 462 MB like this, in the same time
 * (2 cores, November 2026). Has to be called before the work begins.
 */
export function limitYoungGeneration(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}
