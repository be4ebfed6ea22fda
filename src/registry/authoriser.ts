// Holds the Authorization of one repository: learns from challenges, gets one token for all requests, renews it in time.
import { secretsOf } from '../auth/announce.ts';
import type { Credential } from '../auth/credential.ts';
import { untilAborted } from '../http/abort.ts';
import type { HttpAnswer, HttpRequest, Send } from '../http/exchange.ts';
import type { Secrets } from '../http/secrets.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { readRefusal } from './refusal.ts';
import { basicAuthorization, bearerAuthorization, type FetchToken } from './token.ts';

export interface AuthoriserOptions {
  /** Asked once, at the first refusal: a registry that needs no credential costs no credential helper its run. */
  readonly credential: () => Promise<Credential | undefined>;
  /** `repository:NAME:pull` */
  readonly scope: string;
  readonly secrets: Secrets;
  /** Asks the registry for its challenges, for when a refusal came without any. */
  ping(): Promise<readonly Challenge[]>;
  readonly fetchToken: FetchToken;
}

/** What a request is sent with. Every new header begins a new generation. */
interface Authorisation {
  readonly generation: number;
  readonly header?: string;
  /** Of tokens that can be had again: see Token. */
  readonly refreshAt?: number;
  /** As in HttpAnswer. */
  readonly source?: string | undefined;
}

/** `due`: nothing was refused, the token is about to expire. */
type Occasion =
  | { readonly kind: 'due' }
  | { readonly kind: 'refused'; readonly challenges: readonly Challenge[] };

/** First the challenge, then a wider scope: more cannot help. */
const MAX_RENEWALS = 2;

export class Authoriser {
  readonly #options: AuthoriserOptions;
  #credential: Promise<Credential | undefined> | undefined;
  #current: Authorisation = { generation: 0 };
  /** The last generation the registry took. */
  #accepted = -1;
  #bearer: Challenge | undefined;
  #scope: string;
  #isScopeWidened = false;
  #renewal: Promise<boolean> | undefined;

  constructor(options: AuthoriserOptions) {
    this.#options = options;
    this.#scope = options.scope;
  }

  /** A Send that adds the Authorization and answers challenges. Throws UNAUTHORIZED when it has nothing new to offer. */
  authorised(send: Send): Send {
    return async (request) => {
      let used = await this.#fresh(request);
      for (let renewals = 0; ; renewals++) {
        const answer = await sendWith(send, request, used);
        if (!this.#isRefusal(answer, used, renewals)) {
          // A 400 says nothing about the token, unless it has been good before.
          if (answer.status !== 400) this.#accepted = Math.max(this.#accepted, used.generation);
          return answer;
        }
        const challenges = parseChallenges(answer.headers['www-authenticate']);
        // The body is read before anything else is asked: it may hold the only connection.
        const refusal = await readRefusal(answer, this.#options.secrets);
        const renewed =
          renewals < MAX_RENEWALS && (await this.#renew(used, { kind: 'refused', challenges }, request));
        if (!renewed) throw refusal;
        used = this.#current;
      }
    };
  }

  /** ECR Public answers 400, not 401, to a token that has expired: https://github.com/aws/containers-roadmap/issues/2835 */
  #isRefusal({ status }: HttpAnswer, used: Authorisation, renewals: number): boolean {
    if (status === 401) return true;
    const wasGood = used.refreshAt !== undefined && this.#accepted === used.generation;
    return status === 400 && wasGood && renewals === 0;
  }

  /** The current authorisation, renewed if its token is about to expire. */
  async #fresh(request: HttpRequest): Promise<Authorisation> {
    const used = this.#current;
    if (used.refreshAt !== undefined && Date.now() >= used.refreshAt)
      // The old token is good for a while yet, and a refusal of it is answered like any other.
      await this.#renew(used, { kind: 'due' }, request).catch(() => false);
    return this.#current;
  }

  /** Once per generation, whoever asks first. false: there is nothing better to be had. */
  #renew(used: Authorisation, occasion: Occasion, request: HttpRequest): Promise<boolean> {
    if (this.#current.generation !== used.generation) return Promise.resolve(true);
    this.#renewal ??= this.#obtain(used, occasion).finally(() => {
      this.#renewal = undefined;
    });
    return untilAborted(this.#renewal, request.signal);
  }

  async #obtain(used: Authorisation, occasion: Occasion): Promise<boolean> {
    this.#credential ??= this.#lookUp();
    const credential = await this.#credential;
    if (credential?.kind === 'registry-token') {
      if (used.header !== undefined) return false;
      this.#advance({ header: bearerAuthorization(credential), source: credential.source });
      return true;
    }
    const challenges = await this.#challenges(occasion);
    const bearer = challenges.find((one) => one.scheme === 'bearer' && one.parameters.has('realm'));
    if (bearer) return this.#obtainToken({ used, bearer, credential, isDue: occasion.kind === 'due' });
    const isOffered = challenges.some((one) => one.scheme === 'basic');
    if (!isOffered || credential?.kind !== 'password' || used.header !== undefined) return false;
    this.#advance({ header: basicAuthorization(credential), source: credential.source });
    return true;
  }

  async #lookUp(): Promise<Credential | undefined> {
    const credential = await this.#options.credential();
    if (credential) for (const secret of secretsOf(credential)) this.#options.secrets.hide(secret);
    return credential;
  }

  async #challenges(occasion: Occasion): Promise<readonly Challenge[]> {
    if (occasion.kind === 'refused' && occasion.challenges.length > 0) return occasion.challenges;
    return this.#bearer ? [this.#bearer] : this.#options.ping();
  }

  async #obtainToken(context: {
    readonly used: Authorisation;
    readonly bearer: Challenge;
    readonly credential: Credential | undefined;
    readonly isDue: boolean;
  }): Promise<boolean> {
    const { used, bearer, credential, isDue } = context;
    if (!isDue && used.refreshAt !== undefined && !this.#isWorthAsking(used, bearer)) return false;
    this.#bearer = bearer;
    const { value, refreshAt } = await this.#options.fetchToken(bearer, this.#scope, credential);
    this.#advance({ header: `Bearer ${value}`, refreshAt, source: credential?.source });
    return true;
  }

  /** A token that was never good for anything is not asked for again, except with the scope the registry names. */
  #isWorthAsking(refused: Authorisation, bearer: Challenge): boolean {
    const wasGood = this.#accepted === refused.generation;
    const isInsufficient = bearer.parameters.get('error') === 'insufficient_scope';
    if (wasGood && !isInsufficient) return true;
    return this.#widenScope(bearer) || wasGood;
  }

  /** Once: a registry that names another scope every time is not followed. */
  #widenScope(bearer: Challenge): boolean {
    const wanted = bearer.parameters.get('scope')?.trim();
    if (this.#isScopeWidened || !wanted || wanted === this.#scope) return false;
    this.#isScopeWidened = true;
    this.#scope = wanted;
    return true;
  }

  #advance(next: Omit<Authorisation, 'generation'>): void {
    this.#current = { ...next, generation: this.#current.generation + 1 };
  }
}

async function sendWith(
  send: Send,
  request: HttpRequest,
  { header, source }: Authorisation,
): Promise<HttpAnswer> {
  if (header === undefined) return send(request);
  const answer = await send({ ...request, headers: { ...request.headers, authorization: header } });
  return { ...answer, credentialSource: source };
}
