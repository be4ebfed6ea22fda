// Who can read the repository this job runs for, from the event that started it.
import { readFile, stat } from 'node:fs/promises';
import type { Visibility } from './cache-policy.ts';

/** Webhook payloads are capped at 25 MB: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
const MAX_EVENT_BYTES = 32 * 1024 * 1024;

/** `unknown` where the event file is missing or says nothing. */
export async function readVisibility(eventPath: string | undefined): Promise<Visibility> {
  if (!eventPath) return 'unknown';
  try {
    if ((await stat(eventPath)).size > MAX_EVENT_BYTES) return 'unknown';
    return visibilityOf(JSON.parse(await readFile(eventPath, 'utf8')));
  } catch {
    return 'unknown';
  }
}

export function visibilityOf(event: unknown): Visibility {
  const repository = (event as { repository?: { visibility?: unknown; private?: unknown } | null } | null)
    ?.repository;
  const visibility = repository?.visibility;
  if (visibility === 'public' || visibility === 'internal' || visibility === 'private') return visibility;
  // Older servers have no visibility; `private` is true for internal repositories too.
  return repository?.private === false ? 'public' : 'unknown';
}
