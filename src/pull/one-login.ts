// Two images and one login.
import { canonicalRegistry } from '../auth/registry-key.ts';
import { PullError } from '../errors.ts';
import type { SurveyOptions } from './survey.ts';

/** A password goes to the registry that it was given for. Throws INPUT_INVALID for one that would be good for only one of the two. */
export function checkLoginForBoth({ image, network }: SurveyOptions, other: SurveyOptions['image']): void {
  if (!network.login.password || (image.kind === other.kind && registryOf(image) === registryOf(other)))
    return;
  throw new PullError(
    'INPUT_INVALID',
    'user name and password are for one registry, and the images are not of the same',
    {
      hint: 'Sign in with docker login or podman login, or give a file with credentials.',
    },
  );
}

function registryOf(image: SurveyOptions['image']): string | undefined {
  return image.kind === 'registry' ? canonicalRegistry(image.reference.registry) : undefined;
}
