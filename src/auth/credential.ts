/** What a registry host is given to prove who asks. */
export interface Credential {
  readonly username: string;
  readonly password: string;
}
