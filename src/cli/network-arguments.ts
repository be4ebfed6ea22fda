// The options of every command that asks registries.
import { wrongValue } from '../pull/choice.ts';
import { checkNotEmpty, wrongUsage } from './parse-options.ts';

export const NETWORK_OPTIONS = {
  platform: { type: 'string' },
  username: { type: 'string' },
  'password-stdin': { type: 'boolean', default: false },
  authfile: { type: 'string' },
  mirror: { type: 'string', multiple: true },
  'hosts-dir': { type: 'string' },
  'ca-file': { type: 'string' },
  'tls-verify': { type: 'string', default: 'true' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

interface Values {
  readonly platform?: string | undefined;
  readonly username?: string | undefined;
  readonly 'password-stdin': boolean;
  readonly authfile?: string | undefined;
  readonly mirror?: readonly string[] | undefined;
  readonly 'hosts-dir'?: string | undefined;
  readonly 'ca-file'?: string | undefined;
  readonly 'tls-verify': string;
  readonly json: boolean;
  readonly quiet: boolean;
}

export interface NetworkArguments {
  readonly platform?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordStdin: boolean;
  readonly authFile?: string | undefined;
  readonly mirrors: readonly string[];
  readonly hostsDirectory?: string | undefined;
  readonly authorityFile?: string | undefined;
  readonly tlsVerify: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Throws INPUT_INVALID. */
export function networkArguments(values: Values): NetworkArguments {
  checkNotEmpty(values, ['username', 'authfile', 'hosts-dir', 'ca-file']);
  if ((values.username !== undefined) !== values['password-stdin'])
    throw wrongUsage('--username and --password-stdin belong together');
  const tlsVerify = values['tls-verify'];
  if (tlsVerify !== 'true' && tlsVerify !== 'false')
    throw wrongValue('--tls-verify', tlsVerify, 'true or false');
  return {
    platform: values.platform,
    username: values.username,
    passwordStdin: values['password-stdin'],
    authFile: values.authfile,
    mirrors: values.mirror ?? [],
    hostsDirectory: values['hosts-dir'],
    authorityFile: values['ca-file'],
    tlsVerify: tlsVerify === 'true',
    json: values.json,
    quiet: values.quiet,
  };
}
