// The Debian nginx in front of another server, with an access log that tests can read.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Issued } from './certificates.ts';
import { startDaemon } from './daemon.ts';
import { freePort } from './docker-registry.ts';

export interface NginxOptions {
  /** `host:port` of the server behind. */
  readonly upstream: string;
  /** Directives inside of `http`. */
  readonly http?: string;
  /** Directives inside of `location /`, beside proxy_pass. */
  readonly location?: string;
  readonly tls?: Pick<Issued, 'keyPath' | 'certPath'>;
}

/** An access; fields that do not apply are empty. */
export interface NginxAccess {
  readonly method: string;
  readonly uri: string;
  readonly status: string;
  /** What the client asked for. */
  readonly range: string;
  readonly accepts: string;
  /** Content-Encoding of the answer. */
  readonly coding: string;
  readonly agent: string;
  readonly sent: string;
  /** What proxy_cache did: MISS, HIT, … */
  readonly cache: string;
}

export interface Nginx extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port`; it listens at all addresses. */
  readonly host: string;
  /** Every access so far. */
  log(): NginxAccess[];
}

export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const directory = mkdtempSync(join(tmpdir(), 'nginx-'));
  mkdirSync(join(directory, 'temporary'));
  const port = await freePort();
  writeFileSync(join(directory, 'nginx.conf'), configuration(options, directory, port));
  const args = ['-p', directory, '-c', 'nginx.conf', '-e', join(directory, 'error.log')];
  const daemon = await startDaemon('nginx', args, port);
  const log = join(directory, 'access.log');
  return {
    port,
    host: `127.0.0.1:${port}`,
    log: () => {
      const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
      const all = lines.map((line) => JSON.parse(line) as NginxAccess);
      // A greeting in TLS, which a host on this machine gets first, is no request.
      return all.filter(({ method }) => method !== '');
    },
    async [Symbol.asyncDispose]() {
      await daemon.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const FIELDS = {
  method: '$request_method',
  uri: '$uri',
  status: '$status',
  range: '$http_range',
  accepts: '$http_accept_encoding',
  coding: '$sent_http_content_encoding',
  agent: '$http_user_agent',
  sent: '$body_bytes_sent',
  cache: '$upstream_cache_status',
} satisfies Record<keyof NginxAccess, string>;

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

function configuration({ upstream, http = '', location = '', tls }: NginxOptions, at: string, port: number) {
  const listen = tls
    ? `listen ${port} ssl; ssl_certificate ${tls.certPath}; ssl_certificate_key ${tls.keyPath};`
    : `listen ${port};`;
  return `
    daemon off;
    ${process.geteuid?.() === 0 ? 'user root;' : ''}
    worker_processes 1;
    pid ${at}/nginx.pid;
    error_log ${at}/error.log;
    events {}
    http {
      ${TEMPORARY.map((name) => `${name}_temp_path ${at}/temporary/${name};`).join('\n')}
      log_format json escape=json '${JSON.stringify(FIELDS)}';
      access_log ${at}/access.log json;
      client_max_body_size 0;
      proxy_cache_path ${at}/cache keys_zone=blobs:1m;
      ${http}
      server {
        ${listen}
        location / {
          proxy_pass http://${upstream};
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          ${location}
        }
      }
    }`;
}
