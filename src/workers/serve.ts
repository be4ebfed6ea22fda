// The worker's side of the pool: receives a job, runs it, answers. Failures travel as data.
import { parentPort } from 'node:worker_threads';
import { PullError, toErrorData } from '../errors.ts';
import type { JobMap, JobReply, JobRequest } from './pool.ts';

export type Handlers<Jobs extends JobMap> = {
  [Name in keyof Jobs]: (
    input: Jobs[Name]['input'],
    report: (event: Jobs[Name]['event']) => void,
  ) => Promise<Jobs[Name]['output']>;
};

type AnyHandler = (input: unknown, report: (event: unknown) => void) => Promise<unknown>;

export function serve<Jobs extends JobMap>(handlers: Handlers<Jobs>): void {
  const reply = (message: JobReply) => parentPort?.postMessage(message);
  parentPort?.on('message', async ({ id, name, input }: JobRequest) => {
    try {
      const handler = (handlers as Record<string, AnyHandler | undefined>)[name];
      if (!handler) throw new PullError('INTERNAL', `there is no job called ${name}`);
      reply({
        kind: 'done',
        id,
        output: await handler(input, (event) => reply({ kind: 'event', id, event })),
      });
    } catch (error) {
      reply({ kind: 'failed', id, error: toErrorData(error) });
    }
  });
}
