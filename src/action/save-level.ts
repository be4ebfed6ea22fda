// How loud the job log is told what became of a save. Pure.
import type { EntryForm } from '../cache/blob-cache.ts';
import type { SaveReport } from '../cache/save.ts';

/**
 * What others than those who may push can start, in the scope of the default branch: GitHub gives these jobs tokens that only read.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching
 */
const READ_ONLY_EVENTS: ReadonlySet<string> = new Set([
  'pull_request_target',
  'issue_comment',
  'workflow_run',
]);

/**
 * `event`: GITHUB_EVENT_NAME. A reason that the user may want to do something about is a warning. A race that was lost is none, and happens in every job of a matrix
 * but one; with entries of the form `archive`, whose backend does not learn reasons, anything may have been one, and that library has
 * printed warnings of its own.
 */
export function levelOf(report: SaveReport, form: EntryForm, event = ''): 'info' | 'notice' | 'warning' {
  const { kind, reason, uploadedPacks } = report;
  if (kind !== 'incomplete') return 'info';
  if (reason === 'denied' && READ_ONLY_EVENTS.has(event)) return 'info';
  if (reason !== undefined && (reason !== 'failed' || form === 'raw')) return 'warning';
  return uploadedPacks > 0 ? 'notice' : 'info';
}
