// The Actions cache as the inputs and the runner's environment offer it.
import * as core from '@actions/core';
import { type CacheBackend, type OpenCache, openCache } from '../cache/choose-backend.ts';
import { forLog } from './plain-text.ts';
import { temporaryDirectory } from './store-place.ts';

/** `log`: told of faults of the service. */
export function openActionsCache(backend: CacheBackend, log: (message: string) => void): OpenCache {
  return openCache({
    backend,
    env: process.env,
    tempDirectory: temporaryDirectory(process.env),
    log,
    debug: (message) => core.debug(forLog(message)),
    onSecret: core.setSecret,
  });
}

/** The first message is an annotation, for one says it all; the others are lines of the log. */
export function warnOnce(): (message: string) => void {
  let hasWarned = false;
  return (message) => {
    if (hasWarned) core.info(forLog(message));
    else core.warning(forLog(message));
    hasWarned = true;
  };
}
