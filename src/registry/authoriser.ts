// Holds the Authorization of one repository: learns from challenges, gets one token for all requests, renews it in time.
import type { Credential } from '../auth/credential.ts';
import { untilAborted } from './abort.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { HttpAnswer, HttpRequest, Send } from './http.ts';
import { errorOfAnswer } from './registry-error.ts';
import type { Secrets } from './secrets.ts';
import { basicAuthorization, type Token } from './token.ts';

export interface AuthoriserOptions {
  readonly credential: Credential | undefined;
  /** `repository:NAME:pull` */
  readonly scope: string;
  readonly secrets: Secrets;
  /** Asks the registry for its challenges, for when a refusal came without any. */
  ping(): Promise<readonly Challenge[]>;
  fetchToken(challenge: Challenge, scope: string): Promise<Token>;
}

/** What a request is sent with. Every new header begins a new generation. */
interface Authorisation {
  readonly generation: number;
  readonly header?: string;
  /** Bearer only: see Token. */
  readonly refreshAt?: number;
}

/** First the challenge, then a wider scope: more cannot help. */
const MAX_RENEWALS = 2;

export class Authoriser {
  readonly #options: AuthoriserOptions;
  #current: Authorisation = { generation: 0 };
  /** The last generation the registry took. */
  #accepted = -1;
  #bearer: Challenge | undefined;
  #scope: string;
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
        const answer = await this.#sendWith(send, request, used);
        if (!isRefusal(answer, used, renewals)) {
          this.#accepted = Math.max(this.#accepted, used.generation);
          return answer;
        }
        const challenges = parseChallenges(answer.headers['www-authenticate']);
        // The body is read before anything else is asked: it may hold the only connection.
        const refusal = await errorOfAnswer(answer, this.#options.secrets);
        const renewed = renewals < MAX_RENEWALS && (await this.#renew(used, challenges, request));
        if (!renewed) throw refusal;
        used = this.#current;
      }
    };
  }

  /** The current authorisation, renewed if its token is about to expire. */
  async #fresh(request: HttpRequest): Promise<Authorisation> {
    const used = this.#current;
    if (used.refreshAt !== undefined && Date.now() >= used.refreshAt) await this.#renew(used, [], request);
    return this.#current;
  }

  async #sendWith(send: Send, request: HttpRequest, { header }: Authorisation): Promise<HttpAnswer> {
    if (header === undefined) return send(request);
    const answer = await send({ ...request, headers: { ...request.headers, authorization: header } });
    return { ...answer, credentialSent: this.#options.credential !== undefined };
  }

  /** Once per generation, whoever asks first. false: there is nothing better to be had. */
  #renew(used: Authorisation, challenges: readonly Challenge[], request: HttpRequest): Promise<boolean> {
    if (this.#current.generation !== used.generation) return Promise.resolve(true);
    this.#renewal ??= this.#obtain(used, challenges).finally(() => {
      this.#renewal = undefined;
    });
    return untilAborted(this.#renewal, request.signal);
  }

  async #obtain(used: Authorisation, given: readonly Challenge[]): Promise<boolean> {
    const challenges = given.length > 0 ? given : this.#bearer ? [this.#bearer] : await this.#options.ping();
    const bearer = challenges.find((one) => one.scheme === 'bearer' && one.parameters.has('realm'));
    if (bearer) return this.#obtainToken(used, bearer);
    const { credential, secrets } = this.#options;
    const isOffered = challenges.some((one) => one.scheme === 'basic');
    if (!isOffered || !credential || used.header !== undefined) return false;
    const header = basicAuthorization(credential);
    secrets.hide(header.slice('Basic '.length));
    this.#advance({ header });
    return true;
  }

  async #obtainToken(used: Authorisation, bearer: Challenge): Promise<boolean> {
    const isUseless = used.refreshAt !== undefined && this.#accepted !== used.generation;
    // A token that was never good for anything is not asked for again, except with the scope the registry names.
    if (isUseless && !this.#widenScope(bearer)) return false;
    this.#bearer = bearer;
    const token = await this.#options.fetchToken(bearer, this.#scope);
    this.#options.secrets.hide(token.value);
    this.#advance({ header: `Bearer ${token.value}`, refreshAt: token.refreshAt });
    return true;
  }

  #widenScope(bearer: Challenge): boolean {
    const wanted = bearer.parameters.get('scope');
    if (!wanted || wanted === this.#scope) return false;
    this.#scope = wanted;
    return true;
  }

  #advance(next: Omit<Authorisation, 'generation'>): void {
    this.#current = { ...next, generation: this.#current.generation + 1 };
  }
}

/** ECR Public answers 400, not 401, to a token that has expired. */
function isRefusal(answer: HttpAnswer, used: Authorisation, renewals: number): boolean {
  if (answer.status === 401) return true;
  return answer.status === 400 && used.refreshAt !== undefined && renewals === 0;
}
