import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Hundreds of programs and threads load the same modules: with their code compiled once, a suite of pulls takes half the processor time.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    pool: 'forks',
    // Much of a test is waiting: for a program to start, a server to answer, a stall to be noticed. By default one processor is left idle.
    maxWorkers: availableParallelism(),
    // With them V8 aborts now and then in a process in which hundreds of threads come and go: https://github.com/nodejs/node/issues/64500
    execArgv: ['--no-memory-protection-keys'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
