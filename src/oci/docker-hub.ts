// The names of Docker Hub: one in references, another on the wire, more in what others have written down.

/** In references. */
export const DOCKER_HUB = 'docker.io';
/** Where its API is. */
export const DOCKER_HUB_API = 'registry-1.docker.io';
/** What Docker's own files, and credential helpers, keep its login under. */
export const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/';
const INDEX = 'index.docker.io';

/** Does a reference that begins with this host mean Docker Hub? https://github.com/distribution/reference/blob/main/normalize.go */
export function isDockerHub(host: string): boolean {
  return host === DOCKER_HUB || host === INDEX;
}

/** The one name for a host that is Docker Hub by whatever name, lower case; any other host as it is. */
export function canonicalHost(host: string): string {
  return isDockerHub(host) || host === DOCKER_HUB_API ? DOCKER_HUB : host;
}
