// URLs that the service signs: whoever knows one may read or write the blob, so they are secrets.
import { CacheFault } from './fault.ts';

/** Throws a protocol fault for what is no URL or would carry the bytes in the clear, unless the service itself does that. */
export function parseSignedUrl(text: unknown, service: URL, onSecret: (secret: string) => void): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && service.protocol === 'http:')))
    throw new CacheFault('protocol', `the cache service at ${service.host} gave no usable signed URL`);
  for (const secret of secretsOf(url, String(text))) onSecret(secret);
  return url;
}

/** All spellings in which the URL or its signature may come into a log. */
function secretsOf(url: URL, text: string): Set<string> {
  const secrets = new Set([text, url.href]);
  const raw = /[?&]sig=([^&#]+)/.exec(url.href)?.[1];
  if (raw) secrets.add(raw);
  const decoded = url.searchParams.get('sig');
  // What masks whole words of a log must not be short.
  if (decoded && decoded.length >= 8) secrets.add(decoded).add(encodeURIComponent(decoded));
  return secrets;
}

/** The same blob with more in its query; no part of the signature is touched. */
export function withQuery(url: URL, query: string): URL {
  const copy = new URL(url);
  copy.search = url.search === '' ? `?${query}` : `${url.search}&${query}`;
  return copy;
}
