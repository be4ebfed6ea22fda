import { describe, expect, it } from 'vitest';
import { canonicalHost, isDockerHub } from '../../src/oci/docker-hub.ts';

describe('Docker Hub', () => {
  it.each([
    ['docker.io', 'docker.io', true],
    ['index.docker.io', 'docker.io', true],
    ['registry-1.docker.io', 'docker.io', false],
    ['registry.docker.io', 'registry.docker.io', false],
    ['docker.io:443', 'docker.io:443', false],
    ['docker.io.example.com', 'docker.io.example.com', false],
    ['ghcr.io', 'ghcr.io', false],
  ])('%s is %s; it begins a reference to Docker Hub: %s', (host, canonical, isHub) => {
    expect(canonicalHost(host)).toBe(canonical);
    expect(isDockerHub(host)).toBe(isHub);
  });
});
