/** What a key may be used for. None implies another: a key can do what it says and nothing else. */
export const roles = ['rank', 'feedback', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What a route asks for: a role, or any key at all. */
export type Need = Role | 'any';

/** How much one key may be used. What is left out is not limited. */
export interface KeyLimits {
  readonly requestsPerSecond?: number;
  /** How many requests may come at once after a pause; as many as in one second if left out. */
  readonly burst?: number;
  /** Requests that are being answered at the same time. */
  readonly concurrent?: number;
  readonly candidatesPerSecond?: number;
}

/** A key as it is kept: enough to recognise it, not to use it. */
export interface KeyEntry {
  /** Public: stands in the key itself and finds the entry. */
  readonly id: string;
  /** For people, logs and metrics. Two keys may share one while a key is being replaced. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** `sha256:` and the hex digest of the whole key. */
  readonly hash: string;
  /** ISO time. */
  readonly created?: string;
  /** ISO time from which on the key is refused. */
  readonly expires?: string;
  readonly limits?: KeyLimits;
}
